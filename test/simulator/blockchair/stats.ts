import type { Row } from '../world/bitcoin-like';
import { difficultyOf } from '../world/bitcoin-like';
import type { BlockSlot } from '../world/chain';
import type { ChainTables } from '../world/tables';
import { DAY_MS, timeText } from '../world/time';
import type { World } from '../world/world';

/** `data` of `/{chain}/stats`: the chain at its newest block, and its last 24 hours. */
export function chainStats(world: World, chain: ChainTables): Row {
  const nowMs = world.now().getTime();
  const { timeline, coin } = chain;
  const best = timeline.slot(timeline.lastAt(nowMs));
  if (!best) return { blocks: 0 };
  const firstOfDay = Math.max(0, timeline.lastAt(nowMs - DAY_MS) + 1);
  const blocks = best.id - firstOfDay + 1;
  const recent = recentRows(chain, best);
  const transactions = chain.rowsBefore('transactions', best) + chain.rowCount('transactions', best);
  const day = transactions - chain.rowsBefore('transactions', timeline.slot(firstOfDay) ?? best);
  const price = world.market.fair(coin, nowMs)?.price ?? 0;
  const change = (price / (world.market.fair(coin, nowMs - DAY_MS)?.price ?? price) - 1) * 100;
  const supply = world.market.supplyAt(coin, nowMs);
  const bestRow = chain.rows('blocks', best)[0];
  const shared = {
    blocks: best.id + 1,
    transactions,
    blocks_24h: blocks,
    transactions_24h: day,
    best_block_height: best.id,
    best_block_time: timeText(best.ms),
    // Ethereum's stats have this one hash without 0x.
    best_block_hash: String(bestRow?.['hash']).replace(/^0x/, ''),
    mempool_transactions: 4000 + (best.id % 997),
    mempool_tps: 5.416666666666667,
    market_price_usd: price,
    market_price_usd_change_24h_percentage: Number(change.toFixed(5)),
    market_cap_usd: Math.round(price * supply),
    market_dominance_percentage: dominance(world, chain, nowMs),
  };
  const fees = averages(recent, coin.chain.family === 'ethereum' ? 1e18 : 1e8, price);
  return coin.chain.family === 'ethereum'
    ? ethereumStats(chain, shared, best, blocks, day, supply, price, recent, fees)
    : bitcoinLikeStats(chain, shared, best, blocks, day, supply, price, recent, fees);
}

interface FeeFigures {
  average: number;
  median: number;
  averageUsd: number;
  medianUsd: number;
}

function bitcoinLikeStats(
  chain: ChainTables,
  shared: Row,
  best: BlockSlot,
  blocks: number,
  transactions: number,
  supply: number,
  price: number,
  recent: Row[],
  fees: FeeFigures,
): Row {
  const traits = chain.coin.chain;
  const difficulty = difficultyOf(traits, best);
  const inflation = blocks * traits.blockReward;
  const moved = recent.reduce((sum, row) => sum + Number(row['output_total']), 0) / Math.max(1, recent.length);
  const retargets = ['bitcoin', 'litecoin'].includes(traits.slug);
  return {
    ...shared,
    outputs: Number(shared['transactions']) * 2,
    circulation: BigInt(supply) * 100_000_000n,
    difficulty,
    volume_24h: BigInt(Math.round(moved)) * BigInt(transactions),
    mempool_outputs: 44316,
    mempool_size: 5076549,
    mempool_total_fee_usd: 14219.1005,
    blockchain_size: best.transactionsBefore * 500,
    average_transaction_fee_24h: Math.round(fees.average),
    inflation_24h: Math.round(inflation * 1e8),
    median_transaction_fee_24h: Math.round(fees.median),
    cdd_24h: 3696149.5996842394,
    largest_transaction_24h: { hash: recent[0]?.['hash'] ?? null, value_usd: 773548352 },
    nodes: 8502,
    hashrate_24h: hashrate(difficulty, blocks),
    inflation_usd_24h: inflation * price,
    average_transaction_fee_usd_24h: fees.averageUsd,
    median_transaction_fee_usd_24h: fees.medianUsd,
    market_price_btc: 1,
    ...(retargets
      ? { next_retarget_time_estimate: timeText(best.ms + 9 * DAY_MS), next_difficulty_estimate: difficulty }
      : {}),
    countdowns: [],
    suggested_transaction_fee_per_byte_sat: Math.round(traits.feeRate),
    hodling_addresses: 38343147,
  };
}

function ethereumStats(
  chain: ChainTables,
  shared: Row,
  best: BlockSlot,
  blocks: number,
  transactions: number,
  supply: number,
  price: number,
  recent: Row[],
  fees: FeeFigures,
): Row {
  const row = chain.rows('blocks', best)[0];
  const moved = recent.reduce((sum, tx) => sum + Number(tx['value'] ?? 0), 0) / Math.max(1, recent.length);
  // Ether, although the documentation says otherwise. Proof of stake pays about 0.02 a block.
  const inflation = blocks * 0.02;
  return {
    ...shared,
    uncles: 0,
    uncles_24h: 0,
    calls: Number(shared['transactions']) * 4,
    circulation_approximate: String(BigInt(supply) * 1_000_000_000_000_000_000n),
    difficulty: row?.['difficulty'] ?? 0,
    volume_24h_approximate: String(BigInt(Math.round(moved)) * BigInt(transactions)),
    mempool_median_gas_price: Math.round(chain.coin.chain.feeRate * 1e9),
    mempool_total_value_approximate: '1234567890000000000000',
    average_simple_transaction_fee_24h: String(Math.round(chain.coin.chain.feeRate * 21_000 * 1e9)),
    average_transaction_fee_24h: String(Math.round(fees.average)),
    median_transaction_fee_24h: String(Math.round(fees.median)),
    inflation_24h: inflation,
    inflation_usd_24h: inflation * price,
    average_transaction_fee_usd_24h: fees.averageUsd,
    median_transaction_fee_usd_24h: fees.medianUsd,
    blockchain_size: best.transactionsBefore * 600,
    hashrate_24h: hashrate(Number(row?.['difficulty'] ?? 0), blocks),
    largest_transaction_24h: { hash: recent[0]?.['hash'] ?? null, value_usd: 48210000 },
    market_price_btc: 0.0378,
    layer_2: {
      erc_20: { tokens: 1_400_000, transactions: 2_900_000_000, tokens_24h: 900, transactions_24h: 1_600_000 },
    },
  };
}

/** H/s as text: 2^32 hashes per unit of difficulty, over the day's blocks. */
function hashrate(difficulty: number, blocks: number): string {
  return String((BigInt(Math.round(difficulty)) * 4_294_967_296n * BigInt(blocks)) / 86_400n);
}

/** The newest block's transactions stand for the day: figures of stats are indications. */
function recentRows(chain: ChainTables, best: BlockSlot): Row[] {
  return chain.rows('transactions', best);
}

function averages(rows: Row[], unitsPerCoin: number, price: number): FeeFigures {
  const fees = rows.map((row) => Number(row['fee'] ?? 0)).toSorted((one, other) => one - other);
  const average = fees.reduce((sum, fee) => sum + fee, 0) / Math.max(1, fees.length);
  const median = fees[Math.floor(fees.length / 2)] ?? 0;
  const toUsd = price / unitsPerCoin;
  return { average, median, averageUsd: average * toUsd, medianUsd: median * toUsd };
}

function dominance(world: World, chain: ChainTables, nowMs: number): number {
  const caps = world.coins.map((coin) => world.market.fair(coin, nowMs)?.marketCap ?? 0);
  const own = world.market.fair(chain.coin, nowMs)?.marketCap ?? 0;
  return Number(((own / caps.reduce((sum, cap) => sum + cap, 0)) * 100).toFixed(2));
}

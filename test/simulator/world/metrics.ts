import { difficultyOf } from './bitcoin-like';
import type { Coin } from './coins';
import { noise, seedOf } from './random';
import { DAY_MS } from './time';
import type { World } from './world';

/** What those who count say about a coin's network on one UTC day. */
export interface DayMetrics {
  activeAddresses: number;
  transactions: number;
  /** Moved between addresses, USD. */
  transferUsd: number;
  /** At the end of the day, USD. */
  marketCap: number;
  /** Market cap ÷ what was paid for the coins. */
  mvrv: number;
  supply: number;
  /** Per cent a year. */
  inflation: number;
  /** Of the day's last block; proof of work only. */
  difficulty?: number;
  /** Mean of the day; proof of work only. */
  hashesPerSecond?: number;
}

/** Hashes for a block of difficulty 1, and seconds between blocks. */
const MINING: Readonly<Record<string, [hashes: number, seconds: number]>> = {
  bitcoin: [2 ** 32, 600],
  'bitcoin-cash': [2 ** 32, 600],
  litecoin: [2 ** 32, 150],
  dogecoin: [2 ** 32, 60],
  dash: [2 ** 32, 157.5],
  zcash: [8192, 75],
  monero: [1, 120],
  'ethereum-classic': [1, 13],
  'bitcoin-cash-sv': [2 ** 32, 600],
  'bitcoin-gold': [8192, 600],
  vertcoin: [2 ** 32, 150],
};

/** Where the chain's own tables say nothing. */
const DIFFICULTIES: Readonly<Record<string, number>> = {
  monero: 570_000_000_000,
  'ethereum-classic': 3_100_000_000_000_000,
  'bitcoin-cash-sv': 81_000_000_000,
  'bitcoin-gold': 146_000,
  vertcoin: 310,
};

/** The network on the UTC day with this number (days since 1970); undefined for dead coins and before the listing. */
export function dayMetrics(world: World, coin: Coin, day: number): DayMetrics | undefined {
  const endMs = (day + 1) * DAY_MS;
  const quote = world.market.fair(coin, endMs);
  if (!quote) return undefined;
  const wave = (what: string, period: number): number =>
    noise(seedOf(`${world.seed}/${coin.id}/${what}`), day / period);
  const activeAddresses = Math.round(60 + 1.6 * quote.marketCap ** 0.48 * (1 + 0.2 * wave('addresses', 2)));
  const mining = miningOf(world, coin, endMs - 1);
  return {
    activeAddresses,
    transactions: Math.round(activeAddresses * (0.55 + 0.1 * wave('transactions', 2))),
    transferUsd: quote.marketCap * 0.006 * Math.exp(0.4 * wave('transfers', 2)),
    marketCap: quote.marketCap,
    mvrv: 1.7 + 0.6 * wave('mvrv', 45),
    supply: world.market.supplyAt(coin, endMs),
    inflation: coin.chain ? 0.83 + 0.05 * wave('issuance', 2) : 0,
    ...(mining && {
      difficulty: mining.difficulty,
      hashesPerSecond: ((mining.difficulty * mining.hashes) / mining.seconds) * (1 + 0.06 * wave('luck', 1)),
    }),
  };
}

function miningOf(world: World, coin: Coin, ms: number) {
  const [hashes, seconds] = MINING[coin.id] ?? [];
  if (hashes === undefined || seconds === undefined) return undefined;
  const tables = [...world.chains.values()].find((chain) => chain.coin.id === coin.id);
  const last = tables?.timeline.slot(tables.timeline.lastAt(ms));
  const difficulty = tables && last ? difficultyOf(tables.coin.chain, last) : (DIFFICULTIES[coin.id] ?? 0);
  return { difficulty, hashes, seconds };
}

import type { BlockSlot } from './chain';
import type { ChainTraits } from './coins';
import { type Random, randomFrom } from './random';
import { dateText, timeText } from './time';

/** One row of a Blockchair table. Amounts are bigint: base units pass 2^53 (a Dogecoin block can move 10^17). */
export type Row = Record<string, unknown>;

export interface BlockContents {
  block: Row;
  transactions: Row[];
}

const UNITS_PER_COIN = 100_000_000;
const MINERS = ['Foundry USA Pool', 'AntPool', 'ViaBTC', 'F2Pool', 'SpiderPool', 'Unknown'];

/** USD columns are single-precision floats upstream; six digits are what its documentation shows. */
export function usd(amount: number): number {
  return Number(amount.toPrecision(6));
}

/** Base units of an amount in whole units, also where a double no longer holds every one of them. */
export function baseUnits(amount: number, random: Random): bigint {
  return BigInt(Math.floor(amount / 1000)) * 1000n + BigInt(random.integer(0, 999));
}

/**
 * A block of a Bitcoin-like chain with all its transactions, columns as in Blockchair's REST tables.
 * `price` is USD per coin at the beginning of the block's day. Sums hold: the block's outputs are its inputs plus the
 * generation, its fees are those of its rows, and the coinbase pays generation and fees.
 */
export function bitcoinLikeBlock(seed: string, traits: ChainTraits, slot: BlockSlot, price: number): BlockContents {
  const random = randomFrom(`${seed}/${traits.slug}/block/${slot.id}`);
  const toUsd = (units: bigint): number => usd((Number(units) / UNITS_PER_COIN) * price);
  const when = { date: dateText(slot.ms), time: timeText(slot.ms) };
  const generation = BigInt(Math.round(traits.blockReward * UNITS_PER_COIN));

  const paid = Array.from({ length: slot.transactions - 1 }, (_, index) => payment(index + 1));
  const fees = sum(paid, 'fee');
  const coinbase = transactionRow(0, {
    coinbase: true,
    witness: traits.segwit,
    inputs: 1,
    outputs: random.integer(1, 3),
    size: random.integer(180, 360),
    inputTotal: 0n,
    outputTotal: generation + fees,
    cdd: 0,
  });
  const transactions = [coinbase, ...paid];

  function payment(index: number): Row {
    const inputs = Math.ceil(1 / (0.15 + 0.85 * random.unit()));
    const outputs = random.chance(0.7) ? 2 : random.integer(1, 9);
    const size = 10 + 148 * inputs + 34 * outputs + random.integer(-3, 3);
    // Payments of 5 USD to about a million, most of them small.
    const worthUsd = 5 * Math.exp(12 * random.unit() ** 2);
    const outputTotal = baseUnits((worthUsd / price) * UNITS_PER_COIN, random);
    const fee = BigInt(Math.max(1, Math.round(size * traits.feeRate * (0.5 + random.unit() * 2))));
    // Real values run from 1e-7 to thousands, and young chains show small negative ones.
    const cdd = Number((((Number(outputTotal) / UNITS_PER_COIN) * 40 * random.unit() ** 6) / 1.7).toPrecision(14));
    return transactionRow(index, {
      coinbase: false,
      witness: traits.segwit && random.chance(0.85),
      inputs,
      outputs,
      size,
      inputTotal: outputTotal + fee,
      outputTotal,
      cdd,
    });
  }

  function transactionRow(
    index: number,
    tx: {
      coinbase: boolean;
      witness: boolean;
      inputs: number;
      outputs: number;
      size: number;
      inputTotal: bigint;
      outputTotal: bigint;
      cdd: number;
    },
  ): Row {
    const fee = tx.coinbase ? 0n : tx.inputTotal - tx.outputTotal;
    const weight = tx.witness ? Math.round(tx.size * 2.7) : tx.size * 4;
    const perKb = (Number(fee) / tx.size) * 1000;
    const perKwu = (Number(fee) / weight) * 1000;
    return {
      block_id: slot.id,
      id: slot.transactionsBefore + index,
      hash: random.hex(64),
      ...when,
      size: tx.size,
      ...(traits.segwit ? { weight } : {}),
      version: random.chance(0.6) ? 2 : 1,
      lock_time: tx.coinbase || random.chance(0.7) ? 0 : slot.id - 1,
      is_coinbase: tx.coinbase,
      ...(traits.segwit ? { has_witness: tx.witness } : {}),
      input_count: tx.inputs,
      output_count: tx.outputs,
      input_total: tx.inputTotal,
      input_total_usd: toUsd(tx.inputTotal),
      output_total: tx.outputTotal,
      output_total_usd: toUsd(tx.outputTotal),
      fee,
      fee_usd: toUsd(fee),
      fee_per_kb: Number(perKb.toPrecision(6)),
      fee_per_kb_usd: usd((perKb / UNITS_PER_COIN) * price),
      ...(traits.segwit
        ? { fee_per_kwu: Number(perKwu.toPrecision(6)), fee_per_kwu_usd: usd((perKwu / UNITS_PER_COIN) * price) }
        : {}),
      cdd_total: tx.cdd,
    };
  }

  const size = 80 + count(transactions, 'size');
  const weight = traits.segwit ? 320 + count(transactions, 'weight') : 0;
  const bits = 0x17000000 + random.integer(0x10000, 0x7fffff);
  const perKb = Math.round((Number(fees) / size) * 1000);
  const perKwu = Number(((Number(fees) / Math.max(1, weight)) * 1000).toPrecision(6));
  const block: Row = {
    id: slot.id,
    hash: `00000000000000000${random.hex(47)}`,
    ...when,
    median_time: timeText(slot.ms - random.integer(1500, 4500) * 1000),
    size,
    ...(traits.segwit ? { stripped_size: Math.round((weight - size) / 3), weight } : {}),
    version: 536870912,
    version_hex: '20000000',
    version_bits: '100000000000000000000000000000',
    merkle_root: random.hex(64),
    nonce: random.word(),
    bits,
    difficulty: difficultyOf(traits, slot),
    chainwork: (BigInt(slot.id + 1) * BigInt(Math.round(traits.difficulty)) * 0x1_0000_0000n)
      .toString(16)
      .padStart(64, '0'),
    coinbase_data_hex: `03${random.hex(96)}`,
    transaction_count: transactions.length,
    ...(traits.segwit ? { witness_count: transactions.filter((row) => row['has_witness'] === true).length } : {}),
    input_count: count(transactions, 'input_count'),
    output_count: count(transactions, 'output_count'),
    ...amount('input_total', sum(transactions, 'input_total')),
    ...amount('output_total', sum(transactions, 'output_total')),
    ...amount('fee_total', fees),
    fee_per_kb: perKb,
    fee_per_kb_usd: usd((perKb / UNITS_PER_COIN) * price),
    ...(traits.segwit ? { fee_per_kwu: perKwu, fee_per_kwu_usd: usd((perKwu / UNITS_PER_COIN) * price) } : {}),
    cdd_total: Number(count(transactions, 'cdd_total').toPrecision(14)),
    ...amount('generation', generation),
    ...amount('reward', generation + fees),
    guessed_miner: MINERS[random.integer(0, MINERS.length - 1)],
    ...extraColumns(traits, slot, random),
  };
  return { block, transactions };

  function amount(column: string, units: bigint): Row {
    return { [column]: units, [`${column}_usd`]: toUsd(units) };
  }
}

/** Chains retarget: the difficulty drifts by about one percent a day around the table's. */
export function difficultyOf(traits: ChainTraits, slot: BlockSlot): number {
  const drift = 1 + 0.1 * Math.sin(slot.ms / 86_400_000 / 9);
  const value = traits.difficulty * drift;
  return Number.isInteger(traits.difficulty) ? Math.round(value) : Number(value.toFixed(6));
}

function extraColumns(traits: ChainTraits, slot: BlockSlot, random: Random): Row {
  switch (traits.extra) {
    case 'cbtx':
      return {
        cbtx: JSON.stringify({
          version: 2,
          height: slot.id,
          merkleRootMNList: random.hex(64),
          merkleRootQuorums: random.hex(64),
        }),
      };
    case 'sapling':
      return { final_sapling_root: random.hex(64), solution: random.hex(200), anchor: random.hex(64) };
    case 'auxpow':
      return { is_aux: random.chance(0.98) };
    case undefined:
      return {};
  }
}

function count(rows: readonly Row[], column: string): number {
  return rows.reduce((total, row) => total + Number(row[column]), 0);
}

function sum(rows: readonly Row[], column: string): bigint {
  return rows.reduce((total, row) => total + (row[column] as bigint), 0n);
}

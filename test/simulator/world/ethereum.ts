import { type BlockContents, type Row, baseUnits, usd } from './bitcoin-like';
import type { BlockSlot } from './chain';
import type { ChainTraits } from './coins';
import { type Random, randomFrom } from './random';
import { dateText, timeText } from './time';

/** Proof of stake began: from here on blocks have no generation, no difficulty and no coinbase row. */
export const MERGE_MS = Date.parse('2022-09-15T06:42:59Z');

const WEI_PER_ETHER = 1_000_000_000_000_000_000;
const GWEI = 1_000_000_000n;
/** The chain's total difficulty froze at the merge. */
const TERMINAL_DIFFICULTY = 58_750_003_716_598_352_816_469n;

/** True for blocks that end with a `synthetic_coinbase` row. */
export function hasSyntheticRow(slot: BlockSlot): boolean {
  return slot.ms < MERGE_MS;
}

/**
 * An Ethereum block with its transactions, columns as in Blockchair's REST tables: wei as numeric strings, gas as
 * numbers, hashes with `0x`. Before the merge the last row is the `synthetic_coinbase`, whose hash is null; the block's
 * `transaction_count` leaves it out (`synthetic_transaction_count` has it).
 * `price` is USD per ether at the beginning of the block's day.
 */
export function ethereumBlock(seed: string, traits: ChainTraits, slot: BlockSlot, price: number): BlockContents {
  const random = randomFrom(`${seed}/${traits.slug}/block/${slot.id}`);
  const when = { date: dateText(slot.ms), time: timeText(slot.ms) };
  const beforeMerge = hasSyntheticRow(slot);
  const toUsd = (wei: bigint): number => usd((Number(wei) / WEI_PER_ETHER) * price);
  const money = (column: string, wei: bigint): Row => ({ [column]: String(wei), [`${column}_usd`]: toUsd(wei) });

  const sent = Array.from({ length: slot.transactions }, (_, index) => transactionRow(index));
  const fees = total(sent, 'fee');
  const generation = beforeMerge ? BigInt(traits.blockReward) * BigInt(WEI_PER_ETHER) : 0n;
  const miner = address(random);
  const transactions = beforeMerge ? [...sent, syntheticRow()] : sent;

  function transactionRow(index: number): Row {
    const gasUsed = random.chance(0.45) ? 21_000 : random.integer(30_000, 420_000);
    const plain = gasUsed === 21_000;
    const create = !plain && random.chance(0.02);
    const gasPrice = BigInt(Math.round(traits.feeRate * (0.4 + random.unit()) * 1e9));
    const worthUsd = plain || random.chance(0.3) ? 5 * Math.exp(11 * random.unit() ** 2) : 0;
    const value = worthUsd === 0 ? 0n : baseUnits((worthUsd / price) * WEI_PER_ETHER, random);
    const fee = BigInt(gasUsed) * gasPrice;
    const callCount = plain ? 1 : random.integer(1, 24);
    return {
      block_id: slot.id,
      id: slot.id * 1_000_000 + index,
      index,
      hash: `0x${random.hex(64)}`,
      ...when,
      failed: !plain && random.chance(0.03),
      type: `${create ? 'create' : 'call'}${callCount > 1 ? '_tree' : ''}`,
      sender: address(random),
      recipient: address(random),
      call_count: callCount,
      ...money('value', value),
      ...money('internal_value', value),
      ...money('fee', fee),
      gas_used: gasUsed,
      gas_limit: Math.round(gasUsed * (plain ? 1 : 1.3)),
      gas_price: Number(gasPrice),
      input_hex: plain ? '' : `a9059cbb${random.hex(128)}`,
      nonce: String(random.integer(0, 20_000)),
      v: random.chance(0.5) ? '1c' : '1b',
      r: random.hex(64),
      s: random.hex(64),
    };
  }

  function syntheticRow(): Row {
    const reward = generation + fees;
    return {
      block_id: slot.id,
      id: slot.id * 1_000_000 + slot.transactions,
      index: null,
      hash: null,
      ...when,
      failed: false,
      type: 'synthetic_coinbase',
      sender: null,
      recipient: miner,
      call_count: 1,
      ...money('value', reward),
      ...money('internal_value', reward),
      fee: null,
      fee_usd: null,
      gas_used: null,
      gas_limit: null,
      gas_price: null,
      input_hex: null,
      nonce: null,
      v: null,
      r: null,
      s: null,
    };
  }

  const calls = sent.reduce((sum, row) => sum + Number(row['call_count']), 0);
  const block: Row = {
    id: slot.id,
    hash: `0x${random.hex(64)}`,
    ...when,
    size: 540 + slot.transactions * 190,
    miner,
    extra_data_hex: random.hex(32),
    difficulty: beforeMerge ? traits.difficulty + random.integer(0, 1_000_000) : 0,
    gas_used: sent.reduce((sum, row) => sum + Number(row['gas_used']), 0),
    gas_limit: beforeMerge ? 15_000_000 : 45_000_000,
    logs_bloom: random.hex(64).repeat(8),
    mix_hash: random.hex(64),
    nonce: beforeMerge ? String(GWEI * BigInt(random.word())) : '0',
    receipts_root: random.hex(64),
    sha3_uncles: '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
    state_root: random.hex(64),
    total_difficulty: String(beforeMerge ? BigInt(slot.id + 1) * BigInt(traits.difficulty) : TERMINAL_DIFFICULTY),
    transactions_root: random.hex(64),
    uncle_count: 0,
    transaction_count: slot.transactions,
    synthetic_transaction_count: beforeMerge ? 1 : 0,
    call_count: calls,
    synthetic_call_count: beforeMerge ? 1 : 0,
    ...money('value_total', total(sent, 'value')),
    ...money('internal_value_total', total(sent, 'internal_value')),
    ...money('generation', generation),
    ...money('uncle_generation', 0n),
    ...money('fee_total', fees),
    ...money('reward', generation + fees),
  };
  return { block, transactions };
}

function address(random: Random): string {
  return `0x${random.hex(40)}`;
}

function total(rows: readonly Row[], column: string): bigint {
  return rows.reduce((sum, row) => sum + BigInt(row[column] as string), 0n);
}

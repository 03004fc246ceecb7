import type { z } from 'zod';
import { align, compareDecimals, rawText } from '../numbers';
import type { Reject, Row, SourceCoin } from '../source';
import type { bitcoinAddress, bitcoinTransaction, block, ethereumAddress, ethereumTransaction } from './schema';

export type Block = z.output<typeof block>;
export type BitcoinTransaction = z.output<typeof bitcoinTransaction>;
export type EthereumTransaction = z.output<typeof ethereumTransaction>;
export type BitcoinAddress = z.output<typeof bitcoinAddress>;
export type EthereumAddress = z.output<typeof ethereumAddress>;

export type Parsed<T> = { raw: unknown; parsed: { success: true; data: T } | { success: false; error: z.ZodError } };

/** Ethereum and its kind have accounts, wei and 0x hashes; every other chain here descends from Bitcoin. */
export function isEthereum(coin: SourceCoin): boolean {
  return coin.sourceId === 'ethereum';
}

export function blockRow(coin: SourceCoin, item: Block): Row {
  return {
    coin_symbol: coin.symbol,
    block_id: item.id,
    block_hash: hashWithout0x(item.hash),
    block_time: item.time,
    transaction_count: item.transaction_count,
    size_bytes: item.size,
    difficulty: item.difficulty,
  };
}

/** Amounts are satoshi in `…_native`. */
export function bitcoinTransactionRow(coin: SourceCoin, item: BitcoinTransaction): Row {
  return {
    coin_symbol: coin.symbol,
    block_id: item.block_id,
    tx_hash: item.hash,
    tx_time: item.time,
    fee_usd: item.fee_usd,
    output_total_usd: item.output_total_usd,
    fee_native: item.fee,
    output_total_native: item.output_total,
    input_count: item.input_count,
    output_count: item.output_count,
    size_bytes: item.size,
    is_coinbase: item.is_coinbase,
  };
}

/**
 * Amounts are wei in `…_native`; an account model has no inputs, outputs or size per transaction.
 * A reward (`synthetic_coinbase`) has no hash: its key is made of what the REST API and the dumps both say of it.
 */
export function ethereumTransactionRow(coin: SourceCoin, item: EthereumTransaction): Row {
  return {
    coin_symbol: coin.symbol,
    block_id: item.block_id,
    tx_hash: item.hash === null ? `${item.type}:${item.recipient}:${item.value}` : hashWithout0x(item.hash),
    tx_time: item.time,
    fee_usd: item.fee_usd,
    output_total_usd: item.value_usd,
    fee_native: item.fee,
    output_total_native: item.value,
    input_count: null,
    output_count: null,
    size_bytes: null,
    is_coinbase: item.type === 'synthetic_coinbase',
  };
}

export function addressRow(coin: SourceCoin, address: string, item: BitcoinAddress | EthereumAddress): Row {
  return {
    coin_symbol: coin.symbol,
    address,
    first_seen_time: earliest(item.first_seen_receiving, item.first_seen_spending),
    last_seen_time: latest(item.last_seen_receiving, item.last_seen_spending),
    transaction_count: item.transaction_count ?? null,
    received_total_usd: item.received_usd,
    spent_total_usd: item.spent_usd,
    balance_usd: item.balance_usd,
  };
}

/** Ethereum hashes come with 0x from the REST API and without from the dumps (SOURCES, trap 5): stored without. */
function hashWithout0x(hash: string): string {
  return hash.startsWith('0x') ? hash.slice(2) : hash;
}

/** What is wrong with a row of this day, or undefined. */
export function outsideDay(time: string, date: string): string | undefined {
  return time.startsWith(date) ? undefined : `time ${time} is not on ${date}`;
}

/** balance = received − spent in the coin's own unit; Ethereum rounds its totals and pays fees from the balance. */
export function addressProblem(item: BitcoinAddress | EthereumAddress): string | undefined {
  const first = earliest(item.first_seen_receiving, item.first_seen_spending);
  const last = latest(item.last_seen_receiving, item.last_seen_spending);
  if (first && last && last < first) return `last seen ${last} is before first seen ${first}`;
  if (compareDecimals(item.balance, '0') < 0) return `balance ${item.balance} is negative`;
  if ('received' in item) {
    const [balance, received, spent] = align(item.balance, item.received, item.spent);
    return balance === received - spent
      ? undefined
      : `balance ${item.balance} is not received ${item.received} − spent ${item.spent}`;
  }
  const { received_approximate, spent_approximate, fees_approximate } = item;
  const [balance, received, spent, fees] = align(
    item.balance,
    received_approximate,
    spent_approximate,
    fees_approximate ?? '0',
  );
  const difference = balance - (received - spent - fees);
  // the totals are rounded to a double's 15–16 digits: 1e-12 of what was received leaves room for their sum
  const tolerance = received / 1_000_000_000_000n + 1n;
  return difference <= tolerance && -difference <= tolerance
    ? undefined
    : `balance ${item.balance} is not received ${received_approximate} − spent ${spent_approximate} − fees ${fees_approximate ?? 0}`;
}

function earliest(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function latest(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && b > a) ? b : a;
}

/** Splits parsed items into rows and rejects: `keys` are the fields that name one, `problem` is the business rule. */
export function sort<T>(
  items: readonly Parsed<T>[],
  keys: readonly string[],
  problem: (item: T) => string | undefined,
  toRow: (item: T) => Row,
): { rows: Row[]; rejects: Reject[] } {
  const rows: Row[] = [];
  const rejects: Reject[] = [];
  for (const { raw, parsed } of items) {
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      const field = issue.path.map(String).join('.') || null;
      const reason = `${field ?? 'row'}: ${issue.message}`;
      rejects.push({ key: keyOf(raw, keys), field, reason, raw: rawText(raw) });
      continue;
    }
    const reason = problem(parsed.data);
    if (reason === undefined) rows.push(toRow(parsed.data));
    else rejects.push({ key: keyOf(raw, keys), field: null, reason, raw: rawText(raw) });
  }
  return { rows, rejects };
}

/** From the raw item, so that one which does not fit the schema can be found too. */
function keyOf(raw: unknown, keys: readonly string[]): string | null {
  const values = keys.map((key) => (raw as Readonly<Record<string, unknown>> | null | undefined)?.[key]);
  const value = values.find((each) => typeof each === 'string' || typeof each === 'number');
  return value === undefined ? null : String(value);
}

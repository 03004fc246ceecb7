import { sql, type Kysely, type RawBuilder } from 'kysely';
import { ensureMonthPartition } from '../../db/partitions';
import type { Schema } from '../../db/schema';
import { preload } from '../proof/load/preload';
import { planOf } from './plans';

// What analysts ask of the chain tables. Each question reads one partition, or a range of an index, never everything.

/** A transaction of the day that is asked for. */
export interface Known {
  blockId: number;
  hash: string;
}

interface Question {
  says: string;
  query: (known: Known) => RawBuilder<unknown>;
  /** in one partition, the day's month; else in each of them by an index */
  isOfDay: boolean;
  /** the most rows that the plan may expect, of as many as there are in a day */
  mostRows: (perDay: number) => number;
}

const transactions = sql`raw_blockchain_transactions`;
const day = sql`tx_time >= '2026-09-01' AND tx_time < '2026-09-02'`;
const few = () => 20_000;

export const chainQuestions: readonly Question[] = [
  {
    says: 'transactions of a block, its day from the blocks table',
    query: ({ blockId }) => sql`SELECT tx.* FROM raw_blockchain_blocks b JOIN ${transactions} tx
      ON tx.coin_symbol = b.coin_symbol AND tx.block_id = b.block_id AND ${day}
      WHERE b.coin_symbol = 'BTC' AND b.block_id = ${blockId}`,
    isOfDay: true,
    mostRows: few,
  },
  {
    says: 'transactions of a day, counted',
    query: () => sql`SELECT COUNT(*) FROM ${transactions} WHERE coin_symbol = 'BTC' AND ${day}`,
    isOfDay: true,
    mostRows: (perDay) => 5 * perDay,
  },
  {
    says: 'a transaction by its hash and day',
    query: ({ hash }) => sql`SELECT * FROM ${transactions} WHERE coin_symbol = 'BTC' AND tx_hash = ${hash} AND ${day}`,
    isOfDay: true,
    mostRows: few,
  },
  {
    says: 'a transaction by its hash alone',
    query: ({ hash }) => sql`SELECT * FROM ${transactions} WHERE coin_symbol = 'BTC' AND tx_hash = ${hash}`,
    isOfDay: false,
    mostRows: few,
  },
  {
    says: 'blocks of a coin and two days',
    query: () => sql`SELECT * FROM raw_blockchain_blocks WHERE coin_symbol = 'BTC'
      AND block_time >= '2026-09-01' AND block_time < '2026-09-03'`,
    isOfDay: false,
    mostRows: few,
  },
  {
    says: 'the first and the latest block of each coin',
    query: () => sql`SELECT * FROM database_stats WHERE table_name = 'raw_blockchain_blocks'`,
    isOfDay: false,
    mostRows: few,
  },
];

/** The days before 12 September 2026, of Bitcoin, with their blocks. */
export async function fillChain(
  db: Kysely<Schema>,
  { rows, days }: { rows: number; days: number },
  say: (line: string) => void = () => undefined,
): Promise<Known> {
  const months = ['2026-04', '2026-05', '2026-06', '2026-07', '2026-08', '2026-09'];
  for (const month of months) await ensureMonthPartition(db, 'raw_blockchain_transactions', month);
  await preload(db, { tables: ['raw_blockchain_transactions'], rows, before: '2026-09-12', days }, say);
  await sql`INSERT INTO raw_blockchain_blocks (coin_symbol, block_id, block_hash, block_time, log_id)
    SELECT coin_symbol, block_id, SHA2(MAX(block_id), 256), MIN(tx_time), 1 FROM ${transactions}
    GROUP BY coin_symbol, block_id`.execute(db);
  await sql`ANALYZE TABLE ${transactions}, raw_blockchain_blocks`.execute(db);
  const known = await sql<Known>`SELECT block_id AS blockId, tx_hash AS hash FROM ${transactions}
    WHERE coin_symbol = 'BTC' AND ${day} LIMIT 1`.execute(db);
  return known.rows[0]!;
}

/** What the plan of a question reads that it should not; undefined where there is nothing. */
export async function tooMuchRead(
  db: Kysely<Schema>,
  { query, isOfDay, mostRows }: Question,
  known: Known,
  perDay: number,
): Promise<string | undefined> {
  for (const { table, type, key, partitions, rows } of await planOf(db, query(known))) {
    // aliases of the tables, here and in the view
    if (!/^(raw_|tx$|b$|f$|l$)/.test(table)) continue;
    if (key === null || type === 'ALL' || type === 'index') return `all of ${table}`;
    if (isOfDay && partitions.length > 0 && partitions.join() !== 'p202609') return `partitions ${partitions.join()}`;
    if (rows > mostRows(perDay)) return `${rows} rows of ${table}`;
  }
  return undefined;
}

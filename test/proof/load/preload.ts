import { sql, type Kysely } from 'kysely';
import type { Schema } from '../../../db/schema';

/** A tenth of a million rows is made at once, by the server itself. */
const rowsAtOnce = 100_000;
const transactionsPerBlock = 2_500;

export interface Preload {
  /** with the columns and indexes of `raw_blockchain_transactions` */
  tables: readonly string[];
  rows: number;
  /** the days before this one are filled, YYYY-MM-DD; their partitions must be there */
  before: string;
  days: number;
}

/**
 * Fills tables with Bitcoin's rows of the days before a date, in the order of the days: hashes are random, as real ones
 * are, so that the index on them is as large and as scattered.
 */
export async function preload(
  db: Kysely<Schema>,
  { tables, rows, before, days }: Preload,
  say: (line: string) => void,
): Promise<void> {
  for (const table of tables.map((name) => sql.table(name))) {
    // an index that is made afterwards is sorted, not filled at random
    if (rows > 1_000_000) await sql`ALTER TABLE ${table} DROP KEY idx_coin_hash, DROP KEY idx_coin_time`.execute(db);
    for (let done = 0; done < rows; done += rowsAtOnce) {
      const number = sql`(${done} + n)`;
      await sql`INSERT INTO ${table}
        (coin_symbol, block_id, tx_hash, tx_time, fee_usd, output_total_usd, fee_native, output_total_native, input_count,
        output_count, size_bytes, is_coinbase, log_id)
        WITH RECURSIVE digits (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 9)
        SELECT 'BTC', 800000 + FLOOR(${number} / ${transactionsPerBlock}), SHA2(CONCAT('p', ${number}), 256),
          ${before} - INTERVAL ${days} DAY
            + INTERVAL FLOOR(FLOOR(${number} / ${transactionsPerBlock}) * ${transactionsPerBlock} * ${days * 86_400} / ${rows}) SECOND,
          0.5, 1234.5678, 640, 158253, 1, 2, 225, 0, 1
        FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
          FROM digits a, digits b, digits c, digits e, digits f ORDER BY n) numbers
        WHERE n < ${Math.min(rowsAtOnce, rows - done)}`.execute(db);
      if ((done + rowsAtOnce) % 2_000_000 === 0) say(`preload   ${done + rowsAtOnce} of ${rows}`);
    }
    if (rows > 1_000_000) {
      await sql`ALTER TABLE ${table} ADD KEY idx_coin_hash (coin_symbol, tx_hash)`.execute(db);
      await sql`ALTER TABLE ${table} ADD KEY idx_coin_time (coin_symbol, tx_time)`.execute(db);
      say(`preload   indexes made`);
    }
  }
}

import { sql, type Kysely } from 'kysely';
import type { Schema } from '../../../db/schema';

/** A tenth of a million rows is made at once, then doubled by the server itself. */
const firstRows = 100_000;
const transactionsPerBlock = 2_500;

/**
 * Fills tables with rows of the days before a month, in its own partition order: hashes are random, as real ones are, so
 * that the index on them is as large and as scattered.
 */
export async function preload(
  db: Kysely<Schema>,
  tables: readonly string[],
  rows: number,
  date: string,
  say: (line: string) => void,
): Promise<void> {
  for (const table of tables) {
    for (let done = 0; done < rows;) {
      const some = Math.min(firstRows, rows - done);
      await sql`INSERT INTO ${sql.table(table)}
        (coin_symbol, block_id, tx_hash, tx_time, fee_usd, output_total_usd, fee_native, output_total_native, input_count,
        output_count, size_bytes, is_coinbase, log_id)
        WITH RECURSIVE digits (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 9)
        SELECT 'BTC', 800000 + FLOOR((${done} + n) / ${transactionsPerBlock}), SHA2(CONCAT('p', ${done} + n), 256),
          ${date} - INTERVAL 60 DAY + INTERVAL FLOOR((${done} + n) * 2000000 / ${rows}) SECOND,
          0.5, 1234.5678, 640, 158253, 1, 2, 225, 0, 1
        FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
          FROM digits a, digits b, digits c, digits e, digits f ORDER BY n) numbers WHERE n < ${some}`.execute(db);
      done += some;
      if (done % 1_000_000 === 0) say(`preload   ${table} ${done} of ${rows}`);
    }
  }
}

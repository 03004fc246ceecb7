import { sql, type Transaction } from 'kysely';
import { refreshCoins } from '../db/queries/coins';
import { describeDatabaseError } from '../db/failures';
import type { Schema } from '../db/schema';
import { upsertRows, type UpsertCounts } from '../db/upsert';
import { rawText } from './numbers';
import type { NamedDataset } from './registry';
import type { Page, Reject, Row } from './source';

/** Writes rows in bulk; where a value does not fit its column, row by row, so that only that row is rejected. */
export async function writeRows(
  trx: Transaction<Schema>,
  named: NamedDataset,
  rows: readonly Row[],
  logId: number,
): Promise<{ counts: UpsertCounts; rejects: Reject[] }> {
  try {
    return { counts: await inSavepoint(trx, () => writeTo(trx, named, rows, logId)), rejects: [] };
  } catch (error) {
    if (dataProblem(error) === undefined) throw error;
  }
  const counts: UpsertCounts = { inserted: 0, updated: 0, unchanged: 0 };
  const rejects: Reject[] = [];
  for (const row of rows) {
    try {
      const one = await inSavepoint(trx, () => writeTo(trx, named, [row], logId));
      counts.inserted += one.inserted;
      counts.updated += one.updated;
      counts.unchanged += one.unchanged;
    } catch (error) {
      const reason = dataProblem(error);
      if (reason === undefined) throw error;
      rejects.push({
        key: named.dataset.key.map((column) => String(row[column])).join(' '),
        field: null,
        reason,
        raw: rawText(row),
      });
    }
  }
  return { counts, rejects };
}

async function writeTo(
  trx: Transaction<Schema>,
  { dataset }: NamedDataset,
  rows: readonly Row[],
  logId: number,
): Promise<UpsertCounts> {
  if (dataset.table !== 'coin_metadata')
    return upsertRows(trx, { table: dataset.table, key: dataset.key, rows, logId });
  // coins are the operators' as much as the source's: known ones are refreshed, none is added
  const listed = rows.filter((row) => row.name !== null);
  const gone = rows.filter((row) => row.name === null).map((row) => String(row.coingecko_id));
  const news = listed.map((row) => ({
    coinId: String(row.coingecko_id),
    symbol: String(row.symbol),
    name: String(row.name),
    rank: row.market_cap_rank === null ? null : Number(row.market_cap_rank),
  }));
  return { inserted: 0, ...(await refreshCoins(trx, news, gone)) };
}

/** The database's words where a value does not fit its column; undefined for every other error. */
function dataProblem(error: unknown): string | undefined {
  const { kind } = describeDatabaseError(error);
  return kind === 'bad-value' ? (error instanceof Error ? error.message : String(error)) : undefined;
}

async function inSavepoint<T>(trx: Transaction<Schema>, work: () => Promise<T>): Promise<T> {
  await sql`SAVEPOINT page_rows`.execute(trx);
  try {
    return await work();
  } catch (error) {
    if (dataProblem(error) !== undefined) await sql`ROLLBACK TO SAVEPOINT page_rows`.execute(trx);
    throw error;
  }
}

/**
 * After a reorganisation a block can have lost transactions: where the table has more rows of a finished block than
 * the source gave, the block is emptied and fetched again. Returns the cursor for that.
 */
export async function removeStale(
  trx: Transaction<Schema>,
  { dataset }: NamedDataset,
  page: Page,
): Promise<string | undefined> {
  const complete = page.complete ?? [];
  if (complete.length === 0 || dataset.groupColumn === undefined) return undefined;
  const symbol = page.rows[0]?.coin_symbol;
  if (typeof symbol !== 'string') return undefined;
  const group = sql.ref(dataset.groupColumn);
  const values = complete.map((each) => each.value);
  const { rows } = await sql<{ value: number; rows_stored: number }>`
    SELECT ${group} AS value, COUNT(*) AS rows_stored FROM ${sql.table(dataset.table)}
    WHERE coin_symbol = ${symbol} AND ${group} IN (${sql.join(values)}) GROUP BY ${group}`.execute(trx);
  const stale = complete.filter(
    (each) => Number(rows.find((row) => Number(row.value) === each.value)?.rows_stored ?? 0) > each.rows,
  );
  const first = stale[0];
  if (first === undefined) return undefined;
  await sql`DELETE FROM ${sql.table(dataset.table)} WHERE coin_symbol = ${symbol} AND ${group} = ${first.value}`.execute(
    trx,
  );
  return first.restart;
}

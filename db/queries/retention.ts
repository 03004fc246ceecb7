import { sql, type Kysely, type Transaction } from 'kysely';
import { families, type Family } from '../families';
import type { Schema } from '../schema';
import { bySlotOrCoin, ofDay, ofMonth } from './condensed';
import { isCounted } from './retention-ledger';

// What retention looks for and what it deletes. Everything that deletes takes a transaction, and deletes only what the
// same transaction has counted, or what no row needs any more.

type Db = Kysely<Schema>;
type Trx = Transaction<Schema>;

/** The first UTC day from `from` on, and before `before`, that has rows of the table. */
export async function firstDay(
  db: Db,
  table: Family['detail'] | 'source_observations',
  from: string,
  before: string,
): Promise<string | undefined> {
  const time = sql.ref(table === 'source_observations' ? 'slot' : 'timestamp_iso');
  const { rows } = await sql<{ first: string | null }>`
    SELECT MIN(${time}) AS first FROM ${sql.table(table)} WHERE ${time} >= ${from} AND ${time} < ${before}`.execute(db);
  return rows[0]?.first?.slice(0, 10);
}

/** The first day of the first month before `before` that has rows of the table. */
export async function firstMonth(
  db: Db,
  table: Family['aggregated'] | Family['summary'],
  before: string,
): Promise<string | undefined> {
  const period = sql.ref(table.endsWith('_summary') ? 'month' : 'day');
  const { rows } = await sql<{ first: string | null }>`
    SELECT MIN(${period}) AS first FROM ${sql.table(table)} WHERE ${period} < ${before}`.execute(db);
  const first = rows[0]?.first;
  return first ? `${first.slice(0, 7)}-01` : undefined;
}

/** Coins that have rows of the day, in the order of their ids. */
export async function coinsOfDay(
  db: Db,
  table: Family['detail'] | 'source_observations',
  day: string,
): Promise<string[]> {
  const time = table === 'source_observations' ? 'slot' : 'timestamp_iso';
  const { rows } = await sql<{ coin_id: string }>`
    SELECT DISTINCT coin_id FROM ${sql.table(table)} WHERE ${ofDay(time, day)} ORDER BY coin_id`.execute(db);
  return rows.map((row) => row.coin_id);
}

export async function coinsOfMonth(db: Db, table: Family['aggregated'], month: string): Promise<string[]> {
  const { rows } = await sql<{ coin_id: string }>`
    SELECT DISTINCT coin_id FROM ${sql.table(table)} WHERE ${ofMonth('day', month)} ORDER BY coin_id`.execute(db);
  return rows.map((row) => row.coin_id);
}

/** Rows of the day whose slots are in the aggregates already. */
export async function countCounted(
  trx: Trx,
  { detail }: Family,
  day: string,
  coinIds: readonly string[],
): Promise<number> {
  const { rows } = await sql<{ rows: number }>`
    SELECT COUNT(*) AS ${sql.ref('rows')} FROM ${sql.table(detail)} d ${bySlotOrCoin}
    JOIN retention_ledger l ON l.table_name = ${detail} AND l.coin_id = d.coin_id AND l.day = ${day}
    WHERE ${ofDay('d.timestamp_iso', day)} AND d.coin_id IN (${sql.join(coinIds)}) AND ${isCounted('d', 'l')}
    FOR UPDATE`.execute(trx);
  return Number(rows[0]!.rows);
}

export async function deleteDetail(trx: Trx, { detail }: Family, day: string, coinIds: readonly string[]) {
  return affected(
    sql`DELETE d FROM ${sql.table(detail)} d ${bySlotOrCoin}
    WHERE ${ofDay('d.timestamp_iso', day)} AND coin_id IN (${sql.join(coinIds)})`.execute(trx),
  );
}

export async function deleteDaily(trx: Trx, { aggregated }: Family, month: string, coinIds: readonly string[]) {
  return affected(
    sql`DELETE FROM ${sql.table(aggregated)}
    WHERE coin_id IN (${sql.join(coinIds)}) AND ${ofMonth('day', month)}`.execute(trx),
  );
}

/** Monthly values of one month, at most so many. */
export async function deleteMonthly(trx: Trx, { summary }: Family, month: string, limit: number) {
  return affected(sql`DELETE FROM ${sql.table(summary)} WHERE month = ${month} LIMIT ${limit}`.execute(trx));
}

/** The first day before `before` of which the ledger of the family says something. */
export async function firstLedgerDay(db: Db, { detail }: Family, before: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('retention_ledger')
    .select('day')
    .where('table_name', '=', detail)
    .where('day', '<', before)
    .orderBy('day')
    .limit(1)
    .executeTakeFirst();
  return row?.day;
}

export async function forgetSlots(trx: Trx, { detail }: Family, day: string): Promise<void> {
  await trx.deleteFrom('retention_ledger').where('table_name', '=', detail).where('day', '=', day).execute();
}

/**
 * Deletes what sources said of these coins on that day, unless one of the tables still has a row of coin and day that it
 * explains. Looks with a lock: a writer that is about to add such a row waits, or is waited for.
 * @param emptied a table of which this transaction has just deleted these rows: reading them once more takes 40 ms
 */
export async function deleteUnexplained(
  trx: Trx,
  day: string,
  coinIds: readonly string[],
  emptied?: Family,
): Promise<number> {
  const explained = new Set<string>();
  for (const { detail } of families.filter((family) => family !== emptied)) {
    const { rows } = await sql<{ coin_id: string }>`
      SELECT DISTINCT coin_id FROM ${sql.table(detail)} ${bySlotOrCoin}
      WHERE ${ofDay('timestamp_iso', day)} AND coin_id IN (${sql.join(coinIds)}) LOCK IN SHARE MODE`.execute(trx);
    for (const row of rows) explained.add(row.coin_id);
  }
  const unexplained = coinIds.filter((coin) => !explained.has(coin));
  if (unexplained.length === 0) return 0;
  return affected(
    sql`DELETE o FROM source_observations o FORCE INDEX (PRIMARY, idx_coin_slot)
    WHERE ${ofDay('o.slot', day)} AND o.coin_id IN (${sql.join(unexplained)})`.execute(trx),
  );
}

/** Failed calls or rejected records from before the day, oldest first, at most so many. */
export async function deleteOlder(
  trx: Trx,
  table: 'source_call_failures' | 'rejected_records',
  before: string,
  limit: number,
): Promise<number> {
  const time = sql.ref(table === 'rejected_records' ? 'created_at' : 'failed_at');
  return affected(
    sql`DELETE FROM ${sql.table(table)} WHERE ${time} < ${before} ORDER BY ${time} LIMIT ${limit}`.execute(trx),
  );
}

async function affected(result: Promise<{ numAffectedRows?: bigint }>): Promise<number> {
  return Number((await result).numAffectedRows ?? 0n);
}

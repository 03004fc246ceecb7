import { sql, type Kysely } from 'kysely';
import type { Family } from '../families';
import type { Schema } from '../schema';
import { isCounted } from './retention-ledger';

// What a dry run of retention counts. Reads only, without locks.

type Db = Kysely<Schema>;

export async function countRows(db: Db, { detail }: Family, before: string): Promise<number> {
  return countOf(db, sql`${sql.table(detail)} WHERE timestamp_iso < ${before}`);
}

/** Detail rows whose slot is in the aggregates already. */
export async function countCountedBefore(db: Db, { detail }: Family, before: string): Promise<number> {
  return countOf(
    db,
    sql`${sql.table(detail)} d JOIN retention_ledger l
      ON l.table_name = ${detail} AND l.coin_id = d.coin_id AND l.day = DATE(d.timestamp_iso)
      WHERE d.timestamp_iso < ${before} AND ${isCounted('d', 'l')}`,
  );
}

/** Daily or monthly values of periods before `before`. */
export async function countPeriods(
  db: Db,
  table: Family['aggregated'] | Family['summary'],
  before: string,
): Promise<number> {
  const period = sql.ref(table.endsWith('_summary') ? 'month' : 'day');
  return countOf(db, sql`${sql.table(table)} WHERE ${period} < ${before}`);
}

/** Observations that are older than all detail: most go with their rows, the others by themselves. */
export async function countOlderObservations(db: Db, before: string): Promise<number> {
  return countOf(db, sql`source_observations WHERE slot < ${before}`);
}

export async function countOlder(
  db: Db,
  table: 'source_call_failures' | 'rejected_records',
  before: string,
): Promise<number> {
  const time = sql.ref(table === 'rejected_records' ? 'created_at' : 'failed_at');
  return countOf(db, sql`${sql.table(table)} WHERE ${time} < ${before}`);
}

async function countOf(db: Db, from: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await sql<{ found: number }>`SELECT COUNT(*) AS found FROM ${from}`.execute(db);
  return Number(rows[0]!.found);
}

import { sql, type Kysely, type Transaction } from 'kysely';
import type { Schema } from '../schema';

// The promise: what a transaction wrote is in the next incremental backup, whatever its date. Its mark is written in the
// same transaction as its rows, so a backup's snapshot sees both or neither: a run that goes on while the snapshot is
// taken is in this backup or in the next one, never in none, and no clock decides. A backup that has succeeded removes
// the marks that its snapshot saw, and only if they still have the same value: one that was set again stays.

/**
 * Tables that incremental backups hold by unit, which is one coin and one UTC day (or month), and the columns that say
 * which. Every other table is small and goes into each backup in full: its writers note nothing.
 */
export const unitTables = {
  raw_blockchain_blocks: { coin: 'coin_symbol', time: 'block_time', by: 'time' },
  raw_blockchain_transactions: { coin: 'coin_symbol', time: 'tx_time', by: 'time' },
  raw_market_prices_volumes: { coin: 'coin_id', time: 'price_date', by: 'date' },
  onchain_data: { coin: 'coin_id', time: 'timestamp_iso', by: 'time' },
  crypto_sentiment_data: { coin: 'coin_id', time: 'timestamp_iso', by: 'time' },
  source_observations: { coin: 'coin_id', time: 'slot', by: 'time' },
  onchain_data_aggregated: { coin: 'coin_id', time: 'day', by: 'date' },
  onchain_data_summary: { coin: 'coin_id', time: 'month', by: 'date' },
  crypto_sentiment_data_aggregated: { coin: 'coin_id', time: 'day', by: 'date' },
  crypto_sentiment_data_summary: { coin: 'coin_id', time: 'month', by: 'date' },
  retention_ledger: { coin: 'coin_id', time: 'day', by: 'date' },
} as const satisfies Readonly<Record<string, { coin: string; time: string; by: 'time' | 'date' }>>;

export type UnitTable = keyof typeof unitTables;

export function isUnitTable(table: string): table is UnitTable {
  return Object.hasOwn(unitTables, table);
}

export interface Unit {
  table: UnitTable;
  /** value of the table's coin column (`BTC` in raw_blockchain_*, else `bitcoin`); '' = all coins of that day */
  coin: string;
  /** UTC day, YYYY-MM-DD; the first of the month in tables by month */
  day: string;
}

export interface MarkedUnit extends Unit {
  mark: string;
}

/**
 * Says that rows of these units were written or deleted. Call it once in every transaction that changes rows of a table
 * of `unitTables`, as its last statement: it locks the marks of the units until COMMIT. One statement for up to 500
 * units. A writer that changes most coins of a day says coin '' (all of them), which is one mark instead of hundreds.
 * A row that moves to another unit (its day changes) changes both.
 */
export async function noteChangedUnits(trx: Transaction<Schema>, units: readonly Unit[]): Promise<void> {
  // sorted: two transactions that note the same units wait for each other instead of deadlocking
  const sorted = [...new Map(units.map((unit) => [keyOf(unit), unit])).entries()].toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  );
  for (let from = 0; from < sorted.length; from += 500) {
    const tuples = sorted
      .slice(from, from + 500)
      .map(([, { table, coin, day }]) => sql`(${table}, ${coin}, ${day}, UUID_SHORT())`);
    await sql`INSERT INTO changed_units (table_name, coin, day, mark) VALUES ${sql.join(tuples)}
      ON DUPLICATE KEY UPDATE mark = VALUES(mark)`.execute(trx);
  }
}

/** The units that rows of a table belong to: none where the table goes into backups in full. */
export function unitsOf(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Unit[] {
  if (!isUnitTable(table)) return [];
  const { coin, time } = unitTables[table];
  const units = new Map<string, Unit>();
  for (const row of rows) {
    const unit = { table, coin: String(row[coin]), day: dayOf(row[time]) };
    units.set(keyOf(unit), unit);
  }
  return [...units.values()];
}

function dayOf(value: unknown): string {
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (!/^\d{4}-\d\d-\d\d/.test(text)) throw new Error(`Not a day: ${text.slice(0, 40)}`);
  return text.slice(0, 10);
}

function keyOf({ table, coin, day }: Unit): string {
  return `${table} ${coin} ${day}`;
}

/** Removes marks that a backup has seen, unless they were set again meanwhile. In the transaction that ends the backup. */
export async function removeMarks(trx: Transaction<Schema>, seen: readonly MarkedUnit[]): Promise<void> {
  for (let from = 0; from < seen.length; from += 200) {
    const same = seen
      .slice(from, from + 200)
      .map(
        ({ table, coin, day, mark }) =>
          sql`(table_name = ${table} AND coin = ${coin} AND day = ${day} AND mark = ${mark})`,
      );
    await sql`DELETE FROM changed_units WHERE ${sql.join(same, sql` OR `)}`.execute(trx);
  }
}

/** How many units wait for the next backup. */
export async function countMarks(db: Kysely<Schema>): Promise<number> {
  const { marks } = await db
    .selectFrom('changed_units')
    .select(sql<number>`COUNT(*)`.as('marks'))
    .executeTakeFirstOrThrow();
  return Number(marks);
}

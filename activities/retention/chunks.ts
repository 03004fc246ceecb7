import type { Kysely, Transaction } from 'kysely';
import { retrying } from '../../db/failures';
import { dayAfter, monthAfter } from '../../db/days';
import type { Family } from '../../db/families';
import { condenseDay, condenseMonth, mergeCondensed } from '../../db/queries/condensed';
import { noteChangedUnits, type Unit, type UnitTable } from '../../db/queries/changed-units';
import { addToPage } from '../../db/queries/ingestion-pages';
import { holdLedger, isEmpty, markSlots } from '../../db/queries/retention-ledger';
import {
  countCounted,
  deleteDaily,
  deleteDetail,
  deleteMonthly,
  deleteUnexplained,
  forgetSlots,
} from '../../db/queries/retention';
import type { Schema } from '../../db/schema';

// The promise: a chunk is one transaction. What it deletes is what it has counted, held by locks from before it is read
// until it is gone; a crash at any point leaves the chunk done or not begun, and the next run finds what is left by
// itself. Done twice, it finds nothing: safe to retry.

export interface ChunkWork {
  db: Kysely<Schema>;
  family: Family;
  logId: number;
}

/** Rows that a chunk moved on, and those that it deleted because they were counted before. */
export interface Moved {
  moved: number;
  discarded: number;
}

/** Detail of one day and some coins → daily values. What sources said of those slots goes with the last of its rows. */
export async function aggregateDay(
  { db, family, logId }: ChunkWork,
  day: string,
  coinIds: readonly string[],
): Promise<Moved> {
  return inChunk(db, async (trx) => {
    const counted = await holdLedger(trx, family.detail, day, coinIds);
    const fresh = await condenseDay(trx, family, day, coinIds, { lock: true });
    const hasLate = [...counted.values()].some((bits) => !isEmpty(bits));
    const late = hasLate ? await countCounted(trx, family, day, coinIds) : 0;
    await mergeCondensed(trx, family.aggregated, fresh.values, logId);
    await markSlots(trx, family.detail, day, fresh.slots);
    const deleted = await deleteDetail(trx, family, day, coinIds);
    assertAllCounted(deleted, fresh.rows + late, `${family.detail} of ${day}`);
    const unexplained = await deleteUnexplained(trx, day, coinIds, family);
    await addToPage(trx, logId, `aggregate/${day}`, { inserted: fresh.rows, unchanged: late });
    const tables: UnitTable[] = [family.detail, family.aggregated, 'retention_ledger'];
    if (unexplained > 0) tables.push('source_observations');
    await noteChangedUnits(trx, unitsOf(tables, [day]));
    return { moved: fresh.rows, discarded: late };
  });
}

/** Daily values of one month and some coins → monthly values. @param month its first day */
export async function summarizeMonth(
  { db, family, logId }: ChunkWork,
  month: string,
  coinIds: readonly string[],
): Promise<number> {
  return inChunk(db, async (trx) => {
    const { values, rows } = await condenseMonth(trx, family, month, coinIds);
    await mergeCondensed(trx, family.summary, values, logId);
    const deleted = await deleteDaily(trx, family, month, coinIds);
    assertAllCounted(deleted, rows, `${family.aggregated} of ${month}`);
    await addToPage(trx, logId, `summarize/${month}`, { updated: rows });
    await noteChangedUnits(trx, unitsOf([family.aggregated], daysOf(month)));
    await noteChangedUnits(trx, unitsOf([family.summary], [month]));
    return rows;
  });
}

/** Monthly values of one month that nobody keeps any longer, at most so many. @param month its first day */
export async function expireMonth({ db, family, logId }: ChunkWork, month: string, limit: number): Promise<number> {
  return inChunk(db, async (trx) => {
    const deleted = await deleteMonthly(trx, family, month, limit);
    await addToPage(trx, logId, `expire/${month}`, { updated: deleted });
    await noteChangedUnits(trx, unitsOf([family.summary], [month]));
    return deleted;
  });
}

/** What the ledger says of one day whose values are gone altogether. */
export async function forgetDay({ db, family }: ChunkWork, day: string): Promise<void> {
  await inChunk(db, async (trx) => {
    await forgetSlots(trx, family, day);
    await noteChangedUnits(trx, unitsOf(['retention_ledger'], [day]));
  });
}

/** Observations of one day and some coins that explain no row any more, because they never did. */
export async function sweepObservations(
  { db, logId }: Omit<ChunkWork, 'family'>,
  day: string,
  coinIds: readonly string[],
): Promise<number> {
  return inChunk(db, async (trx) => {
    const deleted = await deleteUnexplained(trx, day, coinIds);
    await addToPage(trx, logId, `delete/${day}`, { updated: deleted });
    if (deleted > 0) await noteChangedUnits(trx, unitsOf(['source_observations'], [day]));
    return deleted;
  });
}

/** For the next incremental backup. All coins of a day by one mark: a day is moved coin by coin, but as a whole. */
function unitsOf(tables: readonly UnitTable[], days: readonly string[]): Unit[] {
  return tables.flatMap((table) => days.map((day) => ({ table, coin: '', day })));
}

function daysOf(month: string): string[] {
  const days: string[] = [];
  for (let day = month; day < monthAfter(month); day = dayAfter(day)) days.push(day);
  return days;
}

/** Locks the gaps between rows too, whatever the server's default is: nothing may come in between count and delete. */
export async function inChunk<T>(db: Kysely<Schema>, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return retrying(() => db.transaction().setIsolationLevel('repeatable read').execute(work));
}

/** The last guard: what is not counted is not deleted. Throwing rolls the chunk back. */
function assertAllCounted(deleted: number, counted: number, what: string): void {
  if (deleted !== counted)
    throw new Error(`retention would delete ${deleted} rows from ${what} and has counted ${counted}: nothing was done`);
}

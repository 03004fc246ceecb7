import type { Kysely, Transaction } from 'kysely';
import { retrying } from '../../db/failures';
import type { Family } from '../../db/families';
import { condenseDay, condenseMonth, mergeCondensed } from '../../db/queries/condensed';
import { addToPage } from '../../db/queries/ingestion-pages';
import { holdLedger, isEmpty, markSlots } from '../../db/queries/retention-ledger';
import { countCounted, deleteDaily, deleteDetail, deleteUnexplained } from '../../db/queries/retention';
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
    await deleteUnexplained(trx, day, coinIds, family);
    await addToPage(trx, logId, `aggregate/${day}`, { inserted: fresh.rows, unchanged: late });
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
    return rows;
  });
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

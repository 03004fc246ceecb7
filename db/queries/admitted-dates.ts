import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

// A row is a DAG that wants to work on an old date. While it waits, `lease_until` is soon and moved on at every look: who
// looks no more drops out of line. Once it is admitted, `lease_until` is the end of time: its place is not a matter of
// time but of whether its workflow runs.

/** A DAG that works on an old date, or waits for its place. */
export interface Place {
  workflowId: string;
  /** of its first execution: a reset keeps the place */
  runId: string;
  logicalDate: string;
}

export type Admission =
  { isAdmitted: true } | { isAdmitted: false; atOnce: number; admitted: Place[]; before: number; waitMs: number };

/** The budget of our own work: `max_concurrency` is the number of old dates at once. */
const own = 'cryptoflow';
const defaultAtOnce = 2;
const forever = '9999-12-31 00:00:00.000000';

/** The first in line looks again soon, those behind him less often: a hundred waiting dates ask six times a second. */
const firstWaitMs = 250;
const waitPerPlaceMs = 1_000;
const longestWaitMs = 30_000;

/**
 * Admits the date if a place is free and no newer date waits for it; else says who has the places, how many are before
 * it, and when to ask again. Safe to repeat.
 */
export async function askForPlace(db: Kysely<Schema>, me: Place): Promise<Admission> {
  return db.transaction().execute(async (trx) => {
    // locks the row, so that those who ask are served one after another
    await setDatesAtOnce(trx, undefined);
    const { max_concurrency } = await trx
      .selectFrom('source_budgets')
      .select('max_concurrency')
      .where('source', '=', own)
      .executeTakeFirstOrThrow();
    const atOnce = max_concurrency ?? defaultAtOnce;
    const rows = await trx
      .selectFrom('admitted_dates')
      .select(['workflow_id', 'run_id', 'logical_date', 'lease_until'])
      .where('lease_until', '>', sql<string>`UTC_TIMESTAMP(6)`)
      .orderBy('logical_date', 'desc')
      .execute();
    const admitted = rows.filter((row) => row.lease_until === forever);
    const others = rows.filter((row) => row.lease_until !== forever && !isOf(row, me));
    const before = others.filter((row) => isBefore(row, me)).length;
    const isAdmitted = admitted.some((row) => isOf(row, me)) || before < atOnce - admitted.length;
    const behind = before - Math.max(0, atOnce - admitted.length);
    const waitMs = Math.min(longestWaitMs, firstWaitMs + waitPerPlaceMs * behind);
    const until = isAdmitted
      ? forever
      : sql<string>`UTC_TIMESTAMP(6) + INTERVAL ${3 * waitMs + 10_000} * 1000 MICROSECOND`;
    await trx
      .insertInto('admitted_dates')
      .values({ workflow_id: me.workflowId, run_id: me.runId, logical_date: me.logicalDate, lease_until: until })
      .onDuplicateKeyUpdate({ lease_until: until })
      .execute();
    return isAdmitted ? { isAdmitted } : { isAdmitted, atOnce, admitted: admitted.map(toPlace), before, waitMs };
  });
}

/** Gives the place, or the one in line, back; those who dropped out of line go with it. Safe to repeat. */
export async function leavePlace(db: Kysely<Schema>, { workflowId, runId }: Omit<Place, 'logicalDate'>): Promise<void> {
  await db.deleteFrom('admitted_dates').where('workflow_id', '=', workflowId).where('run_id', '=', runId).execute();
  await db
    .deleteFrom('admitted_dates')
    .where('lease_until', '<', sql<string>`UTC_TIMESTAMP(6) - INTERVAL 1 HOUR`)
    .execute();
}

/** Old dates at once from now on; those that are admitted stay so. Undefined: only sees to it that there is a number. */
export async function setDatesAtOnce(db: Kysely<Schema>, atOnce: number | undefined): Promise<void> {
  await db
    .insertInto('source_budgets')
    .values({ source: own, requests_per_minute: 0, max_concurrency: atOnce ?? defaultAtOnce })
    .onDuplicateKeyUpdate(atOnce === undefined ? { source: own } : { max_concurrency: atOnce })
    .execute();
}

export async function datesAtOnce(db: Kysely<Schema>): Promise<{ atOnce: number; admitted: Place[]; waiting: number }> {
  const budget = await db
    .selectFrom('source_budgets')
    .select('max_concurrency')
    .where('source', '=', own)
    .executeTakeFirst();
  const rows = await db
    .selectFrom('admitted_dates')
    .selectAll()
    .where('lease_until', '>', sql<string>`UTC_TIMESTAMP(6)`)
    .orderBy('logical_date', 'desc')
    .execute();
  const admitted = rows.filter((row) => row.lease_until === forever).map(toPlace);
  return { atOnce: budget?.max_concurrency ?? defaultAtOnce, admitted, waiting: rows.length - admitted.length };
}

interface Row {
  workflow_id: string;
  run_id: string;
  logical_date: string;
}

function isOf(row: Row, place: Place): boolean {
  return row.workflow_id === place.workflowId && row.run_id === place.runId;
}

/** Newest first, as in a backfill; of the same date in any order that all agree on. */
function isBefore(row: Row, place: Place): boolean {
  if (row.logical_date !== place.logicalDate) return row.logical_date > place.logicalDate;
  return `${row.workflow_id} ${row.run_id}` < `${place.workflowId} ${place.runId}`;
}

function toPlace(row: Row): Place {
  return { workflowId: row.workflow_id, runId: row.run_id, logicalDate: row.logical_date };
}

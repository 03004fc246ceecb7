import { sql, type Kysely, type Transaction } from 'kysely';
import type { Schema } from '../schema';

export type RunStatus = 'running' | 'success' | 'partial' | 'failed' | 'cancelled' | 'skipped';

/** What identifies a run: one execution of one dataset for one coin (or all) and one logical date. */
export interface RunIdentity {
  source: string;
  dataType: string;
  coinId: string | null;
  coinSymbol: string | null;
  targetDate: string | null;
  /** of a 15-minute run, as the database writes it; those have no target date */
  slot?: string;
  runKey: string;
  workflowId: string;
  firstExecutionRunId: string;
  runId: string;
  triggeredBy: string;
  /** rows the day has, where an earlier run of the date has learned it */
  expected: number | null;
}

export interface RunCounts {
  processed: number;
  inserted: number;
  updated: number;
  unchanged: number;
  rejected: number;
}

export const noCounts: RunCounts = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };

/** The row of the run, made now if this is its first execution. Safe to repeat. Returns its id. */
export async function insertRun(db: Kysely<Schema>, run: RunIdentity): Promise<number> {
  const inserted = await db
    .insertInto('data_ingestion_logs')
    .values({
      source: run.source,
      data_type: run.dataType,
      coin_id: run.coinId,
      coin_symbol: run.coinSymbol,
      target_date: run.targetDate,
      slot: run.slot ?? null,
      run_key: run.runKey,
      status: 'running',
      started_at: sql`UTC_TIMESTAMP(6)`,
      workflow_id: run.workflowId,
      first_execution_run_id: run.firstExecutionRunId,
      run_id: run.runId,
      triggered_by: run.triggeredBy,
      records_expected: run.expected,
    })
    .onDuplicateKeyUpdate({ id: sql`LAST_INSERT_ID(id)` })
    .executeTakeFirstOrThrow();
  return Number(inserted.insertId);
}

/** Locks the row: pages of one run are written one at a time. Undefined: it is gone. */
export async function lockRun(trx: Transaction<Schema>, logId: number) {
  return trx
    .selectFrom('data_ingestion_logs')
    .select(['run_id', 'status'])
    .where('id', '=', logId)
    .forUpdate()
    .executeTakeFirst();
}

export interface HeldRun {
  /** false: this execution has ended the row already */
  isOpen: boolean;
  /** it was another execution's, which this one does not merely continue */
  isTaken: boolean;
}

/**
 * Locks the row for an execution of its run. Another one than before (a reset, or the next of continue-as-new) takes the
 * row over and opens it again; `attempts` counts those that did not merely continue.
 */
export async function takeOverRun(
  trx: Transaction<Schema>,
  logId: number,
  runId: string,
  continuedFrom: string | null,
): Promise<HeldRun> {
  const row = await lockRun(trx, logId);
  if (!row || row.run_id === runId) return { isOpen: row?.status === 'running', isTaken: false };
  const isTaken = row.run_id !== continuedFrom;
  await trx
    .updateTable('data_ingestion_logs')
    .set({
      attempts: isTaken ? sql`attempts + 1` : sql`attempts`,
      status: 'running',
      completed_at: null,
      error_type: null,
      error_message: null,
      run_id: runId,
    })
    .where('id', '=', logId)
    .execute();
  return { isOpen: true, isTaken };
}

/** How many rows the day has, from the first page that says so. */
export async function noteExpected(trx: Transaction<Schema>, logId: number, expected: number | null): Promise<void> {
  if (expected === null) return;
  await trx
    .updateTable('data_ingestion_logs')
    .set({ records_expected: expected })
    .where('id', '=', logId)
    .where('records_expected', 'is', null)
    .execute();
}

export interface RunEnd {
  status: Exclude<RunStatus, 'running'>;
  errorType?: string | null;
  message?: string | null;
}

/**
 * Ends the row, at most once per execution (rule 6), with the sums over its pages. Returns false where it had ended.
 */
export async function endRun(db: Kysely<Schema>, logId: number, runId: string, end: RunEnd): Promise<boolean> {
  const sum = (column: string) =>
    sql<number>`COALESCE((SELECT SUM(${sql.ref(column)}) FROM ingestion_pages WHERE log_id = ${logId}), 0)`;
  const result = await db
    .updateTable('data_ingestion_logs')
    .set({
      records_inserted: sum('records_inserted'),
      records_updated: sum('records_updated'),
      records_unchanged: sum('records_unchanged'),
      records_rejected: sum('records_rejected'),
      records_processed: sql`records_inserted + records_updated + records_unchanged + records_rejected`,
      status: end.status,
      completed_at: sql`UTC_TIMESTAMP(6)`,
      error_type: end.errorType ?? null,
      error_message: end.message ?? null,
      run_id: runId,
    })
    .where('id', '=', logId)
    .where((where) => where.or([where('status', '=', 'running'), where('run_id', '<>', runId)]))
    .executeTakeFirst();
  return Number(result.numUpdatedRows) > 0;
}

export interface LoggedRun extends RunCounts {
  id: number;
  source: string;
  dataType: string;
  coinId: string | null;
  targetDate: string | null;
  slot: string | null;
  status: RunStatus;
  expected: number | null;
  attempts: number;
  startedAt: string;
  completedAt: string | null;
  errorType: string | null;
  message: string | null;
  workflowId: string;
  firstExecutionRunId: string;
  runId: string;
  triggeredBy: string;
}

export interface LogFilter {
  source?: string;
  status?: RunStatus;
  coinId?: string;
  date?: string;
  /** any of these */
  runKeys?: readonly string[];
  workflowId?: string;
  limit: number;
}

/** Newest first. */
export async function listRuns(db: Kysely<Schema>, filter: LogFilter): Promise<LoggedRun[]> {
  let query = db.selectFrom('data_ingestion_logs').selectAll();
  if (filter.source) query = query.where('source', '=', filter.source);
  if (filter.status) query = query.where('status', '=', filter.status);
  if (filter.coinId) query = query.where('coin_id', '=', filter.coinId);
  if (filter.date) query = query.where('target_date', '=', filter.date);
  if (filter.runKeys) query = query.where('run_key', 'in', filter.runKeys);
  if (filter.workflowId) query = query.where('workflow_id', '=', filter.workflowId);
  const rows = await query.orderBy('id', 'desc').limit(filter.limit).execute();
  return rows.map(toLoggedRun);
}

export async function findRun(db: Kysely<Schema>, logId: number): Promise<LoggedRun | undefined> {
  const row = await db.selectFrom('data_ingestion_logs').selectAll().where('id', '=', logId).executeTakeFirst();
  return row && toLoggedRun(row);
}

/** Rows that say `running`, oldest first. */
export async function listRunning(db: Kysely<Schema>, limit: number): Promise<LoggedRun[]> {
  const rows = await db
    .selectFrom('data_ingestion_logs')
    .selectAll()
    .where('status', '=', 'running')
    .orderBy('started_at')
    .limit(limit)
    .execute();
  return rows.map(toLoggedRun);
}

/** The last runs of a key that ended with rows, newest first: where a partial run stopped, the next goes on. */
export async function newestEnded(db: Kysely<Schema>, runKey: string): Promise<LoggedRun | undefined> {
  const row = await db
    .selectFrom('data_ingestion_logs')
    .selectAll()
    .where('run_key', '=', runKey)
    .where('status', 'in', ['success', 'partial', 'failed', 'cancelled'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && toLoggedRun(row);
}

/** Those of the keys that have a run which ended well, or had nothing to do, within this time. */
export async function runsEndedWithin(
  db: Kysely<Schema>,
  runKeys: readonly string[],
  withinMs: number,
): Promise<Set<string>> {
  if (runKeys.length === 0) return new Set();
  const rows = await db
    .selectFrom('data_ingestion_logs')
    .select('run_key')
    .distinct()
    .where('run_key', 'in', runKeys)
    .where('status', 'in', ['success', 'skipped'])
    .where('completed_at', '>', sql<string>`UTC_TIMESTAMP(6) - INTERVAL ${withinMs * 1_000} MICROSECOND`)
    .execute();
  return new Set(rows.map((row) => row.run_key));
}

/** Slots before this one (and not a day older) whose run of `dataType` began while they were live, and says running. */
export async function liveSlotsRunning(
  db: Kysely<Schema>,
  { source, dataType, slot }: { source: string; dataType: string; slot: string },
): Promise<{ slot: string; workflowId: string; firstExecutionRunId: string }[]> {
  const rows = await db
    .selectFrom('data_ingestion_logs')
    .select(['slot', 'workflow_id as workflowId', 'first_execution_run_id as firstExecutionRunId'])
    .where('status', '=', 'running')
    .where('source', '=', source)
    .where('data_type', '=', dataType)
    .where('slot', '<', slot)
    .where('slot', '>=', sql<string>`${slot} - INTERVAL 1 DAY`)
    .where('started_at', '<', sql<string>`slot + INTERVAL 15 MINUTE`)
    .orderBy('slot')
    .execute();
  return rows.map((row) => ({ ...row, slot: row.slot! }));
}

/** Which rows of the log have had their time. */
export interface OldRuns {
  /** started before this day, and not the state of a date (rule 6) */
  before: string;
  /** a slot before this day has no rows any more, and so needs no state */
  slotsBefore: string;
  /** looks behind this id */
  after?: number;
}

/** Deletes the oldest of them, at most so many. Returns how many, and the id behind which others are. */
export async function deleteOldRuns(
  db: Kysely<Schema>,
  which: OldRuns,
  limit: number,
): Promise<{ deleted: number; last: number }> {
  const old = await oldRuns(db, which).select('log.id').orderBy('log.id').limit(limit).execute();
  const ids = old.map((row) => row.id);
  if (ids.length === 0) return { deleted: 0, last: which.after ?? 0 };
  await db.deleteFrom('ingestion_pages').where('log_id', 'in', ids).execute();
  await db.deleteFrom('ingestion_files').where('log_id', 'in', ids).execute();
  await db.deleteFrom('data_ingestion_logs').where('id', 'in', ids).execute();
  return { deleted: ids.length, last: ids.at(-1)! };
}

export async function countOldRuns(db: Kysely<Schema>, which: OldRuns): Promise<number> {
  const { rows } = await oldRuns(db, which)
    .select(sql<number>`COUNT(*)`.as('rows'))
    .executeTakeFirstOrThrow();
  return Number(rows);
}

function oldRuns(db: Kysely<Schema>, { before, slotsBefore, after = 0 }: OldRuns) {
  return db
    .selectFrom('data_ingestion_logs as log')
    .leftJoin('ingestion_state as state', 'state.log_id', 'log.id')
    .where('log.id', '>', after)
    .where('log.started_at', '<', before)
    .where('log.status', '<>', 'running')
    .where((where) => where.or([where('state.log_id', 'is', null), where('log.slot', '<', slotsBefore)]));
}

type LogRow = Awaited<ReturnType<ReturnType<typeof selectAll>['executeTakeFirstOrThrow']>>;
function selectAll(db: Kysely<Schema>) {
  return db.selectFrom('data_ingestion_logs').selectAll();
}

function toLoggedRun(row: LogRow): LoggedRun {
  return {
    id: row.id,
    source: row.source,
    dataType: row.data_type,
    coinId: row.coin_id,
    targetDate: row.target_date,
    slot: row.slot,
    status: row.status,
    processed: row.records_processed,
    inserted: row.records_inserted,
    updated: row.records_updated,
    unchanged: row.records_unchanged,
    rejected: row.records_rejected,
    expected: row.records_expected,
    attempts: row.attempts,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    errorType: row.error_type,
    message: row.error_message,
    workflowId: row.workflow_id,
    firstExecutionRunId: row.first_execution_run_id,
    runId: row.run_id,
    triggeredBy: row.triggered_by,
  };
}

import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';
import { endRun, type RunEnd, type RunStatus } from './ingestion-logs';

// What the health checks ask. What has happened here (runs, pauses, quotas) goes by the database's clock, what the data
// is for by the dates that are handed in.

type Db = Kysely<Schema>;

/** A dataset as the log names it. */
export interface LoggedDataset {
  source: string;
  dataType: string;
}

export interface RunningRow extends LoggedDataset {
  id: number;
  coinId: string | null;
  targetDate: string | null;
  slot: string | null;
  workflowId: string;
  firstExecutionRunId: string;
  runId: string;
}

/** Rows that have said `running` for longer than `minutes`, oldest first. */
export async function longRunning(db: Db, minutes: number, limit: number): Promise<RunningRow[]> {
  return db
    .selectFrom('data_ingestion_logs')
    .select(['id', 'source', 'data_type as dataType', 'coin_id as coinId', 'target_date as targetDate'])
    .select(['slot', 'workflow_id as workflowId', 'first_execution_run_id as firstExecutionRunId', 'run_id as runId'])
    .where('status', '=', 'running')
    .where('started_at', '<', sql<string>`UTC_TIMESTAMP(6) - INTERVAL ${minutes} MINUTE`)
    .orderBy('started_at')
    .limit(limit)
    .execute();
}

/**
 * Ends a row whose workflow is gone, if it still says what was read: an execution that took it over meanwhile keeps it.
 * @param runId the last execution of the row's chain
 * @returns whether it was ended
 */
export async function endIfUnchanged(db: Db, row: RunningRow, runId: string, end: RunEnd): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const same = await trx
      .selectFrom('data_ingestion_logs')
      .select('id')
      .where('id', '=', row.id)
      .where('status', '=', 'running')
      .where('run_id', '=', row.runId)
      .forUpdate()
      .executeTakeFirst();
    return same !== undefined && endRun(trx, row.id, runId, end);
  });
}

/** Whether any dataset was ever ingested, or tried. */
export async function hasRuns(db: Db): Promise<boolean> {
  const row = await db
    .selectFrom('data_ingestion_logs')
    .select('id')
    .where('source', '<>', 'cryptoflow')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** What the log says of one dataset for one coin and date: the row of `ingestion_state`. */
export interface RunState {
  /** null: for all coins */
  coinId: string | null;
  date: string;
  status: RunStatus;
  message: string | null;
}

/** States from the day `from` to the day `to`, both included, in the order of dates. */
export async function runStates(db: Db, dataset: LoggedDataset, from: string, to: string): Promise<RunState[]> {
  const rows = await db
    .selectFrom('ingestion_state')
    .select(['coin_id', 'target_date', 'status', 'error_message'])
    .where('source', '=', dataset.source)
    .where('data_type', '=', dataset.dataType)
    .where('target_date', '>=', from)
    .where('target_date', '<=', to)
    .orderBy('target_date')
    .execute();
  return rows.map((row) => ({
    coinId: row.coin_id,
    date: row.target_date!,
    status: row.status,
    message: row.error_message,
  }));
}

/** By coin id, the UTC day on which the coin was added. */
export async function coinsAddedOn(db: Db): Promise<Map<string, string>> {
  const rows = await db.selectFrom('coin_metadata').select(['coingecko_id', 'created_at']).execute();
  return new Map(rows.map((row) => [row.coingecko_id, row.created_at.slice(0, 10)]));
}

/** Which of `dates` have a row of any of the datasets, whatever became of it. */
export async function datesWithRuns(
  db: Db,
  datasets: readonly LoggedDataset[],
  dates: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const { source, dataType } of dates.length > 0 ? datasets : []) {
    const rows = await db
      .selectFrom('data_ingestion_logs')
      .select('target_date')
      .distinct()
      .where('source', '=', source)
      .where('data_type', '=', dataType)
      .where('target_date', 'in', dates)
      .execute();
    for (const row of rows) found.add(row.target_date!);
  }
  return found;
}

/** Runs that began in the last 24 hours, by status, and how many of them in the last hour. */
export async function recentRuns(db: Db): Promise<{ status: RunStatus; runs: number; lastHour: number }[]> {
  const rows = await db
    .selectFrom('data_ingestion_logs')
    .select('status')
    .select(sql<number>`COUNT(*)`.as('runs'))
    .select(sql<string>`SUM(started_at >= UTC_TIMESTAMP(6) - INTERVAL 1 HOUR)`.as('last_hour'))
    .where('started_at', '>=', sql<string>`UTC_TIMESTAMP(6) - INTERVAL 24 HOUR`)
    .groupBy('status')
    .orderBy('status')
    .execute();
  return rows.map((row) => ({ status: row.status, runs: row.runs, lastHour: Number(row.last_hour) }));
}

export interface FailedRun extends LoggedDataset {
  coinId: string | null;
  targetDate: string | null;
  slot: string | null;
  errorType: string | null;
  message: string | null;
}

/**
 * Runs of the last 24 hours that failed and are still the state of their date: no later run mended them. Newest first.
 * Without what a source failed to say in a slot: that cannot be asked again, the next slot asks anew.
 */
export async function unmendedFailures(db: Db, limit: number): Promise<{ total: number; first: FailedRun[] }> {
  const failed = db
    .selectFrom('ingestion_state')
    .where('status', '=', 'failed')
    .where((where) => where.or([where('slot', 'is', null), where('source', '=', 'cryptoflow')]))
    .where('started_at', '>=', sql<string>`UTC_TIMESTAMP(6) - INTERVAL 24 HOUR`);
  const first = await failed
    .select(['source', 'data_type as dataType', 'coin_id as coinId', 'target_date as targetDate'])
    .select(['slot', 'error_type as errorType', 'error_message as message'])
    .orderBy('log_id', 'desc')
    .limit(limit)
    .execute();
  const { total } = await failed.select(sql<number>`COUNT(*)`.as('total')).executeTakeFirstOrThrow();
  return { total, first };
}

/** Largest first; rows as the server estimates them. */
export async function largestTables(db: Db, limit: number): Promise<{ table: string; rows: number; sizeMb: number }[]> {
  const rows = await db
    .selectFrom('database_stats')
    .select(['table_name', 'estimated_rows', 'size_mb'])
    .where('coin_symbol', 'is', null)
    .orderBy('size_mb', 'desc')
    .orderBy('table_name')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ table: row.table_name, rows: row.estimated_rows ?? 0, sizeMb: Number(row.size_mb) }));
}

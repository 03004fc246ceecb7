import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

export interface CallFailure {
  source: string;
  dataset: string | null;
  coinId: string | null;
  logicalDate: string | null;
  workflowId: string;
  runId: string;
  activityId: string;
  activityType: string;
  attempt: number;
  /** how long ago the attempt began */
  attemptMs: number;
  errorType: string;
  httpStatus: number | null;
  method: string | null;
  url: string | null;
  message: string;
  body: string | null;
}

/**
 * One row per failed attempt: Temporal keeps only the last one. Recording the same attempt again changes nothing. After
 * a reset of the activity Temporal counts from 1 again: such an attempt is recorded under the next number that is free.
 */
export async function insertCallFailure(db: Kysely<Schema>, failure: CallFailure): Promise<void> {
  const { latest, isOlder } = await db
    .selectFrom('source_call_failures')
    .select(({ fn }) => fn.max('attempt').as('latest'))
    .select(
      sql<number | null>`MAX(attempt = ${failure.attempt} AND
        failed_at < UTC_TIMESTAMP(6) - INTERVAL ${Math.ceil(failure.attemptMs * 1_000)} MICROSECOND)`.as('isOlder'),
    )
    .where('workflow_id', '=', failure.workflowId)
    .where('run_id', '=', failure.runId)
    .where('activity_id', '=', failure.activityId)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('source_call_failures')
    .values({
      source: failure.source,
      dataset: failure.dataset,
      coin_id: failure.coinId,
      logical_date: failure.logicalDate,
      workflow_id: failure.workflowId,
      run_id: failure.runId,
      activity_id: failure.activityId,
      activity_type: failure.activityType,
      attempt: isOlder ? latest + 1 : failure.attempt,
      error_type: failure.errorType,
      http_status: failure.httpStatus,
      method: failure.method,
      url: failure.url,
      message: failure.message,
      body_snippet: failure.body,
      failed_at: sql`UTC_TIMESTAMP(6)`,
    })
    .onDuplicateKeyUpdate({ attempt: sql`VALUES(attempt)` })
    .execute();
}

export interface FailureSummary {
  failures: number;
  /** since the first failed attempt, by the database's clock */
  elapsedMs: number;
  causes: { errorType: string; httpStatus: number | null; failures: number }[];
}

/** The failed attempts of one activity so far, most frequent cause first. */
export async function summarizeFailures(
  db: Kysely<Schema>,
  activity: { workflowId: string; runId: string; activityId: string },
): Promise<FailureSummary> {
  const rows = await db
    .selectFrom('source_call_failures')
    .select(['error_type', 'http_status'])
    .select(sql<number>`COUNT(*)`.as('failures'))
    .select(sql<string>`TIMESTAMPDIFF(MICROSECOND, MIN(failed_at), UTC_TIMESTAMP(6))`.as('elapsed_us'))
    .where('workflow_id', '=', activity.workflowId)
    .where('run_id', '=', activity.runId)
    .where('activity_id', '=', activity.activityId)
    .groupBy(['error_type', 'http_status'])
    .orderBy('failures', 'desc')
    .execute();
  return {
    failures: rows.reduce((sum, row) => sum + Number(row.failures), 0),
    elapsedMs: rows.reduce((longest, row) => Math.max(longest, Number(row.elapsed_us) / 1_000), 0),
    causes: rows.map((row) => ({
      errorType: row.error_type,
      httpStatus: row.http_status,
      failures: Number(row.failures),
    })),
  };
}

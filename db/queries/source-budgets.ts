import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

/** What a source allows, in its own units. NULL = no such limit is known. */
export interface BudgetLimits {
  source: string;
  requestsPerMinute: number;
  dayQuota: number | null;
  monthQuota: number | null;
}

/** Sets the limits, and leaves alone what is counted and whether an operator paused the source. */
export async function setBudget(db: Kysely<Schema>, limits: BudgetLimits): Promise<void> {
  const values = {
    requests_per_minute: limits.requestsPerMinute,
    day_quota: limits.dayQuota,
    month_quota: limits.monthQuota,
  };
  await db
    .insertInto('source_budgets')
    .values({
      source: limits.source,
      ...values,
      next_free_at: sql`UTC_TIMESTAMP(6)`,
      day: sql`UTC_DATE()`,
      month: sql`DATE_FORMAT(UTC_DATE(), '%Y-%m')`,
    })
    .onDuplicateKeyUpdate(values)
    .execute();
}

export type BudgetClass = 'live' | 'backfill';

export type Permit =
  | { granted: true; waitMs: number }
  | {
      granted: false;
      reason: 'turn' | 'day' | 'month' | 'paused' | 'unknown source';
      waitMs: number;
      pausedReason?: string;
    };

/**
 * Takes a permit for one request with one UPDATE, by the database's clock: granted with the wait before the request, or
 * refused with the wait before asking again. The other class's unused reserve is not given away.
 */
export async function takePermit(
  db: Kysely<Schema>,
  request: { source: string; cost: number; budgetClass: BudgetClass; maxWaitMs: number },
): Promise<Permit> {
  const { source, cost } = request;
  const own = request.budgetClass;
  const other = own === 'live' ? 'backfill' : 'live';
  const dayOwn = sql.ref(`day_${own}`);
  const dayOther = sql.ref(`day_${other}`);
  const monthOwn = sql.ref(`month_${own}`);
  const monthOther = sql.ref(`month_${other}`);
  const reserve = sql.ref(`${other}_reserve`);
  const thisMonth = sql`DATE_FORMAT(UTC_DATE(), '%Y-%m')`;
  const usedDay = sql`IF(day = UTC_DATE(), day_live + day_backfill, 0)`;
  const usedMonth = sql`IF(month = ${thisMonth}, month_live + month_backfill, 0)`;
  const keptDay = sql`GREATEST(0, day_quota * ${reserve} - IF(day = UTC_DATE(), ${dayOther}, 0))`;
  const keptMonth = sql`GREATEST(0, month_quota * ${reserve} - IF(month = ${thisMonth}, ${monthOther}, 0))`;
  const dayFits = sql`(day_quota IS NULL OR ${usedDay} + ${cost} + ${keptDay} <= day_quota)`;
  const monthFits = sql`(month_quota IS NULL OR ${usedMonth} + ${cost} + ${keptMonth} <= month_quota)`;
  const isFree = sql`(paused_until IS NULL OR paused_until <= UTC_TIMESTAMP(6))`;

  // assignments run from left to right: what is read must be read before it is set
  const granted = await sql`
    UPDATE source_budgets SET
      turn_us = LAST_INSERT_ID(1 + GREATEST(0, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), next_free_at))),
      next_free_at = GREATEST(next_free_at, UTC_TIMESTAMP(6)) + INTERVAL CEIL(60000000 / requests_per_minute) MICROSECOND,
      ${dayOwn} = IF(day = UTC_DATE(), ${dayOwn}, 0) + ${cost},
      ${dayOther} = IF(day = UTC_DATE(), ${dayOther}, 0),
      day = UTC_DATE(),
      ${monthOwn} = IF(month = ${thisMonth}, ${monthOwn}, 0) + ${cost},
      ${monthOther} = IF(month = ${thisMonth}, ${monthOther}, 0),
      month = ${thisMonth}
    WHERE source = ${source}
      AND next_free_at <= UTC_TIMESTAMP(6) + INTERVAL ${request.maxWaitMs * 1_000} MICROSECOND
      AND ${isFree} AND ${dayFits} AND ${monthFits}`.execute(db);
  if (Number(granted.numAffectedRows ?? 0) > 0)
    return { granted: true, waitMs: (Number(granted.insertId) - 1) / 1_000 };

  const { rows } = await sql<{
    reason: 'turn' | 'day' | 'month' | 'paused';
    wait_ms: string;
    paused_reason: string | null;
  }>`
    SELECT paused_reason,
      CASE WHEN NOT ${isFree} THEN 'paused' WHEN NOT ${dayFits} THEN 'day' WHEN NOT ${monthFits} THEN 'month' ELSE 'turn' END AS reason,
      CEIL(CASE
        WHEN NOT ${isFree} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), paused_until)
        WHEN NOT ${dayFits} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), UTC_DATE() + INTERVAL 1 DAY)
        WHEN NOT ${monthFits} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), DATE_FORMAT(UTC_DATE(), '%Y-%m-01') + INTERVAL 1 MONTH)
        ELSE TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), next_free_at)
      END / 1000) AS wait_ms
    FROM source_budgets WHERE source = ${source}`.execute(db);
  const row = rows[0];
  if (!row) return { granted: false, reason: 'unknown source', waitMs: 0 };
  return {
    granted: false,
    reason: row.reason,
    waitMs: Math.max(0, Number(row.wait_ms)),
    pausedReason: row.paused_reason ?? undefined,
  };
}

import { performance } from 'node:perf_hooks';
import { sql, type Kysely, type Transaction } from 'kysely';
import type { Schema } from '../schema';

/** What a source allows, in its own units. NULL = no such limit is known. */
export interface BudgetLimits {
  source: string;
  requestsPerMinute: number;
  dayQuota: number | null;
  monthQuota: number | null;
  /** requests at the same time */
  maxConcurrency: number | null;
  /** shares of a quota, 0 to 1, that the other class leaves alone */
  liveReserve: number;
  backfillReserve: number;
}

/** Sets the limits, and leaves alone what is counted and whether an operator paused the source. */
export async function setBudget(db: Kysely<Schema>, limits: BudgetLimits): Promise<void> {
  const values = {
    requests_per_minute: limits.requestsPerMinute,
    day_quota: limits.dayQuota,
    month_quota: limits.monthQuota,
    max_concurrency: limits.maxConcurrency,
    live_reserve: limits.liveReserve,
    backfill_reserve: limits.backfillReserve,
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

export interface PermitRequest {
  source: string;
  /** counts against the quotas of day and month, in the source's own units */
  cost: number;
  budgetClass: BudgetClass;
  /** a turn further away than this is refused */
  maxWaitMs: number;
  /** the turn is at least so far away */
  leadMs: number;
}

export type Permit =
  /** `dueAt`: when the request may go out, on this process's clock (performance.now()) */
  | { granted: true; dueAt: number }
  | {
      granted: false;
      reason: 'turn' | 'day' | 'month' | 'paused' | 'unknown source';
      /** until asking again makes sense */
      waitMs: number;
      pausedUntil?: string;
      pausedReason?: string;
    };

/**
 * Takes a permit for one request with one UPDATE, by the database's clock: granted with the moment of the request, or
 * refused with the wait before asking again; what is refused is not counted. The other class's unused reserve is not
 * given away.
 */
export async function takePermit(db: Kysely<Schema>, request: PermitRequest): Promise<Permit> {
  const { source, cost } = request;
  const own = request.budgetClass;
  const other = own === 'live' ? 'backfill' : 'live';
  const dayOwn = sql.ref(`day_${own}`);
  const dayOther = sql.ref(`day_${other}`);
  const monthOwn = sql.ref(`month_${own}`);
  const monthOther = sql.ref(`month_${other}`);
  const reserve = sql.ref(`${other}_reserve`);
  const turn = sql`GREATEST(next_free_at, UTC_TIMESTAMP(6) + INTERVAL ${Math.round(request.leadMs * 1_000)} MICROSECOND)`;
  // the day of the request, not of the asking: a turn just behind midnight is the new day's
  const itsDay = sql`DATE(${turn})`;
  const itsMonth = sql`DATE_FORMAT(${turn}, '%Y-%m')`;
  const usedDay = sql`IF(day = ${itsDay}, day_live + day_backfill, 0)`;
  const usedMonth = sql`IF(month = ${itsMonth}, month_live + month_backfill, 0)`;
  const keptDay = sql`GREATEST(0, day_quota * ${reserve} - IF(day = ${itsDay}, ${dayOther}, 0))`;
  const keptMonth = sql`GREATEST(0, month_quota * ${reserve} - IF(month = ${itsMonth}, ${monthOther}, 0))`;
  const dayFits = sql`(day_quota IS NULL OR ${usedDay} + ${cost} + ${keptDay} <= day_quota)`;
  const monthFits = sql`(month_quota IS NULL OR ${usedMonth} + ${cost} + ${keptMonth} <= month_quota)`;
  const isFree = sql`(paused_until IS NULL OR paused_until <= UTC_TIMESTAMP(6))`;
  const reach = sql`UTC_TIMESTAMP(6) + INTERVAL ${request.maxWaitMs * 1_000} MICROSECOND`;

  // assignments run from left to right: what is read must be read before it is set
  const take = sql`
    UPDATE source_budgets SET
      turn_us = LAST_INSERT_ID(1 + TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), ${turn})),
      ${dayOwn} = IF(day = ${itsDay}, ${dayOwn}, 0) + ${cost},
      ${dayOther} = IF(day = ${itsDay}, ${dayOther}, 0),
      day = ${itsDay},
      ${monthOwn} = IF(month = ${itsMonth}, ${monthOwn}, 0) + ${cost},
      ${monthOther} = IF(month = ${itsMonth}, ${monthOther}, 0),
      month = ${itsMonth},
      next_free_at = ${turn} + INTERVAL CEIL(60000000 / requests_per_minute) MICROSECOND
    WHERE source = ${source} AND next_free_at <= ${reach} AND ${isFree} AND ${dayFits} AND ${monthFits}`;
  // UTC_TIMESTAMP is the start of the statement, before it waits for the row: measured here, on a connection that is
  // there already, the two clocks meet within the way to the server
  const { askedAt, result } = await db.connection().execute(async (connection) => {
    const askedAt = performance.now();
    return { askedAt, result: await take.execute(connection) };
  });
  if (Number(result.numAffectedRows ?? 0) > 0)
    return { granted: true, dueAt: askedAt + (Number(result.insertId) - 1) / 1_000 };

  const { rows } = await sql<{
    reason: 'turn' | 'day' | 'month' | 'paused';
    wait_ms: string;
    paused_until: string | null;
    paused_reason: string | null;
  }>`
    SELECT paused_until, paused_reason,
      CASE WHEN NOT ${isFree} THEN 'paused' WHEN NOT ${dayFits} THEN 'day' WHEN NOT ${monthFits} THEN 'month' ELSE 'turn' END AS reason,
      CEIL(CASE
        WHEN NOT ${isFree} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), paused_until)
        WHEN NOT ${dayFits} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), ${itsDay} + INTERVAL 1 DAY)
        WHEN NOT ${monthFits} THEN TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), DATE_FORMAT(${turn}, '%Y-%m-01') + INTERVAL 1 MONTH)
        ELSE TIMESTAMPDIFF(MICROSECOND, ${reach}, next_free_at)
      END / 1000) AS wait_ms
    FROM source_budgets WHERE source = ${source}`.execute(db);
  const row = rows[0];
  if (!row) return { granted: false, reason: 'unknown source', waitMs: 0 };
  return {
    granted: false,
    reason: row.reason,
    waitMs: Math.max(0, Number(row.wait_ms)),
    pausedUntil: row.paused_until ?? undefined,
    pausedReason: row.paused_reason ?? undefined,
  };
}

/** The name under which the budgets know the host of a source's files. */
export function bulkBudget(source: string): string {
  return `${source}-dumps`;
}

/**
 * Pauses a source for so long (null: until it is resumed), or resumes it (undefined). False: the source has no budget.
 */
export async function setPause(
  trx: Transaction<Schema>,
  source: string,
  pause: { forMs: number | null; reason: string | null } | undefined,
): Promise<boolean> {
  const until =
    pause === undefined
      ? null
      : pause.forMs === null
        ? endless
        : sql<string>`UTC_TIMESTAMP(6) + INTERVAL ${pause.forMs * 1_000} MICROSECOND`;
  const result = await trx
    .updateTable('source_budgets')
    .set({ paused_until: until, paused_reason: pause?.reason ?? null })
    // the host of its files too
    .where('source', 'in', [source, bulkBudget(source)])
    .executeTakeFirst();
  return Number(result.numUpdatedRows) > 0;
}

/** `paused_until` of a source that waits for a person. */
export const endless = '9999-12-31 00:00:00.000000';

/** What is spent and paused now, by the database's clock; day and month counts of the past are 0. */
export async function listBudgets(db: Kysely<Schema>) {
  const isToday = sql`day = UTC_DATE()`;
  const isThisMonth = sql`month = DATE_FORMAT(UTC_DATE(), '%Y-%m')`;
  return db
    .selectFrom('source_budgets as budget')
    .select(['source', 'requests_per_minute', 'day_quota', 'month_quota', 'max_concurrency'])
    .select([
      sql<string>`IF(${isToday}, day_live, 0)`.as('day_live'),
      sql<string>`IF(${isToday}, day_backfill, 0)`.as('day_backfill'),
      sql<string>`IF(${isThisMonth}, month_live, 0)`.as('month_live'),
      sql<string>`IF(${isThisMonth}, month_backfill, 0)`.as('month_backfill'),
      sql<string | null>`IF(paused_until > UTC_TIMESTAMP(6), paused_until, NULL)`.as('paused_until'),
      sql<string | null>`IF(paused_until > UTC_TIMESTAMP(6), paused_reason, NULL)`.as('paused_reason'),
      sql<number>`(SELECT COUNT(*) FROM source_leases lease
        WHERE lease.source = budget.source AND lease.holder IS NOT NULL AND lease.lease_until > UTC_TIMESTAMP(6))`.as(
        'leases_held',
      ),
    ])
    .orderBy('source')
    .execute();
}

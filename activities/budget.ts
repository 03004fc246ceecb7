import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { setBudget, takePermit, type BudgetClass } from '../db/queries/source-budgets';
import type { Schema } from '../db/schema';
import type { ConfiguredSource } from './deps';
import { NotYetTurn, SourceFailure } from './failures';
import type { Limits } from './source';

// The promise: all workers and DAGs that share a key never ask a source for more than it documents. One row per source
// in the database decides, by the database's clock, because workers are many and their clocks differ. A permit is a
// point in time: granted ones are spaced evenly, so no burst can form. Waiting for it is no failure.

/** Below the documented rate, since requests do not arrive as evenly as their permits were given. */
const shareOfMinuteLimit = 0.9;
const shareOfSecondLimit = 0.8;

/** A turn that is nearer than this is waited for inside the activity; a later one goes back to Temporal as a timer. */
const longestWaitInsideMs = 10_000;

/** Requests a minute that permits are spaced for. */
export function requestsPerMinute(limits: Limits): number {
  const rates = [
    ...(limits.perMinute === undefined ? [] : [limits.perMinute * shareOfMinuteLimit]),
    ...(limits.perSecond === undefined ? [] : [limits.perSecond * 60 * shareOfSecondLimit]),
  ];
  return rates.length > 0 ? Math.min(...rates) : 600;
}

/** Writes what the configured plans allow; counts and pauses stay. */
export async function applyBudgets(db: Kysely<Schema>, sources: Iterable<ConfiguredSource>): Promise<void> {
  for (const { source, plan } of sources) {
    await setBudget(db, {
      source: source.name,
      requestsPerMinute: requestsPerMinute(plan.limits),
      dayQuota: plan.limits.perDay ?? null,
      monthQuota: plan.limits.perMonth ?? null,
    });
  }
}

/**
 * Waits for the permit of one request. Throws NotYetTurn with the delay when the turn is further away.
 * The rate counts requests; `cost` counts against the quotas of day and month, in the source's own units.
 */
export async function waitForPermit(
  db: Kysely<Schema>,
  request: { source: string; cost: number; budgetClass: BudgetClass },
  signal?: AbortSignal,
): Promise<void> {
  const permit = await takePermit(db, { ...request, maxWaitMs: longestWaitInsideMs });
  if (permit.granted) {
    if (permit.waitMs > 0) await sleep(permit.waitMs, undefined, { signal });
    return;
  }
  switch (permit.reason) {
    case 'unknown source':
      throw new SourceFailure(
        'BadInput',
        `source_budgets has no row for ${request.source}: start a worker, which writes it`,
      );
    case 'paused':
      throw new NotYetTurn(
        `${request.source} is paused${permit.pausedReason ? `: ${permit.pausedReason}` : ''}`,
        permit.waitMs,
      );
    case 'day':
    case 'month':
      throw new NotYetTurn(
        `the ${permit.reason}'s quota of ${request.source} for ${request.budgetClass} work is used up`,
        permit.waitMs,
      );
    case 'turn':
      throw new NotYetTurn(`others are asking ${request.source} first`, permit.waitMs);
  }
}

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { retrying } from '../db/failures';
import {
  bulkBudget,
  endless,
  setBudget,
  takePermit,
  type BudgetClass,
  type Permit,
} from '../db/queries/source-budgets';
import { leaseSeconds, releaseLease, renewLease, setLeases, takeLease, type Lease } from '../db/queries/source-leases';
import type { Schema } from '../db/schema';
import type { ConfiguredSource } from './deps';
import { NotYetTurn, SourceFailure } from './failures';
import type { Limits } from './source';

// The promise: all workers and DAGs that share a key never ask a source for more, nor on more connections at once, than
// it documents. One row per source in the database decides, by the database's clock, because workers are many and their
// clocks differ. A permit is a point in time: granted ones are spaced evenly, so no burst can form, and who wakes up too
// late for his takes another. Waiting for it is no failure.

/**
 * Below the documented rate, since requests do not arrive as evenly as their permits were given: at 90 % a window of a
 * minute has room for 6.7 s of delay, at 84 % a window of one second for 190 ms. (Measured with four processes on two
 * busy cores: at 88 %, room for 136 ms, 11 of 10 and 106 of 100 arrived in one second; of two permits in a hundred the
 * process woke up too late.)
 */
const shareOfMinuteLimit = 0.9;
const shareOfSecondLimit = 0.84;

/** Of that room, what may be lost between permit and request in a busy process; the rest is for the way to the source. */
const shareOfRoomForLateness = 0.5;

/**
 * A turn that is nearer than this is waited for inside the activity; a later one goes back to Temporal as a timer. Short
 * for backfills: the turns that they hold already are what live work finds itself behind.
 */
const reachMs: Readonly<Record<BudgetClass, number>> = { live: 10_000, backfill: 2_000 };

/**
 * Shares of the quotas that are kept for one class. Half for live work: a keyless day of ten coins costs about 700 of
 * Blockchair's 1,440 points, and a backfill can wait for tomorrow. A tenth, so that it is not put off for ever.
 */
export const reserves = { liveReserve: 0.5, backfillReserve: 0.1 };

/** However long a pause or a quota lasts: so soon it is noticed that someone resumed the source, or bought more. */
const lookAgainMs = { paused: 28_000, quota: 3_600_000, lease: 5_000 };

const defaultPerMinute = 600;
const minuteMs = 60_000;
const secondMs = 1_000;

/** Requests a minute that permits are spaced for. */
export function requestsPerMinute(limits: Limits): number {
  const rates = [
    ...(limits.perMinute === undefined ? [] : [limits.perMinute * shareOfMinuteLimit]),
    ...(limits.perSecond === undefined ? [] : [limits.perSecond * 60 * shareOfSecondLimit]),
  ];
  return rates.length > 0 ? Math.min(...rates) : defaultPerMinute;
}

/**
 * How late a request may go out. Permits stand `gap` apart, so `limit` + 1 of them span limit × gap; what this exceeds
 * the documented window by is the delay at which they would fall into one window.
 */
export function toleratedLatenessMs(limits: Limits): number {
  const gapMs = minuteMs / requestsPerMinute(limits);
  const rooms = [
    ...(limits.perMinute === undefined ? [] : [limits.perMinute * gapMs - minuteMs]),
    ...(limits.perSecond === undefined ? [] : [limits.perSecond * gapMs - secondMs]),
  ];
  return Math.min(...rooms) * shareOfRoomForLateness;
}

/** Writes what the configured plans allow; counts and pauses stay. */
export async function applyBudgets(db: Kysely<Schema>, sources: Iterable<ConfiguredSource>): Promise<void> {
  for (const { source, plan, bulk } of sources) {
    await applyBudget(db, source.name, plan.limits);
    if (bulk) await applyBudget(db, bulkBudget(source.name), bulk.limits);
  }
}

async function applyBudget(db: Kysely<Schema>, name: string, limits: Limits): Promise<void> {
  const { connections, perDay, perMonth } = limits;
  await setBudget(db, {
    source: name,
    requestsPerMinute: requestsPerMinute(limits),
    dayQuota: perDay ?? null,
    monthQuota: perMonth ?? null,
    maxConcurrency: connections ?? null,
    ...reserves,
  });
  await setLeases(db, name, connections ?? 0);
}

export interface Turn {
  source: string;
  limits: Limits;
  /** counts against the quotas of day and month, in the source's own units; the rate counts requests */
  cost: number;
  budgetClass: BudgetClass;
}

/** Waits for the permit of one request. Throws NotYetTurn with the delay when the turn is further away. */
export async function waitForPermit(
  db: Kysely<Schema>,
  { source, cost, budgetClass, limits }: Turn,
  signal?: AbortSignal,
): Promise<void> {
  const toleratedMs = toleratedLatenessMs(limits);
  let request = { source, cost, budgetClass, maxWaitMs: reachMs[budgetClass], leadMs: 0 };
  for (;;) {
    const permit = await takePermit(db, request);
    if (!permit.granted) throw refusal(source, budgetClass, permit);
    const waitMs = permit.dueAt - performance.now();
    if (waitMs > 0) await sleep(Math.ceil(waitMs), undefined, { signal });
    const lateMs = performance.now() - permit.dueAt;
    if (lateMs <= toleratedMs) return;
    // the next turn as far ahead as this process is slow; the quotas have been charged
    request = { ...request, cost: 0, maxWaitMs: reachMs.live, leadMs: Math.min(2 * lateMs, reachMs.live) };
  }
}

function refusal(source: string, budgetClass: BudgetClass, permit: Permit & { granted: false }): Error {
  const { reason, waitMs } = permit;
  switch (reason) {
    case 'unknown source':
      return noBudget(source);
    case 'paused':
      return new NotYetTurn(pausedText(source, permit), Math.min(waitMs, lookAgainMs.paused));
    case 'day':
    case 'month':
      return new NotYetTurn(
        `the ${reason}'s quota of ${source} for ${budgetClass} work is used up`,
        Math.min(waitMs, lookAgainMs.quota),
      );
    case 'turn':
      return new NotYetTurn(`others are asking ${source} first`, waitMs);
  }
}

function pausedText(source: string, { pausedUntil, pausedReason }: { pausedUntil?: string; pausedReason?: string }) {
  const until =
    pausedUntil === endless ? 'until it is resumed' : `until ${pausedUntil?.slice(0, 16).replace(' ', 'T')}Z`;
  return `${source} is paused ${until}${pausedReason ? `: ${pausedReason}` : ''}`;
}

function noBudget(source: string): SourceFailure {
  return new SourceFailure('BadInput', `source_budgets has no row for ${source}: start a worker, which writes it`);
}

const renewEveryMs = 20_000;
/** Well before the database gives the place to someone else: from then on nobody knows whose it is. */
const giveUpAfterMs = (leaseSeconds - 10) * 1_000;

/**
 * Runs `work` on one of the connections that the source allows at once. Its signal also ends it when its place was lost.
 * `lease.holder` names the attempt, or a retry would share its place with its zombie. Take the permit within: it would
 * grow old while waiting for a place. Throws NotYetTurn when all are in use.
 */
export async function withLease<T>(
  db: Kysely<Schema>,
  lease: Lease,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { source } = lease;
  const refused = await retrying(() => takeLease(db, lease));
  if (refused) {
    if (refused.waitMs === null) throw noBudget(source);
    throw new NotYetTurn(
      `all connections that ${source} allows at once are in use`,
      Math.min(refused.waitMs, lookAgainMs.lease),
    );
  }
  const lost = new AbortController();
  const giveUp = () => lost.abort(new NotYetTurn(`its place among the connections to ${source} was lost`, 1_000));
  const deadline = setTimeout(giveUp, giveUpAfterMs);
  const renewal = setInterval(() => {
    // a database that is away: the place is ours until its time is over
    renewLease(db, lease).then(
      (isOurs) => void (isOurs ? deadline.refresh() : giveUp()),
      () => {},
    );
  }, renewEveryMs);
  try {
    return await work(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
  } finally {
    clearInterval(renewal);
    clearTimeout(deadline);
    // the request is done: what fails here must not undo it, and the place ends by itself
    await releaseLease(db, lease).catch(() => {});
  }
}

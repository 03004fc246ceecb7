import { performance } from 'node:perf_hooks';
import { CancelledFailure, type Context } from '@temporalio/activity';
import { ServiceError } from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { describeDatabaseError, retrying, type DatabaseFailureKind } from '../db/failures';
import { insertCallFailure, summarizeFailures, type FailureSummary } from '../db/queries/source-call-failures';
import type { ActivityDeps } from './deps';
import { NotYetTurn, SourceFailure, backoffMs, giveUpAfterMs, rules, type FailureType } from './failures';
import { progressOf } from './progress';
import { datasets, workflowTypeOf } from './registry';

// The promise: every failed attempt of a source call is recorded (Temporal keeps only the last one), and what a person
// reads in the UI says what happened and what happens next. This is the only place that turns errors into Temporal's.

const heartbeatEveryMs = 5_000;

/** Wraps every activity: heartbeats (which also deliver cancellation), failure texts, retry delays, the record. */
export function createFailureInterceptor(
  deps: ActivityDeps,
): (context: Context) => { inbound: ActivityInboundCallsInterceptor } {
  return (context) => ({
    inbound: {
      async execute(input, next) {
        const beat = setInterval(() => context.heartbeat(progressOf(context)), heartbeatEveryMs);
        const startedAt = performance.now();
        try {
          return await next(input);
        } catch (error) {
          throw await toTemporal(deps, { context, startedAt, call: (input.args[0] ?? {}) as CallArguments }, error);
        } finally {
          clearInterval(beat);
        }
      },
    },
  });
}

/** What the activities that call sources are given, as far as people want to know it. */
interface CallArguments {
  dataset?: string;
  coin?: string;
  date?: string;
  from?: string;
  to?: string;
  slot?: string;
  /** ISO: from then on nobody waits for the answer */
  deadline?: string;
}

interface Attempt {
  context: Context;
  /** by performance.now() */
  startedAt: number;
  call: CallArguments;
}

async function toTemporal(deps: ActivityDeps, attempt: Attempt, error: unknown): Promise<unknown> {
  const { context } = attempt;
  if (context.cancellationSignal.aborted)
    return error instanceof CancelledFailure ? error : context.cancellationSignal.reason;
  if (error instanceof TemporalFailure) return error;
  if (error instanceof NotYetTurn) return notYetTurn(attempt, error);
  if (error instanceof SourceFailure) return sourceFailure(deps, attempt, withoutSecrets(deps, error));
  if (error instanceof ServiceError) return temporalUnavailable(deps, context, error);
  return otherFailure(deps, context, error);
}

function notYetTurn({ context, call }: Attempt, { message, waitMs }: NotYetTurn): ApplicationFailure {
  // a little later than the turn itself, and not all at once
  const delay = Math.round(waitMs * 1.02 + Math.random() * 1_000);
  if (isTooLate(context, call, delay)) {
    return ApplicationFailure.create({
      type: 'NotYetTurn',
      message: `${message}; the next turn comes when nobody waits for it any more`,
      nonRetryable: true,
      category: 'BENIGN',
    });
  }
  return ApplicationFailure.create({
    type: 'NotYetTurn',
    message: `waiting, not failing: ${message}. Asks again at ${clock(delay)} (attempt ${context.info.attempt + 1})`,
    nextRetryDelay: delay,
    category: 'BENIGN',
  });
}

/** From here on message and details are for people, in places that live long. */
function withoutSecrets({ redact }: ActivityDeps, failure: SourceFailure): SourceFailure {
  const { details } = failure;
  const clean = Object.entries(details).map(([name, value]) => [
    name,
    typeof value === 'string' ? redact(value) : value,
  ]);
  const { cause } = failure;
  return new SourceFailure(failure.type, redact(failure.message), Object.fromEntries(clean), failure.retryAfterMs, {
    cause,
  });
}

async function sourceFailure(
  deps: ActivityDeps,
  attempt: Attempt,
  failure: SourceFailure,
): Promise<ApplicationFailure> {
  const { context } = attempt;
  const { type, details } = failure;
  const rule = rules[type];
  const { message } = failure;
  const summary = details.source ? await record(deps, attempt, failure) : undefined;
  if (rule.retry === 'never') return terminal(`${message}. Not tried again; ${rule.advice}`, failure, context);
  const elapsed = summary?.elapsedMs ?? 0;
  if (rule.retry === 'backoff' && type !== 'DatabaseUnavailable' && elapsed >= giveUpAfterMs) {
    return terminal(`${message}. ${gaveUp(summary)}. ${byHand(attempt.call)} (${rule.advice})`, failure, context);
  }
  const delay = backoffMs(
    type,
    summary?.failures ?? context.info.attempt,
    failure.retryAfterMs ?? (rule.retry === 'reset' ? msToUtcMidnight() : undefined),
  );
  if (isTooLate(context, attempt.call, delay)) {
    return terminal(
      `${message}. ${gaveUp(summary)}: the next attempt would come too late for the slot`,
      failure,
      context,
    );
  }
  const until = rule.retry === 'backoff' ? `, gives up at ${clock(giveUpAfterMs - elapsed)}` : '';
  return ApplicationFailure.create({
    type,
    message: `${message}. Attempt ${context.info.attempt}; tries again at ${clock(delay)}${until}; to try now: reset this activity`,
    nextRetryDelay: delay,
    details: [{ ...details, attempt: context.info.attempt }],
    cause: failure.cause instanceof Error ? failure.cause : undefined,
  });
}

/** Whether the attempt after this delay would come behind the deadline of its call, by the later of the two clocks. */
function isTooLate({ info }: Context, { deadline }: CallArguments, delayMs: number): boolean {
  if (deadline === undefined) return false;
  return Math.max(Date.now(), info.currentAttemptScheduledTimestampMs) + delayMs > Date.parse(deadline);
}

function terminal(message: string, failure: SourceFailure, context: Context): ApplicationFailure {
  return ApplicationFailure.create({
    type: failure.type,
    message,
    nonRetryable: true,
    details: [{ ...failure.details, attempt: context.info.attempt }],
  });
}

/** `gave up after 38 attempts in 2 h 01: 30 × Unavailable (503), 8 × RateLimited` */
export function gaveUp(summary: FailureSummary | undefined): string {
  if (!summary) return 'gave up';
  const minutes = Math.floor(summary.elapsedMs / 60_000);
  const duration = `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`;
  const causes = summary.causes.map(
    ({ failures, errorType, httpStatus }) =>
      `${failures} × ${errorType}${httpStatus && httpStatus !== usualStatus[errorType] ? ` (${httpStatus})` : ''}`,
  );
  return `gave up after ${summary.failures} attempts in ${duration}: ${causes.join(', ')}`;
}

/** What the type says already. */
const usualStatus: Readonly<Partial<Record<string, number>>> = {
  RateLimited: 429,
  QuotaExhausted: 402,
} satisfies Partial<Record<FailureType, number>>;

/** What a person starts once the source is back: `By hand: start ingestBlockchair {"date":"2026-11-21",…}`. */
function byHand({ dataset, coin, date, from, to }: CallArguments): string {
  const named = datasets.find(({ fullName }) => fullName === dataset);
  if (!named) return 'By hand: start it again';
  const workflow = workflowTypeOf(named.source);
  const what = { coins: coin === undefined || coin === 'all' ? undefined : [coin], datasets: [named.fullName] };
  return from === undefined
    ? `By hand: start ${workflow} ${JSON.stringify({ date, ...what })}`
    : `By hand: start backfill ${JSON.stringify({ workflow, from, to, ...what })}`;
}

/** The server was asked for the state of another workflow and did not answer. It is away for a while, as a source may be. */
function temporalUnavailable(deps: ActivityDeps, { info }: Context, error: ServiceError): ApplicationFailure {
  const why = error.cause instanceof Error ? error.cause.message : error.message;
  const delay = backoffMs('Unavailable', info.attempt);
  return ApplicationFailure.create({
    type: 'Unavailable',
    message: `Temporal did not answer: ${deps.redact(why)}. Attempt ${info.attempt}; tries again at ${clock(delay)}, for as long as it lasts`,
    nextRetryDelay: delay,
  });
}

/** Kinds that more of the same will not mend; everything else about the database is retried as long as it lasts. */
const beyondRetry: ReadonlySet<DatabaseFailureKind> = new Set(['other', 'bad-value', 'duplicate', 'too-large']);

function otherFailure(deps: ActivityDeps, context: Context, error: unknown): ApplicationFailure {
  const database = describeDatabaseError(error);
  if (!beyondRetry.has(database.kind)) {
    const delay = backoffMs('DatabaseUnavailable', context.info.attempt);
    return ApplicationFailure.create({
      type: 'DatabaseUnavailable',
      message: `${deps.redact(database.message)} Attempt ${context.info.attempt}; tries again at ${clock(delay)}, for as long as it lasts`,
      nextRetryDelay: delay,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return ApplicationFailure.create({
    type: 'Bug',
    message: `${deps.redact(message)}. Not tried again: a defect of cryptoflow, please report it with its stack`,
    nonRetryable: true,
    details: [{ stack: deps.redact(stack ?? message) }],
  });
}

/** Writes the failed attempt and reads what failed so far. A database that is down must not hide the failure itself. */
async function record(
  deps: ActivityDeps,
  { context, startedAt, call }: Attempt,
  failure: SourceFailure,
): Promise<FailureSummary | undefined> {
  const { info } = context;
  const activity = {
    workflowId: info.workflowExecution?.workflowId ?? '',
    runId: info.workflowExecution?.runId ?? '',
    activityId: info.activityId,
  };
  try {
    return await retrying(async () => {
      await insertCallFailure(deps.db, {
        ...activity,
        source: failure.details.source ?? '',
        dataset: failure.details.dataset ?? call.dataset ?? null,
        coinId: call.coin ?? null,
        logicalDate: call.date ?? call.slot ?? null,
        activityType: info.activityType,
        attempt: info.attempt,
        attemptMs: performance.now() - startedAt,
        errorType: failure.type,
        httpStatus: failure.details.status ?? null,
        method: failure.details.method ?? null,
        url: failure.details.url ?? null,
        message: failure.message,
        body: failure.details.body ?? null,
      });
      return summarizeFailures(deps.db, activity);
    });
  } catch (error) {
    context.log.warn('the failed attempt could not be recorded', { reason: deps.redact(String(error)) });
    return undefined;
  }
}

function msToUtcMidnight(now = Date.now()): number {
  return 86_400_000 - (now % 86_400_000);
}

function clock(inMs: number): string {
  const at = new Date(Date.now() + inMs).toISOString();
  return inMs < 60_000
    ? `${at.slice(11, 19)}Z`
    : inMs < 20 * 3_600_000
      ? `${at.slice(11, 16)}Z`
      : `${at.slice(0, 16)}Z`;
}

import {
  ApplicationFailure,
  ParentClosePolicy,
  executeChild,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunResult } from '../activities/runs';
import { database, priorityOf, sourceQueue } from './activity-options';
import { finish, statusOf, type DagResult, type PartOfBackfill } from './daily-ingestion';
import { logicalDateAttribute, markdownTable, tagStatus } from './details';
import { parseBackfillInput, type BackfillInput } from './input';
import { addDays, daysBetween, today } from './logical-date';

interface DateOutcome {
  date: string;
  status: DagResult['status'] | 'running';
  rows: number;
  message: string | null;
}

/** Totals of the backfill; `runs` keeps those that did not end well, so that the result stays small. */
export interface BackfillResult {
  from: string;
  to: string;
  status: DagResult['status'];
  dates: Record<'success' | 'partial' | 'failed' | 'skipped', number>;
  rows: number;
  problems: string[];
  finish: Pick<DagResult, 'deletedLogs' | 'health'>;
}

const shownDates = 30;

/**
 * Every date of a range, newest first, at most `concurrency` at a time. Datasets whose source gives many dates with one
 * request are fetched so, first; the others run as the DAG does, date by date. Fails when a date failed, after all ended.
 */
export async function backfill(input?: unknown): Promise<BackfillResult> {
  const wanted = parseBackfillInput(input);
  const { workflowId } = workflowInfo();
  const plan = await database('what is to be done', 'backfill').planRuns({
    workflowType: wanted.workflow,
    coins: wanted.coins,
    datasets: wanted.datasets,
  });
  const rangedKeys = new Set(plan.ranged.map((run) => run.dataset));
  const datedDatasets = [...new Set(plan.runs.map((run) => run.dataset))].filter((dataset) => !rangedKeys.has(dataset));
  const datedCoins = [...new Set(plan.runs.map((run) => run.coin))].filter((coin) => coin !== 'all');

  const ranged = await ingestRanges(wanted, plan.ranged, workflowId);
  const dates =
    datedDatasets.length === 0
      ? []
      : await inWindow(wanted, (date) => runDate(wanted, date, datedDatasets, datedCoins, workflowId));

  const all = [
    ...ranged.map((run) => ({ date: run.date, status: run.status === 'cancelled' ? ('failed' as const) : run.status })),
    ...dates,
  ];
  const status = statusOf([...ranged, ...dates.map(asRun)]);
  const after = await finish(ranged);
  tagStatus(status);
  const worst = byDate(all);
  const result: BackfillResult = {
    from: wanted.from,
    to: wanted.to,
    status,
    dates: countOf(worst),
    rows: ranged.reduce((sum, run) => sum + run.counts.processed, 0) + dates.reduce((sum, each) => sum + each.rows, 0),
    problems: [
      ...ranged
        .filter((run) => run.status !== 'success')
        .map((run) => `${run.dataset} ${run.coin} ${run.date}: ${run.status}: ${run.message}`),
      ...dates.filter((each) => each.status === 'failed').map((each) => `${each.date}: ${each.message}`),
    ].slice(0, 100),
    finish: { deletedLogs: after.deletedLogs, health: after.health },
  };
  if (status === 'failed') {
    throw ApplicationFailure.create({
      type: 'RunsFailed',
      nonRetryable: true,
      message: `backfill ${wanted.from} to ${wanted.to}: ${result.dates.failed} dates failed. First: ${result.problems[0]}`,
      details: [result],
    });
  }
  return result;
}

type Ranged = { dataset: string; coin: string; queue: string };

async function ingestRanges(
  wanted: BackfillInput,
  ranged: readonly Ranged[],
  triggeredBy: string,
): Promise<RunResult[]> {
  const { firstExecutionRunId } = workflowInfo();
  const results = await Promise.all(
    ranged.map(({ dataset, coin, queue }) =>
      sourceQueue(queue, `${dataset} of ${coin}, ${wanted.from} to ${wanted.to}`, 'backfill').ingestRange({
        dataset,
        coin,
        from: wanted.from,
        to: wanted.to,
        today: today(),
        triggeredBy,
        firstExecutionRunId,
      }),
    ),
  );
  return results.flat();
}

/** A sliding window over the dates, newest first: a slow date holds one place, not the whole window. */
async function inWindow(wanted: BackfillInput, run: (date: string) => Promise<DateOutcome>): Promise<DateOutcome[]> {
  const dates = Array.from({ length: daysBetween(wanted.from, wanted.to) + 1 }, (_, index) =>
    addDays(wanted.to, -index),
  );
  const outcomes: DateOutcome[] = [];
  const show = () => showProgress(wanted, dates.length, outcomes);
  let next = 0;
  const place = async () => {
    while (next < dates.length) {
      const date = dates[next++]!;
      const running: DateOutcome = { date, status: 'running', rows: 0, message: null };
      outcomes.push(running);
      show();
      Object.assign(running, await run(date));
      show();
    }
  };
  await Promise.all(Array.from({ length: Math.min(wanted.concurrency, dates.length) }, place));
  return outcomes;
}

async function runDate(
  wanted: BackfillInput,
  date: string,
  datasets: string[],
  coins: string[],
  triggeredBy: string,
): Promise<DateOutcome> {
  const part: PartOfBackfill = { backfill: triggeredBy };
  try {
    const result: DagResult = await executeChild(wanted.workflow, {
      workflowId: `${triggeredBy}/${date}`,
      args: [{ date, datasets, ...(coins.length > 0 ? { coins } : {}) }, part],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${wanted.workflow} for ${date}`,
      priority: priorityOf('backfill'),
      typedSearchAttributes: [{ key: logicalDateAttribute, value: new Date(date) }],
    });
    return { date, status: result.status, rows: result.totals.processed, message: null };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { date, status: 'failed', rows: 0, message: rootMessage(error) };
  }
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}

function showProgress(wanted: BackfillInput, total: number, outcomes: readonly DateOutcome[]): void {
  const ended = outcomes.filter((each) => each.status !== 'running').length;
  const rows = outcomes
    .slice(-shownDates)
    .map((each) => [each.date, each.status, String(each.rows), each.message ?? '']);
  const table = markdownTable(['date', 'status', 'rows', 'note'], rows);
  setCurrentDetails(`${wanted.workflow}, ${wanted.from} to ${wanted.to}: ${ended} of ${total} dates\n\n${table}`);
}

function asRun(outcome: DateOutcome): RunResult {
  const counts = { processed: outcome.rows, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  return {
    dataset: '',
    coin: '',
    date: outcome.date,
    status: outcome.status === 'running' ? 'failed' : outcome.status,
    counts,
    message: outcome.message,
  };
}

const order = ['skipped', 'success', 'partial', 'failed'] as const;

/** The worst status of each date. */
function byDate(all: readonly { date: string; status: DateOutcome['status'] }[]): Map<string, (typeof order)[number]> {
  const worst = new Map<string, (typeof order)[number]>();
  for (const { date, status } of all) {
    const now = status === 'running' ? 'failed' : status;
    const before = worst.get(date);
    if (before === undefined || order.indexOf(now) > order.indexOf(before)) worst.set(date, now);
  }
  return worst;
}

function countOf(worst: Map<string, (typeof order)[number]>): BackfillResult['dates'] {
  const count = (status: string) => [...worst.values()].filter((each) => each === status).length;
  return { success: count('success'), partial: count('partial'), failed: count('failed'), skipped: count('skipped') };
}

import {
  ApplicationFailure,
  ParentClosePolicy,
  continueAsNew,
  executeChild,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { Plan } from '../activities/plan';
import { database, priorityOf, sourceQueue } from './activity-options';
import { finish, type PartOfBackfill } from './daily-ingestion';
import { logicalDateAttribute, markdownTable, tagStatus } from './details';
import { parseBackfillInput, type BackfillInput } from './input';
import { addDays, daysBetween, today } from './logical-date';

type Ended = 'success' | 'partial' | 'failed' | 'skipped';

/** How many dates (or, for datasets fetched as a range, runs) ended how; `problems` are the first of those that failed. */
interface Tally {
  ended: Record<Ended, number>;
  rows: number;
  problems: string[];
}

export interface BackfillResult {
  from: string;
  to: string;
  status: Ended;
  /** dates that ran as a DAG */
  dates: Tally;
  /** runs of datasets whose source gives many dates with one request: one per coin and date */
  ranged: Tally;
  finish: Pick<Awaited<ReturnType<typeof finish>>, 'deletedLogs' | 'health'>;
}

/** What earlier executions of a long backfill have done; the dates that are left are in its input. */
interface Carried {
  to: string;
  dates: Tally;
  ranged: Tally;
}

/** Dates of one execution: some 3,000 events of history, where the server warns at 10,240. */
const datesPerExecution = 365;
const shownDates = 30;
const keptProblems = 50;

/**
 * Every date of a range, newest first, at most `concurrency` at a time. Datasets whose source gives many dates with one
 * request are fetched so, first; the others run as the DAG does, date by date. Report, log clean-up and health check run
 * once, at the end. Fails when a date failed, after all ended.
 */
export async function backfill(input?: unknown, carried?: Carried): Promise<BackfillResult> {
  const wanted = parseBackfillInput(input);
  const dates = carried?.dates ?? noTally();
  const ranged = carried?.ranged ?? noTally();
  const to = carried?.to ?? wanted.to;
  const oldest = addDays(wanted.to, 1 - datesPerExecution);
  const slice = { ...wanted, from: oldest > wanted.from ? oldest : wanted.from };

  const plan = await database('what is to be done', 'backfill').planRuns({
    workflowType: wanted.workflow,
    coins: wanted.coins,
    datasets: wanted.datasets,
  });
  await ingestRanges(slice, plan.ranged, ranged);
  const part = wanted.workflow === slotWorkflow ? { datasets: [], coins: wanted.coins ?? [] } : datedPart(plan);
  await ingestDates({ ...slice, ...part }, dates, daysBetween(wanted.from, to) + 1);
  if (slice.from > wanted.from) {
    await continueAsNew<typeof backfill>({ ...wanted, to: addDays(slice.from, -1) }, { to, dates, ranged });
  }

  const status = worst(dates, ranged);
  tagStatus(status);
  const { deletedLogs, health } = await finish([]);
  const result: BackfillResult = { from: wanted.from, to, status, dates, ranged, finish: { deletedLogs, health } };
  if (status !== 'failed') return result;
  const failures = dates.ended.failed + ranged.ended.failed;
  throw ApplicationFailure.create({
    type: 'RunsFailed',
    nonRetryable: true,
    message: `backfill ${wanted.from} to ${to}: ${failures} failed. First: ${[...dates.problems, ...ranged.problems][0]}`,
    details: [result],
  });
}

/** One activity per coin, or a few where the source has a limit: the results come back as counts, not per date. */
async function ingestRanges({ from, to }: BackfillInput, ranged: Plan['ranged'], tally: Tally): Promise<void> {
  const { firstExecutionRunId, workflowId } = workflowInfo();
  const done = await Promise.all(
    ranged.flatMap(({ dataset, coin, queue, maxDays }) =>
      partsOf(from, to, maxDays).map((part) =>
        sourceQueue(queue, `${dataset} of ${coin}, ${part.from} to ${part.to}`, 'backfill').ingestRange({
          ...{ dataset, coin, ...part, firstExecutionRunId },
          today: today(),
          triggeredBy: workflowId,
        }),
      ),
    ),
  );
  for (const each of done) {
    for (const status of ['success', 'skipped', 'failed'] as const) tally.ended[status] += each.ended[status];
    tally.rows += each.rows;
    keepProblems(tally, each.problems);
  }
}

/** The range in parts of at most so many days. */
function partsOf(from: string, to: string, maxDays = Number.POSITIVE_INFINITY): { from: string; to: string }[] {
  const parts: { from: string; to: string }[] = [];
  let first = from;
  while (first <= to) {
    const last = maxDays > daysBetween(first, to) ? to : addDays(first, maxDays - 1);
    parts.push({ from: first, to: last });
    first = addDays(last, 1);
  }
  return parts;
}

type DatedPart = { datasets: string[]; coins: string[] };

function datedPart(plan: Plan): DatedPart {
  const asRange = new Set(plan.ranged.map((run) => run.dataset));
  const dated = plan.runs.filter((run) => !asRange.has(run.dataset));
  return {
    datasets: [...new Set(dated.map((run) => run.dataset))],
    coins: [...new Set(dated.map((run) => run.coin))].filter((coin) => coin !== 'all'),
  };
}

/** What is said of a date that is done, by every DAG. */
interface Ingested {
  status: Ended;
  totals: { processed: number };
}

/** Its dates are days of 96 slots, made by `collectDay`. */
const slotWorkflow = 'collectOnchainAndSentiment';

type Dated = Omit<BackfillInput, 'datasets' | 'coins'> & DatedPart;

/** A sliding window over the dates, newest first: a slow date holds one place, not the whole window. */
async function ingestDates(wanted: Dated, tally: Tally, total: number): Promise<void> {
  if (wanted.datasets.length === 0 && wanted.workflow !== slotWorkflow) return;
  const shown: DateLine[] = [];
  let next = wanted.to;
  const place = async (): Promise<void> => {
    while (next >= wanted.from) {
      const line: DateLine = { date: next, status: 'running', rows: 0, message: '' };
      next = addDays(next, -1);
      shown.push(line);
      showProgress(wanted.workflow, tally, total, shown);
      Object.assign(line, await ingestDate(wanted, line.date));
      if (line.status !== 'running') tally.ended[line.status] += 1;
      tally.rows += line.rows;
      if (line.status === 'failed') keepProblems(tally, [`${line.date}: ${line.message}`]);
      showProgress(wanted.workflow, tally, total, shown);
    }
  };
  await Promise.all(Array.from({ length: wanted.concurrency }, place));
}

interface DateLine {
  date: string;
  status: Ended | 'running';
  rows: number;
  message: string;
}

async function ingestDate({ workflow, datasets, coins }: Dated, date: string): Promise<Partial<DateLine>> {
  const { workflowId } = workflowInfo();
  const part: PartOfBackfill = { backfill: workflowId };
  const ofSlots = workflow === slotWorkflow;
  const which = { date, ...(ofSlots ? {} : { datasets }), ...(coins.length > 0 ? { coins } : {}) };
  try {
    const result: Ingested = await executeChild(ofSlots ? 'collectDay' : workflow, {
      workflowId: `${workflowId}/${date}`,
      args: [which, part],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${workflow} for ${date}`,
      priority: priorityOf('backfill'),
      typedSearchAttributes: [{ key: logicalDateAttribute, value: new Date(date) }],
    });
    return { status: result.status, rows: result.totals.processed };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { status: 'failed', message: rootMessage(error) };
  }
}

function showProgress(workflow: string, tally: Tally, total: number, shown: readonly DateLine[]): void {
  const ended = Object.values(tally.ended).reduce((sum, count) => sum + count, 0);
  const rows = shown
    .slice(-shownDates)
    .map(({ date, status, rows: count, message }) => [date, status, String(count), message]);
  const table = markdownTable(['date', 'status', 'rows', 'note'], rows);
  setCurrentDetails(`${workflow}: ${ended} of ${total} dates, ${tally.ended.failed} failed\n\n${table}`);
}

function noTally(): Tally {
  return { ended: { success: 0, partial: 0, failed: 0, skipped: 0 }, rows: 0, problems: [] };
}

function keepProblems(tally: Tally, problems: readonly string[]): void {
  tally.problems.push(...problems.slice(0, keptProblems - tally.problems.length));
}

function worst(...tallies: readonly Tally[]): Ended {
  const has = (status: Ended): boolean => tallies.some((tally) => tally.ended[status] > 0);
  return has('failed') ? 'failed' : has('partial') ? 'partial' : has('success') ? 'success' : 'skipped';
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}

import { ApplicationFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { DatasetReport } from '../activities/report';
import type { HealthReport } from '../activities/health';
import type { RunResult } from '../activities/runs';
import { database, type Priority } from './activity-options';
import { whenAdmitted } from './admission';
import { showDetails, tagRunning, tagStatus, type DetailsLine } from './details';
import { parseDagInput } from './input';
import { daysBetween, defaultDate, explainDate, scheduleId, today } from './logical-date';
import { startOrJoin } from './start-or-join';

type RunCounts = RunResult['counts'];

/** What a DAG returns: totals per dataset and coin, and the status of the whole. */
export interface DagResult {
  date: string;
  status: 'success' | 'partial' | 'failed' | 'skipped';
  totals: RunCounts;
  runs: RunResult[];
  report?: DatasetReport[];
  deletedLogs?: number;
  health?: Pick<HealthReport, 'status' | 'problems'>;
}

/** A DAG that is one date of a backfill: the backfill itself reports, cleans up and checks, once. */
export interface PartOfBackfill {
  backfill: string;
}

/**
 * The daily DAG: every dataset for every coin of one date, in parallel → report → log clean-up → health check.
 * One failed run fails none of the others; the DAG fails after all have ended.
 */
export async function dailyIngestion(input?: unknown, part?: PartOfBackfill): Promise<DagResult> {
  return runDag(input, part);
}

/** `ingestBlockchair`, `ingestCoinGecko`, …: the same with the datasets of one source. Refuses unknown workflow types. */
export async function ingestSource(input?: unknown, part?: PartOfBackfill): Promise<DagResult> {
  return runDag(input, part);
}

async function runDag(input: unknown, part: PartOfBackfill | undefined): Promise<DagResult> {
  const { workflowType, workflowId } = workflowInfo();
  const { coins, datasets, addresses = [], date = defaultDate() } = parseDagInput(workflowType, input);
  const priority = priorityOfDag(date, part);
  const triggeredBy = part?.backfill ?? (scheduleId() ? `schedule ${scheduleId()}` : workflowId);
  tagRunning(date);
  const plan = await database('what is to be done', priority).planRuns({ workflowType, coins, datasets });

  const lines: DetailsLine[] = plan.runs.map((run) => ({ ...run }));
  const show = () =>
    showDetails(plan.label === null ? explainDate(date) : `${explainDate(date)}: ${plan.label}`, lines);
  const runAll = () => {
    show();
    return Promise.all(
      lines.map(async (line) => {
        const { dataset, coin } = line;
        line.result = await startOrJoin({ dataset, coin, date }, { triggeredBy, priority, addresses });
        show();
        return line.result;
      }),
    );
  };
  // a backfill has a window of its own
  const results = await (isOld(date) && !part ? whenAdmitted(date, runAll) : runAll());

  const status = statusOf(results);
  tagStatus(status);
  const result: DagResult = { date, status, totals: totalsOf(results), runs: results };
  if (!part) Object.assign(result, await finish(results));
  if (status === 'failed') throw failed(workflowType, result);
  return result;
}

/** Report, log clean-up and health check: always, whatever the runs did; what fails here does not hide their outcome. */
export async function finish(results: RunResult[]): Promise<Pick<DagResult, 'report' | 'deletedLogs' | 'health'>> {
  const { firstExecutionRunId } = workflowInfo();
  const report = await orUndefined(() => database('report').reportRuns({ results }));
  const cleaned = await orUndefined(() =>
    database('log clean-up').cleanUpLogs({ today: today(), firstExecutionRunId }),
  );
  const health = await orUndefined(() => database('health check').checkHealth({ now: new Date().toISOString() }));
  return {
    report,
    deletedLogs: cleaned?.deleted,
    health: health && { status: health.status, problems: health.problems },
  };
}

async function orUndefined<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return undefined;
  }
}

function priorityOfDag(date: string, part: PartOfBackfill | undefined): Priority {
  if (part || (scheduleId() && isOld(date))) return 'backfill';
  return scheduleId() ? 'live' : 'manual';
}

/** Older than one interval: work that no live run waits for. */
function isOld(date: string): boolean {
  return daysBetween(date, today()) > 1;
}

export function statusOf(results: readonly RunResult[]): DagResult['status'] {
  const has = (...wanted: string[]) => results.some((run) => wanted.includes(run.status));
  if (has('failed', 'cancelled')) return 'failed';
  if (has('partial')) return 'partial';
  return has('success') ? 'success' : 'skipped';
}

function totalsOf(results: readonly RunResult[]): RunCounts {
  const sum = (field: keyof RunCounts) => results.reduce((total, run) => total + run.counts[field], 0);
  return {
    processed: sum('processed'),
    inserted: sum('inserted'),
    updated: sum('updated'),
    unchanged: sum('unchanged'),
    rejected: sum('rejected'),
  };
}

/** The failure carries the whole table: in its message the failed runs, in its details everything. */
function failed(workflowType: string, result: DagResult): ApplicationFailure {
  const bad = result.runs.filter((run) => run.status === 'failed' || run.status === 'cancelled');
  const names = bad.map((run) => `${run.dataset} ${run.coin} (${run.status}: ${run.message ?? 'no reason'})`);
  const byHand = JSON.stringify({
    date: result.date,
    coins: [...new Set(bad.map((run) => run.coin))],
    datasets: [...new Set(bad.map((run) => run.dataset))],
  });
  return ApplicationFailure.create({
    type: 'RunsFailed',
    nonRetryable: true,
    message: `${bad.length} of ${result.runs.length} runs for ${result.date} failed: ${names.join('; ')}. The others ended. By hand: start ${workflowType} ${byHand}`,
    details: [result],
  });
}

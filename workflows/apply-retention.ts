import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { Position } from '../activities/retention/family';
import type { TablePlan } from '../activities/retention/plan';
import type { Progress, RetentionRequest } from '../activities/retention';
import type { RunClose, RunResult } from '../activities/runs';
import { database } from './activity-options';
import { markdownTable, showDetails, tagRunning, tagStatus, type DetailsLine } from './details';
import { parseRetentionInput } from './input';
import { endOf } from './ingest-dataset';
import { defaultDate, explainDate, scheduleId } from './logical-date';

export interface RetentionResult {
  date: string;
  status: 'success' | 'failed' | 'dry run';
  runs: (Omit<RunResult, 'status'> & { status: string })[];
  /** of a dry run: what would be done */
  plans?: TablePlan[];
}

/**
 * Detail → daily values → monthly values → deleted, table by table, up to what the policies keep. One table that fails
 * stops none of the others. May run beside itself, and be stopped and started at any point.
 */
export async function applyRetention(input?: unknown): Promise<RetentionResult> {
  const { workflowType, workflowId, firstExecutionRunId } = workflowInfo();
  const { date = defaultDate(), tables, dryRun } = parseRetentionInput(workflowType, input);
  const triggeredBy = scheduleId() ? `schedule ${scheduleId()}` : workflowId;
  tagRunning(date);
  const plan = await database(dryRun ? 'what would be done' : 'what is to be done').planRetention({
    date,
    tables,
    dryRun,
  });
  if (dryRun) {
    const rows = plan.plans.map(({ table, says }) => [table, says]);
    setCurrentDetails(
      `${explainDate(date)}: dry run, nothing is changed\n\n${markdownTable(['table', 'what would be done'], rows)}`,
    );
    tagStatus('success');
    return { date, status: 'dry run', runs: plan.plans.map((each) => dryResult(each, date)), plans: plan.plans };
  }
  const lines: DetailsLine[] = plan.tables.map((table) => ({ dataset: `retention.${table}`, coin: 'all' }));
  const show = () => showDetails(explainDate(date), lines);
  show();
  for (const [index, table] of plan.tables.entries()) {
    lines[index]!.result = await retainTable({ table, date }, { triggeredBy, firstExecutionRunId });
    show();
  }
  const runs = lines.map(({ result }) => result!);
  const bad = runs.filter((run) => run.status !== 'success');
  tagStatus(bad.length > 0 ? 'failed' : 'success');
  if (bad.length > 0) {
    const names = bad.map(({ dataset, message }) => `${dataset} (${message ?? 'no reason'})`);
    throw ApplicationFailure.create({
      type: 'RunsFailed',
      nonRetryable: true,
      message: `retention of ${bad.length} of ${runs.length} tables failed: ${names.join('; ')}. What was done stays; the next run goes on from there`,
      details: [{ date, status: 'failed', runs }],
    });
  }
  return { date, status: 'success', runs };
}

async function retainTable(
  request: RetentionRequest,
  by: { triggeredBy: string; firstExecutionRunId: string },
): Promise<RunResult> {
  const { table } = request;
  // not cancelled half-way: the row would be there, and nobody would close it
  const { logId } = await CancellationScope.nonCancellable(() =>
    database(`open the run of ${table}`).openRetention({ ...request, ...by }),
  );
  const close = (end: Omit<RunClose, 'logId'>) =>
    database(`close the run of ${table}: ${end.status}`).closeRetention({ logId, ...end });
  let progress: Progress = { isDone: false };
  try {
    while (!progress.isDone) {
      const { position } = progress;
      progress = await database(`${table}${whereOf(position)}`, 'backfill').retain({ ...request, logId, position });
    }
    return await close({ status: 'success' });
  } catch (failure) {
    const end = endOf(failure);
    if (end === undefined) throw failure;
    const result = await CancellationScope.nonCancellable(() => close(end));
    if (isCancellation(failure)) {
      tagStatus('cancelled');
      throw failure;
    }
    return result;
  }
}

function whereOf(position: Position | undefined): string {
  if (!position) return '';
  return position.step === 'aggregate' ? `: from ${position.from}` : `: ${position.step}`;
}

const nothing = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };

function dryResult({ table, says }: TablePlan & { says: string }, date: string) {
  return { dataset: `retention.${table}`, coin: 'all', date, status: 'dry run', counts: nothing, message: says };
}

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  ParentClosePolicy,
  TerminatedFailure,
  WorkflowIdReusePolicy,
  isCancellation,
  startChild,
  type ChildWorkflowOptions,
} from '@temporalio/workflow';
import type { RunOutcome, RunResult } from '../activities/runs';
import { priorityOf, waitFor, type Priority } from './activity-options';
import { coinAttribute, datasetAttribute, logicalDateAttribute } from './details';
import { runId } from './ids';
import { ingestDataset, type RunContext } from './ingest-dataset';

// The promise: however many DAGs want the same run at the same time, one child does it and all get its outcome. The id
// is the lock; who finds it taken waits in one heartbeating activity. If that run ends badly, this one starts its own,
// once, and may find itself waiting again.

export interface WantedRun {
  dataset: string;
  coin: string;
  date: string;
}

type LockedOptions = Pick<
  ChildWorkflowOptions,
  'parentClosePolicy' | 'workflowIdReusePolicy' | 'staticSummary' | 'priority' | 'typedSearchAttributes'
> & { workflowId: string };

/** A child under an id that is its lock. */
export interface Joinable<R extends { status: RunOutcome }> {
  workflowId: string;
  summary: string;
  priority: Priority;
  typedSearchAttributes: ChildWorkflowOptions['typedSearchAttributes'];
  start(options: LockedOptions): Promise<{ result(): Promise<R> }>;
  /** what someone else's run said is no answer to what is wanted here */
  wantsOwn?: boolean;
  /** the result of one that ended badly */
  bad(status: RunOutcome, message: string): R;
}

/** Never throws for a run that failed: its outcome is a result like any other. Throws when this workflow is cancelled. */
export async function startOrJoin(wanted: WantedRun, context: RunContext): Promise<RunResult> {
  return startOrJoinChild<RunResult>({
    workflowId: runId(wanted.dataset, wanted.coin, wanted.date),
    summary: `${wanted.dataset} of ${wanted.coin} for ${wanted.date}`,
    priority: context.priority,
    typedSearchAttributes: [
      { key: datasetAttribute, value: wanted.dataset },
      { key: coinAttribute, value: wanted.coin },
      { key: logicalDateAttribute, value: new Date(wanted.date) },
    ],
    start: (options) => startChild(ingestDataset, { ...options, args: [wanted, context] }),
    // it did not know of our addresses
    wantsOwn: context.addresses.length > 0,
    bad: (status, message) => badRun(wanted, status, message),
  });
}

/** The same for any child whose id is its lock. */
export async function startOrJoinChild<R extends { status: RunOutcome }>(child: Joinable<R>): Promise<R> {
  let result = await startOrWait(child);
  // a run that someone else ended badly is no answer: one start of our own
  if (result.joined && (!endedWell(result.outcome) || child.wantsOwn)) result = await startOrWait(child);
  return result.outcome;
}

function endedWell({ status }: { status: RunOutcome }): boolean {
  return status === 'success' || status === 'partial' || status === 'skipped';
}

async function startOrWait<R extends { status: RunOutcome }>(
  child: Joinable<R>,
): Promise<{ joined: boolean; outcome: R }> {
  const { workflowId, summary, priority, typedSearchAttributes } = child;
  let handle: { result(): Promise<R> };
  try {
    handle = await child.start({
      workflowId,
      // a terminated parent's children still close their rows
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: summary,
      priority: priorityOf(priority),
      typedSearchAttributes,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const outcome = await waitFor(`${workflowId} runs already: waiting for it`).awaitRun({ workflowId });
    return {
      joined: true,
      outcome:
        outcome.ended === 'completed'
          ? (outcome.result as R)
          : child.bad('failed', `the run it waited for ended as ${outcome.how}`),
    };
  }
  return { joined: false, outcome: await handle.result().catch((error: unknown) => resultOf(child, error)) };
}

function resultOf<R extends { status: RunOutcome }>(child: Joinable<R>, error: unknown): R {
  if (!(error instanceof ChildWorkflowFailure)) throw error;
  if (isCancellation(error)) {
    // this DAG is being cancelled, or only this one run was
    if (CancellationScope.current().consideredCancelled) throw error;
    return child.bad('cancelled', 'the run was cancelled');
  }
  const root = rootCause(error);
  const how = root instanceof TerminatedFailure ? 'its workflow was terminated' : root.message;
  const type = root instanceof ApplicationFailure ? (root.type ?? undefined) : undefined;
  return child.bad('failed', type ? `${type}: ${how}` : how);
}

function rootCause(error: Error): Error {
  return error.cause instanceof Error ? rootCause(error.cause) : error;
}

function badRun({ dataset, coin, date }: WantedRun, status: RunOutcome, message: string): RunResult {
  const counts = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  return { dataset, coin, date, status, counts, message };
}

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
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { RunOutcome, RunResult } from '../activities/runs';
import { priorityOf, waitFor } from './activity-options';
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

/** Never throws for a run that failed: its outcome is a result like any other. Throws when this workflow is cancelled. */
export async function startOrJoin(wanted: WantedRun, context: RunContext): Promise<RunResult> {
  let result = await startOrWait(wanted, context);
  // a run that someone else ended badly, or that did not know of our addresses, is no answer: one start of our own
  if (result.joined && (!endedWell(result.outcome) || context.addresses.length > 0))
    result = await startOrWait(wanted, context);
  return result.outcome;
}

function endedWell({ status }: RunResult): boolean {
  return status === 'success' || status === 'partial' || status === 'skipped';
}

async function startOrWait(wanted: WantedRun, context: RunContext): Promise<{ joined: boolean; outcome: RunResult }> {
  const id = runId(wanted.dataset, wanted.coin, wanted.date);
  let child: ChildWorkflowHandle<typeof ingestDataset>;
  try {
    child = await startChild(ingestDataset, {
      workflowId: id,
      args: [wanted, context],
      // a terminated parent's children still close their rows
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: `${wanted.dataset} of ${wanted.coin} for ${wanted.date}`,
      priority: priorityOf(context.priority),
      typedSearchAttributes: [
        { key: datasetAttribute, value: wanted.dataset },
        { key: coinAttribute, value: wanted.coin },
        { key: logicalDateAttribute, value: new Date(wanted.date) },
      ],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const outcome = await waitFor(`${id} runs already: waiting for it`).awaitRun({ workflowId: id });
    return {
      joined: true,
      outcome:
        outcome.ended === 'completed'
          ? (outcome.result as RunResult)
          : badResult(wanted, 'failed', `the run it waited for ended as ${outcome.how}`),
    };
  }
  return { joined: false, outcome: await child.result().catch((error: unknown) => resultOf(wanted, error)) };
}

function resultOf(wanted: WantedRun, error: unknown): RunResult {
  if (!(error instanceof ChildWorkflowFailure)) throw error;
  if (isCancellation(error)) {
    // this DAG is being cancelled, or only this one run was
    if (CancellationScope.current().consideredCancelled) throw error;
    return badResult(wanted, 'cancelled', 'the run was cancelled');
  }
  const root = rootCause(error);
  const how = root instanceof TerminatedFailure ? 'its workflow was terminated' : root.message;
  return badResult(wanted, 'failed', how, root instanceof ApplicationFailure ? (root.type ?? undefined) : undefined);
}

function rootCause(error: Error): Error {
  return error.cause instanceof Error ? rootCause(error.cause) : error;
}

function badResult({ dataset, coin, date }: WantedRun, status: RunOutcome, message: string, type?: string): RunResult {
  const counts = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  return { dataset, coin, date, status, counts, message: type ? `${type}: ${message}` : message };
}

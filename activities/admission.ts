import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { retrying } from '../db/failures';
import { askForPlace, leavePlace, type Place } from '../db/queries/admitted-dates';
import type { ActivityDeps } from './deps';
import { NotYetTurn } from './failures';

// The promise: however many old dates are started at once, only a few are worked on, newest first, so that live runs do
// not find the server and the sources busy. A place belongs to a workflow, not to a lease: it survives dead workers and
// resets, and whoever is first in line looks whether those who have the places still run. Waiting is an activity that
// fails at once and is tried again (no history, no slot of a worker: a year of dates that waited inside activities would
// take all 100 slots, and no admitted date could open its runs).

export interface DateRequest {
  logicalDate: string;
  firstExecutionRunId: string;
}

export function createAdmissionActivities(deps: ActivityDeps) {
  return {
    /** Returns when the date has its place; until then throws NotYetTurn, naming those who are before it. */
    async admitDate({ logicalDate, firstExecutionRunId }: DateRequest): Promise<void> {
      const { workflowId } = Context.current().info.workflowExecution!;
      const me = { workflowId, runId: firstExecutionRunId, logicalDate };
      let answer = await retrying(() => askForPlace(deps.db, me));
      if (!answer.isAdmitted && answer.before === 0 && (await freeAbandoned(deps, answer.admitted)))
        answer = await retrying(() => askForPlace(deps.db, me));
      if (answer.isAdmitted) return;
      const { atOnce, admitted, before, waitMs } = answer;
      const holders = admitted.map((place) => `${place.logicalDate} (${place.workflowId})`).join(', ');
      throw new NotYetTurn(
        `${atOnce} old dates are worked on at once, newest first; now ${holders || 'none'}, and ${before} wait before ${logicalDate}`,
        waitMs,
      );
    },

    /** Gives the place back, or the one in line. */
    async leaveDate({ firstExecutionRunId }: Pick<DateRequest, 'firstExecutionRunId'>): Promise<void> {
      const { workflowId } = Context.current().info.workflowExecution!;
      await retrying(() => leavePlace(deps.db, { workflowId, runId: firstExecutionRunId }));
    },
  };
}

/** Frees the places of workflows that ended without giving them back: terminated, timed out, lost. */
async function freeAbandoned(deps: ActivityDeps, admitted: readonly Place[]): Promise<boolean> {
  let freed = false;
  for (const place of admitted) {
    if (await isRunning(deps, place)) continue;
    await retrying(() => leavePlace(deps.db, place));
    freed = true;
  }
  return freed;
}

/** Asked without run id, so that a reset is followed; another chain under the same id is someone else. */
async function isRunning({ client }: ActivityDeps, { workflowId, runId }: Place): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' && (raw.workflowExecutionInfo?.firstRunId || runId) === runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { ActivityDeps } from './deps';

/** How the run that someone else started ended, as its parent would have seen it. */
export type JoinedOutcome = { ended: 'completed'; result: unknown } | { ended: 'badly'; how: string };

const lookEveryMs = 1_000;

export function createJoinActivities(deps: ActivityDeps) {
  return {
    /**
     * Waits for a workflow that another parent started. Asks for the id without run id, so that a reset or
     * continue-as-new is followed.
     */
    async awaitRun({ workflowId }: { workflowId: string }): Promise<JoinedOutcome> {
      const signal = Context.current().cancellationSignal;
      const handle = deps.client.workflow.getHandle(workflowId);
      for (;;) {
        signal.throwIfAborted();
        const { status, runId } = await handle.describe().catch((error: unknown) => {
          if (error instanceof WorkflowNotFoundError) return { status: { name: 'NOT_FOUND' }, runId: undefined };
          throw error;
        });
        if (status.name === 'COMPLETED') {
          // of this execution: by now the id may be another one's, which may take long and end badly
          const ended = deps.client.workflow.getHandle(workflowId, runId, { followRuns: false });
          return { ended: 'completed', result: await ended.result() };
        }
        if (status.name !== 'RUNNING' && status.name !== 'CONTINUED_AS_NEW')
          return { ended: 'badly', how: status.name.toLowerCase() };
        await sleep(lookEveryMs, undefined, { signal });
      }
    },
  };
}

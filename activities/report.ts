import { Context } from '@temporalio/activity';
import { advanceLastIngested } from '../db/queries/coins';
import { deleteOldRuns, endRun, insertRun } from '../db/queries/ingestion-logs';
import { retrying } from '../db/failures';
import type { ActivityDeps } from './deps';
import { dayFrom } from './health/check';
import { oldRunsOf } from './retention/policies';
import type { RunResult } from './runs';

export interface DatasetReport {
  dataset: string;
  runs: number;
  success: number;
  partial: number;
  failed: number;
  skipped: number;
  rows: number;
  rejected: number;
}

const chunk = 500;

export function createReportActivities(deps: ActivityDeps) {
  return {
    /** Totals per dataset; a coin whose runs of the date all ended well moves its `last_ingested_date` on. */
    async reportRuns({ results }: { results: RunResult[] }): Promise<DatasetReport[]> {
      for (const [key, runs] of groupBy(results, (run) => `${run.coin} ${run.date}`)) {
        const [coin, date] = key.split(' ') as [string, string];
        const isComplete =
          runs.some((run) => run.status === 'success') &&
          runs.every((run) => run.status === 'success' || run.status === 'skipped');
        if (isComplete) await retrying(() => advanceLastIngested(deps.db, coin, date));
      }
      return [...groupBy(results, (run) => run.dataset)].map(([dataset, runs]) => ({
        dataset,
        runs: runs.length,
        success: runs.filter((run) => run.status === 'success').length,
        partial: runs.filter((run) => run.status === 'partial').length,
        failed: runs.filter((run) => run.status === 'failed' || run.status === 'cancelled').length,
        skipped: runs.filter((run) => run.status === 'skipped').length,
        rows: runs.reduce((sum, run) => sum + run.counts.processed, 0),
        rejected: runs.reduce((sum, run) => sum + run.counts.rejected, 0),
      }));
    },

    /** Deletes log rows beyond their retention, never one that is a date's state. Logs itself where it deleted some. */
    async cleanUpLogs({
      today,
      firstExecutionRunId,
    }: {
      today: string;
      firstExecutionRunId: string;
    }): Promise<{ deleted: number }> {
      const which = oldRunsOf(deps.settings, dayFrom(today, -1));
      const { before } = which;
      let [deleted, after] = [0, 0];
      for (;;) {
        const now = await retrying(() => deleteOldRuns(deps.db, { ...which, after }, chunk));
        deleted += now.deleted;
        after = now.last;
        if (now.deleted < chunk) break;
      }
      if (deleted > 0)
        await retrying(() =>
          logCleanUp(deps, today, firstExecutionRunId, `${deleted} log rows from before ${before} deleted`),
        );
      return { deleted };
    },
  };
}

function groupBy(results: readonly RunResult[], keyOf: (run: RunResult) => string): Map<string, RunResult[]> {
  const groups = new Map<string, RunResult[]>();
  for (const run of results) groups.set(keyOf(run), [...(groups.get(keyOf(run)) ?? []), run]);
  return groups;
}

async function logCleanUp(
  deps: ActivityDeps,
  today: string,
  firstExecutionRunId: string,
  message: string,
): Promise<void> {
  const { workflowId, runId } = Context.current().info.workflowExecution!;
  const logId = await insertRun(deps.db, {
    source: 'cryptoflow',
    dataType: 'cleanup',
    coinId: null,
    coinSymbol: null,
    targetDate: today,
    runKey: `cryptoflow.cleanup/logs/${today}`,
    workflowId,
    firstExecutionRunId,
    runId,
    triggeredBy: workflowId,
    expected: null,
  });
  await endRun(deps.db, logId, runId, { status: 'success', message });
}

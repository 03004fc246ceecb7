import { CancellationScope, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { database } from './activity-options';
import { explainDate } from './logical-date';

/**
 * Runs `work` when the old date is one of the few that are worked on at once, and gives the place back whatever happens.
 * Costs six events of history, however long it waits.
 */
export async function whenAdmitted<T>(logicalDate: string, work: () => Promise<T>): Promise<T> {
  const { firstExecutionRunId } = workflowInfo();
  setCurrentDetails(
    `${explainDate(logicalDate)}\n\nIt is older than one interval: waits for its place among the few old dates that are worked on at once, newest first. Who is before it stands at the pending activity \`admitDate\`; more at once: \`cli sources admit 4\`.`,
  );
  try {
    await database(`wait for a place for ${logicalDate}`, 'backfill').admitDate({ logicalDate, firstExecutionRunId });
    return await work();
  } finally {
    await CancellationScope.nonCancellable(() =>
      database('give the place back', 'backfill').leaveDate({ firstExecutionRunId }),
    );
  }
}

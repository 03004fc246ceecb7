import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { PauseResult } from '../activities/sources';
import { database } from './activity-options';
import { tagStatus } from './details';
import { scheduleId } from './logical-date';

/**
 * `{"source":"blockchair","for":"6h","reason":"…"}` pauses a source, `{"source":"blockchair","resume":true}` resumes it:
 * for those who have only the UI. While it is paused its runs wait; they notice a resume within half a minute.
 */
export async function pauseSource(input?: unknown): Promise<PauseResult> {
  const { firstExecutionRunId } = workflowInfo();
  const done = await database('pause or resume a source', 'live').pauseSource({
    input,
    firstExecutionRunId,
    scheduleId: scheduleId() ?? null,
  });
  tagStatus('success');
  setCurrentDetails(done.message);
  return done;
}

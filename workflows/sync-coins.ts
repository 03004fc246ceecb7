import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { RunResult } from '../activities/runs';
import { addDays, dayOf, nominalTime, scheduleId } from './logical-date';
import { parseNoInput } from './input';
import { startOrJoin } from './start-or-join';

/** Names and ranks of the known coins, from the source that names them; what an operator set stays. */
export async function syncCoins(input?: unknown): Promise<RunResult> {
  const { workflowType, workflowId } = workflowInfo();
  parseNoInput(workflowType, input);
  const date = addDays(dayOf(nominalTime()), -1);
  const triggeredBy = scheduleId() ? `schedule ${scheduleId()}` : workflowId;
  const result = await startOrJoin(
    { dataset: 'coingecko.coins', coin: 'all', date },
    { triggeredBy, priority: 'manual', addresses: [] },
  );
  if (result.status === 'failed' || result.status === 'cancelled')
    throw ApplicationFailure.nonRetryable(`syncCoins: ${result.message}`, 'RunsFailed', result);
  return result;
}

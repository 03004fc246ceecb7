import { ActivityFailure, ApplicationFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { OpenedSlot } from '../activities/collect';
import { sourceQueue, type Priority } from './activity-options';
import type { Trouble } from './collect-slot';
import { today } from './logical-date';
import { startOrJoin } from './start-or-join';

export interface HistoryOfDay {
  date: string;
  history: OpenedSlot['history'];
  triggeredBy: string;
  priority: Priority;
}

/**
 * Ingests what the sources' histories say of a day: runs by date like any other, shared by all who want them. Returns
 * what went wrong; one history that fails costs its own fields only.
 */
export async function readHistory({ date, history, triggeredBy, priority }: HistoryOfDay): Promise<Trouble[]> {
  const { firstExecutionRunId } = workflowInfo();
  const each = history.flatMap(({ dataset, queue, perCoin }) => {
    const [source = dataset] = dataset.split('.');
    const trouble = (status: 'failed' | 'skipped', errorType: string, message: string): Trouble => ({
      ...{ source, reading: 'history', status, errorType, message },
    });
    if (perCoin === null) {
      return [
        startOrJoin({ dataset, coin: 'all', date }, { triggeredBy, priority, addresses: [] }).then((run) =>
          run.status === 'failed' || run.status === 'cancelled'
            ? trouble('failed', run.status, run.message ?? '')
            : null,
        ),
      ];
    }
    return perCoin.map(async (coin) => {
      try {
        const { ended, problems } = await sourceQueue(queue, `${dataset} of ${coin}`, priority).ingestRange({
          ...{ dataset, coin, from: date, to: date, today: today(), triggeredBy, firstExecutionRunId },
        });
        return ended.failed > 0 ? trouble('failed', 'failed', problems.join('; ')) : null;
      } catch (failure) {
        if (isCancellation(failure)) throw failure;
        const cause = failure instanceof ActivityFailure ? failure.cause : failure;
        const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Bug') : 'Timeout';
        return trouble('failed', type, cause instanceof Error ? cause.message : String(cause));
      }
    });
  });
  return (await Promise.all(each)).filter((trouble) => trouble !== null);
}

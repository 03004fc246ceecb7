import { proxyActivities } from '@temporalio/workflow';
import { sourceQueue } from '../../../workflows/activity-options';
import { startOrJoin } from '../../../workflows/start-or-join';
import type { BenchActivities } from '../bench-orchestrate';
import { timed, type Shape } from './timed';

/** The child that every run is. */
export { ingestDataset } from '../../../workflows/ingest-dataset';

const { openRows } = proxyActivities<BenchActivities>({ taskQueue: 'bench', startToCloseTimeout: '1m' });

/** Page activities: permit, request, rows and ledger in one transaction. */
export async function pages(shape: Shape): Promise<number> {
  const logIds = await openRows(shape.dates);
  return timed(shape, (date, index) =>
    sourceQueue('cryptoflow-coingecko', `page of ${date}`, 'live').fetchPage({
      ...{ logId: logIds[index]!, dataset: 'coingecko.prices', coin: 'bitcoin', date },
      ...{ cursor: null, addresses: [], budgetClass: 'live', continuedFrom: null },
    }),
  );
}

/** Whole runs of a dataset: child, open, page, close. */
export async function runs(shape: Shape): Promise<number> {
  return timed(shape, async (date) => {
    const { status, message } = await startOrJoin(
      { dataset: 'coingecko.prices', coin: 'bitcoin', date },
      { triggeredBy: 'bench', priority: 'live', addresses: [] },
    );
    if (status !== 'success') throw new Error(`a run of the bench ended as ${status}: ${message ?? ''}`);
  });
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleOverlapPolicy, type WorkflowHandle } from '@temporalio/client';
import { sql } from 'kysely';
import { familyOf } from '../../db/families';
import { listRuns } from '../../db/queries/ingestion-logs';
import { addWatchedAddress } from '../../db/queries/watched-addresses';
import { fillDetail } from '../retention/detail-rows';
import type { Recorder, World } from './record';

/** Something that happens to workflows in real life, and whose histories are worth keeping. */
export type Scenario = (recorder: Recorder) => Promise<void>;

const bitcoinAddress = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';

function day(ago: number): string {
  return new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
}

function runOf(dataset: string, coin: string, date: string): string {
  return `ingest/${dataset}/${coin}/${date}`;
}

const finished: Scenario = async ({ product, run, save }) => {
  await addWatchedAddress(product.db, 'BTC', bitcoinAddress, null);
  await run('dailyIngestion', 'finished', { coins: ['BTC', 'ethereum'] });
  await save('daily-finished', 'finished');
  await save('run-pages', runOf('blockchair.transactions', 'bitcoin', day(1)));
  await save('run-skipped', runOf('blockchair.addresses', 'ethereum', day(1)));
};

const scheduled: Scenario = async ({ product, save }) => {
  const { client } = product;
  const schedule = await client.schedule.create({
    scheduleId: 'by-schedule',
    spec: {},
    policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL },
    action: {
      type: 'startWorkflow',
      workflowType: 'ingestCoinGecko',
      workflowId: 'by-schedule',
      taskQueue: 'cryptoflow',
      args: [{ coins: ['bitcoin', 'litecoin'] }],
    },
  });
  await schedule.trigger();
  const newest = async () => (await schedule.describe()).info.recentActions.at(-1)?.action.workflow;
  let started = await newest();
  while (!started) {
    await sleep(100);
    started = await newest();
  }
  await save('daily-scheduled', started.workflowId);
  await schedule.delete();
};

const retried: Scenario = async ({ simulator, run, save }) => {
  const id = runOf('coingecko.prices', 'bitcoin', day(2));
  simulator.fault('coingecko', { status: 503, times: 1 });
  simulator.fault('coingecko', { reset: true, times: 2 });
  await run('ingestDataset', id, { dataset: 'coingecko.prices', coin: 'bitcoin', date: day(2) });
  await save('run-retried', id);
};

const cancelled: Scenario = async ({ product, simulator, start, save }) => {
  simulator.fault('blockchair', { hang: true });
  const dag = await start('ingestBlockchair', 'cancelled', { coins: ['dogecoin'], datasets: ['blocks'] });
  const id = runOf('blockchair.blocks', 'dogecoin', day(1));
  await untilAsked(simulator, '/dogecoin/blocks', 1);
  await cancel(dag);
  await save('daily-cancelled', 'cancelled');
  await save('run-cancelled', id);
  await untilLogged(product, id, 'cancelled');
};

/** The waiting side of a lock, both ways that it can end. */
const joined: Scenario = async ({ product, simulator, start, run, save }) => {
  const input = { dataset: 'blockchair.blocks', coin: 'litecoin', date: day(1) };
  const id = runOf(input.dataset, input.coin, input.date);
  const only = { coins: [input.coin], datasets: [input.dataset] };

  const slow = simulator.fault('blockchair', { latencyMs: 1_000 });
  await start('ingestDataset', id, input);
  await run('ingestBlockchair', 'joined', only);
  await save('daily-joined', 'joined');
  slow();

  const hang = simulator.fault('blockchair', { hang: true });
  const asked = countAsked(simulator, '/litecoin/blocks');
  const other = await start('ingestDataset', id, input);
  await untilAsked(simulator, '/litecoin/blocks', asked + 1);
  const waiting = await start('dailyIngestion', 'joined-in-vain', only);
  await untilPending(waiting, 'awaitRun');
  hang();
  await cancel(other);
  await waiting.result();
  await save('daily-joined-in-vain', 'joined-in-vain');

  const hangAgain = simulator.fault('blockchair', { hang: true });
  await start('ingestDataset', id, input);
  const leaving = await start('dailyIngestion', 'joined-and-left', only);
  await untilPending(leaving, 'awaitRun');
  await cancel(leaving);
  await save('daily-joined-and-left', 'joined-and-left');
  hangAgain();
  await cancel(product.client.workflow.getHandle(id));
};

const terminatedChild: Scenario = async ({ product, simulator, start, save }) => {
  simulator.fault('blockchair', { hang: true });
  const dag = await start('ingestBlockchair', 'child-terminated', { coins: ['dash'], datasets: ['blocks'] });
  await untilAsked(simulator, '/dash/blocks', 1);
  await product.client.workflow.getHandle(runOf('blockchair.blocks', 'dash', day(1))).terminate('for the record');
  await dag.result().catch(() => undefined);
  await save('daily-child-terminated', 'child-terminated');
};

const failed: Scenario = async ({ simulator, run, save }) => {
  simulator.fault('blockchair /bitcoin/blocks', { wrongType: { field: 'transaction_count' } });
  simulator.fault('coingecko', { status: 404 });
  await run('dailyIngestion', 'failed', { coins: ['bitcoin'], datasets: ['blocks', 'prices', 'transactions'] });
  await save('daily-failed', 'failed');
  await save('run-failed', runOf('blockchair.blocks', 'bitcoin', day(1)));
  await save('run-not-available', runOf('coingecko.prices', 'bitcoin', day(1)));
};

/** A reset goes on behind the finished pages. */
const reset: Scenario = async ({ product, run, save }) => {
  const { client } = product;
  const id = runOf('blockchair.transactions', 'dogecoin', day(2));
  const handle = await run('ingestDataset', id, { dataset: 'transactions', coin: 'dogecoin', date: day(2) });
  const { events } = await handle.fetchHistory();
  const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const answer = await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: id },
    workflowTaskFinishEventId: tasks[2]!.eventId,
    requestId: randomUUID(),
    reason: 'for the record',
  });
  await client.workflow.getHandle(id, answer.runId).result();
  await save('run-reset', id, answer.runId);
};

/** Dates older than one interval: admitted, and cancelled while waiting for it. */
const admitted: Scenario = async ({ simulator, run, start, save }) => {
  const datasets = ['coingecko.prices'];
  await run('dailyIngestion', 'admitted', { date: day(20), coins: ['bitcoin'], datasets });
  await save('daily-admitted', 'admitted');
  simulator.fault('coingecko', { hang: true });
  const holders = await Promise.all(
    [21, 22].map((ago) => start('dailyIngestion', `holds-${ago}`, { date: day(ago), coins: ['bitcoin'], datasets })),
  );
  await Promise.all([21, 22].map((ago) => untilAsked(simulator, dateOfHistory(ago), 1)));
  const waiting = await start('dailyIngestion', 'waits', { date: day(23), coins: ['bitcoin'], datasets });
  await untilPending(waiting, 'admitDate');
  await cancel(waiting);
  await save('daily-cancelled-waiting', 'waits');
  await Promise.all(holders.map(cancel));
};

/** CoinGecko's way to write a date. */
function dateOfHistory(ago: number): string {
  return day(ago).split('-').toReversed().join('-');
}

const backfilled: Scenario = async ({ simulator, run, save }) => {
  const range = { from: day(9), to: day(7), coins: ['bitcoin'], datasets: ['blocks', 'prices'] };
  await run('backfill', 'backfill', { workflow: 'dailyIngestion', ...range });
  await save('backfill', 'backfill');
  await save('backfill-date', `backfill/${day(8)}`);

  simulator.fault('blockchair /bitcoin/blocks', { wrongType: { field: 'transaction_count' } });
  await run('backfill', 'backfill-failed', { workflow: 'ingestBlockchair', ...range, datasets: ['blocks'] });
  await save('backfill-failed', 'backfill-failed');

  // 400 dates are more than one execution takes
  const long = await run('backfill', 'backfill-long', {
    ...{ workflow: 'ingestCoinGecko', from: day(405), to: day(6), coins: ['bitcoin'] },
  });
  await save('backfill-continued-1', 'backfill-long', long.firstExecutionRunId);
  await save('backfill-continued-2', 'backfill-long');
};

const small: Scenario = async ({ run, save }) => {
  await run('checkHealth', 'check-health');
  await save('check-health', 'check-health');
  await run('syncCoins', 'sync-coins');
  await save('sync-coins', 'sync-coins');
  await save('run-all-coins', runOf('coingecko.coins', 'all', day(1)));
  await run('pauseSource', 'pause', { source: 'blockchair', for: '6h', reason: 'for the record' });
  await save('pause-source', 'pause');
  await run('pauseSource', 'resume', { source: 'blockchair', resume: true });
};

const backedUp: Scenario = async ({ run, save }) => {
  await run('backupDatabase', 'backup-full');
  await save('backup-full', 'backup-full');
  await run('backupDatabase', 'backup-incremental', { kind: 'incremental' });
  await save('backup-incremental', 'backup-incremental');
};

const retained: Scenario = async ({ product, run, save }) => {
  await fillDetail(product.db, familyOf('onchain_data'), { coins: ['bitcoin'], days: [day(400), day(100)] });
  await run('applyRetention', 'retention', {});
  await save('retention', 'retention');
  await run('applyRetention', 'retention-dry-run', { dryRun: true, tables: ['onchain_data'] });
  await save('retention-dry-run', 'retention-dry-run');
};

const refused: Scenario = async ({ run, save }) => {
  await run('ingestNothing', 'unknown-type');
  await save('refused-type', 'unknown-type');
  await run('dailyIngestion', 'bad-date', { date: '2026-02-30' });
  await save('refused-date', 'bad-date');
  await run('dailyIngestion', 'bad-coin', { coins: ['notacoin'] });
  await save('refused-coin', 'bad-coin');
  await run('ingestDataset', 'my-run', { dataset: 'blocks', coin: 'bitcoin', date: day(1) });
  await save('refused-id', 'my-run');
};

const partial: Scenario = async ({ run, save }) => {
  const only = { coins: ['bitcoin'], datasets: ['transactions'] };
  const id = runOf('blockchair.transactions', 'bitcoin', day(1));
  await run('ingestBlockchair', 'partial', only);
  await save('daily-partial', 'partial');
  await save('run-partial', id);
  await run('ingestBlockchair', 'resumed', only);
  await save('run-resumed', id);
};

/** More pages than one execution takes. */
const continued: Scenario = async ({ run, save }) => {
  const input = { dataset: 'blockchair.transactions', coin: 'dogecoin', date: day(1) };
  const id = runOf(input.dataset, input.coin, input.date);
  const handle = await run('ingestDataset', id, input);
  await save('run-continued-1', id, handle.firstExecutionRunId);
  await save('run-continued-2', id);
};

/** A live slot with a source that fails and another DAG that waits for it, a cancelled one, a past one, a day of them. */
const collected: Scenario = async ({ product, simulator, run, start, save }) => {
  await sql`UPDATE crypto_assets SET is_active = coin_id IN ('bitcoin', 'ethereum')`.execute(product.db);
  const slow = simulator.fault('coingecko', { latencyMs: 1_500 });
  simulator.fault('defillama', { status: 503, times: 1 });
  const one = await start('collectOnchainAndSentiment', 'slot-dag', {});
  await untilAsked(simulator, '/coins/markets', 1);
  const other = await start('collectOnchainAndSentiment', 'slot-dag-joined', {});
  await untilPending(other, 'awaitRun');
  const { slot } = (await one.result()) as { slot: string };
  await other.result();
  slow();
  await save('slot-dag', 'slot-dag');
  await save('slot-dag-joined', 'slot-dag-joined');
  await save('slot-live', `collect/${slot}`);
  await sql`DELETE FROM source_observations`.execute(product.db);
  const undo = simulator.fault('coingecko', { latencyMs: 5_000 });
  const cancelledSlot = await start('collectOnchainAndSentiment', 'slot-dag-cancelled', { slot });
  await untilAsked(simulator, '/coins/markets', 2);
  await cancel(cancelledSlot);
  undo();
  await save('slot-dag-cancelled', 'slot-dag-cancelled');
  await save('slot-cancelled', `collect/${slot}`);
  await run('collectOnchainAndSentiment', 'slot-dag-past', { slot: `${day(2)}T10:15Z` });
  await save('slot-dag-past', 'slot-dag-past');
  await save('slot-past', `collect/${day(2)}T10:15Z`);
  const range = { workflow: 'collectOnchainAndSentiment', from: day(3), to: day(3) };
  await run('backfill', 'backfill-slots', range);
  await save('backfill-slots', 'backfill-slots');
  await save('slots-of-a-day', `backfill-slots/${day(3)}`);
};

const transactionsOf = (coin: string, ago: number) => {
  const input = { dataset: 'blockchair.transactions', coin, date: day(ago) };
  return { input, id: runOf(input.dataset, coin, input.date) };
};

/** A day's file: there, and not there in time; with the API's rows and without. */
const dumped: Scenario = async ({ run, save }) => {
  const { input, id } = transactionsOf('bitcoin', 1);
  await run('ingestDataset', id, input);
  await save('run-dump', id);
};
const undumped: Scenario = async ({ run, save }) => {
  const { input, id } = transactionsOf('bitcoin', 1);
  await run('ingestDataset', id, input);
  await save('run-dump-missing', id);
};
const never: Scenario = async ({ run, save }) => {
  const { input, id } = transactionsOf('dogecoin', 30);
  await run('ingestDataset', id, input);
  await save('run-dump-never', id);
};
/** Published while the run waits: the API's rows, a timer, the file. */
const replaced: Scenario = async ({ simulator, start, save }) => {
  const { input, id } = transactionsOf('litecoin', 1);
  const missing = simulator.fault('blockchair-dumps', { status: 404, times: 1 });
  const handle = await start('ingestDataset', id, input);
  await handle.result();
  missing();
  await save('run-dump-after-pages', id);
};

export const scenarios: readonly { world: World; play: readonly Scenario[] }[] = [
  {
    world: { pagesPerRun: 100 },
    play: [
      ...[finished, scheduled, retried, cancelled, joined, terminatedChild, failed, reset, admitted, backfilled],
      ...[small, refused, backedUp, retained, collected],
    ],
  },
  { world: { pagesPerRun: 2 }, play: [partial] },
  { world: { pagesPerRun: 100, mode: 'auto' }, play: [dumped, replaced] },
  { world: { pagesPerRun: 2, mode: 'auto', simulator: { dumps: { lagHours: 10_000 } } }, play: [undumped] },
  { world: { pagesPerRun: 2, mode: 'dumps', simulator: { dumps: { lagHours: 10_000 } } }, play: [never] },
  // 510 pages of 100 transactions
  { world: { pagesPerRun: 1_000, simulator: { transactionsPerDay: 51_000 } }, play: [continued] },
];

async function cancel(handle: WorkflowHandle): Promise<void> {
  await handle.cancel();
  await handle.result().catch(() => undefined);
}

function countAsked(simulator: Recorder['simulator'], part: string): number {
  return simulator.requests.filter((request) => request.path.includes(part)).length;
}

async function untilAsked(simulator: Recorder['simulator'], part: string, times: number): Promise<void> {
  while (countAsked(simulator, part) < times) await sleep(50);
}

async function untilPending(handle: WorkflowHandle, activityType: string): Promise<void> {
  for (;;) {
    const { raw } = await handle.describe();
    if (raw.pendingActivities?.some((each) => each.activityType?.name === activityType)) return;
    await sleep(50);
  }
}

async function untilLogged(product: Recorder['product'], workflowId: string, status: string): Promise<void> {
  while ((await listRuns(product.db, { workflowId, limit: 1 }))[0]?.status !== status) await sleep(50);
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { temporal } from '@temporalio/proto';
import { sql } from 'kysely';
import { Agent } from 'undici';
import { createFailureInterceptor } from '../../activities/failure-interceptor';
import { createJoinActivities } from '../../activities/joins';
import { setDatesAtOnce } from '../../db/queries/admitted-dates';
import { listRuns } from '../../db/queries/ingestion-logs';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databaseOpener } from '../../workers/context';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { ledgerProblems, rowPerRunProblems, rowProblems } from '../proof/faults/ledger';

// they wait for states: how long that takes is the machine's affair
jest.setTimeout(300_000);

// Who starts, joins, cancels, terminates and resets the runs of a date: whatever they do, its rows are there once, and
// every run has one row in the log, which tells how it ended. Each test has a date of its own; they run at the same time.
// They wait for states, never for times: a source that must not answer yet hangs until the test lets it go on.

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const dates = {
  ...{ cancelled: day(2), terminated: day(3), reset: day(4), siblings: day(5), halfWay: day(6), again: day(7) },
  ...{ left: day(8), early: day(9), byHand: day(10), ranged: day(12) },
};
const coins = ['bitcoin'];
/** a page of blocks and four of transactions, of which the last one is short */
const world = { seed: 'locks', blocksPerDay: 90, transactionsPerDay: 350 };

let product: Product;
let undisturbed: Product;

beforeAll(async () => {
  const [server] = databases();
  [product, undisturbed] = await Promise.all([
    startProduct({
      ...{ server: server!, simulator: world },
      // so soon a hanging request is tried again
      environment: { CRYPTOFLOW_REQUEST_TIMEOUT_SECONDS: '15' },
      // the health check need not wait for late pages: they are refused
      settings: { settleMs: 0 },
    }),
    startProduct({ server: server!, simulator: world }),
  ]);
  // so that no test waits for another one's date
  await Promise.all([product, undisturbed].map(({ db }) => setDatesAtOnce(db, 50)));
  await Promise.all(Object.values(dates).flatMap((date) => both.map((dataset) => ingest(undisturbed, dataset, date))));
  await backfillPrices(undisturbed);
});
afterAll(async () => {
  await product?.stop();
  await undisturbed?.stop();
});

const both = ['blocks', 'transactions'];

const ingest = ({ run }: Product, dataset: string, date: string) =>
  run('ingestDataset', { dataset: `blockchair.${dataset}`, coin: 'bitcoin', date }, runIdOf(dataset, date));

const backfillPrices = ({ run }: Product) =>
  run('backfill', { workflow: 'ingestCoinGecko', from: day(13), to: dates.ranged, coins }, 'ranged');

const runIdOf = (dataset: string, date: string) => `ingest/blockchair.${dataset}/bitcoin/${date}`;

/** What the source is asked for a date and dataset hangs, or only what follows its first page. Returns what ends it. */
function hang(date: string, dataset = '', which: 'all' | 'following' = 'all'): () => void {
  const following = which === 'following' ? ',block_id' : '';
  return product.simulator.fault(`blockchair ^.*/${dataset}.*time[(]${date}[)]${following}`, { hang: true });
}

function asked(date: string, part = ''): string[] {
  const paths = product.simulator.requests.map(({ path }) => decodeURIComponent(path));
  return paths.filter((path) => path.includes(`time(${date})`) && path.includes(part));
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) await sleep(50);
}

const pendingOf = async (handle: WorkflowHandle, activity: string) => {
  const { raw } = await handle.describe();
  return raw.pendingActivities?.filter(({ activityType }) => activityType?.name === activity).length;
};

const start = (workflow: string, workflowId: string, input: unknown) =>
  product.client.workflow.start(workflow, { taskQueue: 'cryptoflow', workflowId, args: [input] });

const startRun = (dataset: string, date: string) =>
  start('ingestDataset', runIdOf(dataset, date), { dataset: `blockchair.${dataset}`, coin: 'bitcoin', date });

/** Goes back to behind the task with this number; the execution before is terminated by it. */
async function reset(workflowId: string, task: number, of = product): Promise<WorkflowHandle> {
  const { client, namespace } = of;
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  const { runId } = await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId },
    workflowTaskFinishEventId: tasks[task]!.eventId,
    requestId: randomUUID(),
    reason: 'a test of resets',
  });
  return client.workflow.getHandle(workflowId, runId);
}

const logged = async (date: string) => {
  const runs = await listRuns(product.db, { date, source: 'blockchair', limit: 100 });
  return runs.map(({ dataType, status, attempts }) => `${dataType} ${status} ${attempts}`).toSorted();
};

describe('two DAGs for the same date in the same second', () => {
  interface Two {
    one: WorkflowHandle;
    other: WorkflowHandle;
    /** the source answers from now on */
    answer(): void;
  }

  /** The first has started both runs, which ask for their first page, and the second waits for both. */
  async function startTwo(date: string, name: string): Promise<Two> {
    const answer = hang(date);
    const input = { date, coins, datasets: ['blocks', 'transactions'] };
    const one = await start('dailyIngestion', `${name}-one`, input);
    await until(() => asked(date, '/blocks').length > 0 && asked(date, '/transactions').length > 0);
    const other = await start('dailyIngestion', `${name}-other`, input);
    await until(async () => (await pendingOf(other, 'awaitRun')) === 2);
    return { one, other, answer };
  }
  const bothWays = ['blocks cancelled 1', 'blocks success 1', 'transactions cancelled 1', 'transactions success 1'];

  test.concurrent('the first is cancelled: the second starts what it waited for', async () => {
    const { one, other, answer } = await startTwo(dates.cancelled, 'cancelled');
    answer();
    await one.cancel();
    await expect(one.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await other.result()).toMatchObject({ status: 'success' });
    expect(await logged(dates.cancelled)).toEqual(bothWays);
  });

  test.concurrent('the first is terminated: its children still close their rows', async () => {
    const { one, other, answer } = await startTwo(dates.terminated, 'terminated');
    answer();
    await one.terminate();
    expect(await other.result()).toMatchObject({ status: 'success' });
    expect(await logged(dates.terminated)).toEqual(bothWays);
  });

  test.concurrent('the first is reset half-way: both end right', async () => {
    const { other, answer } = await startTwo(dates.reset, 'reset');
    answer();
    const again = await reset('reset-one', 0);
    expect(await Promise.all([again, other].map((dag) => dag.result()))).toMatchObject([
      { status: 'success' },
      { status: 'success' },
    ]);
    const rows = await logged(dates.reset);
    expect(rows).toEqual(expect.arrayContaining(['blocks success 1', 'transactions success 1']));
    expect(rows.filter((row) => !/success|cancelled/.test(row))).toEqual([]);
  });
});

test.concurrent('cancelling stops the siblings, and no page lands behind the end of its run', async () => {
  const date = dates.siblings;
  const { simulator } = product;
  const undo = simulator.fault(`blockchair ^.*time[(]${date}[)]`, { latencyMs: 3_000 });
  const dag = await start('dailyIngestion', 'siblings', { date, coins, datasets: both });
  await until(() => asked(date).length >= 2);
  await dag.cancel();
  await expect(dag.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await logged(date)).toEqual(['blocks cancelled 1', 'transactions cancelled 1']);
  undo();
  // the answers arrive, and the activities may not have heard yet that nobody wants them; a page that landed now would
  // be missing from the counts of its run: the last test looks
  for (const dataset of both) await ingest(product, dataset, date);
});

test.concurrent('a run that is reset half-way goes on with its row, behind its finished pages', async () => {
  const date = dates.halfWay;
  const undo = hang(date, 'transactions', 'following');
  const run = await startRun('transactions', date);
  await until(() => asked(date).length >= 2);
  const [before] = await listRuns(product.db, { workflowId: run.workflowId, limit: 1 });
  // behind the first page; the second one's attempt hangs, and ends when another execution has the row
  const again = await reset(run.workflowId, 2);
  undo();
  expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 350 } });
  const [after] = await listRuns(product.db, { workflowId: run.workflowId, limit: 1 });
  const { runId } = await again.describe();
  expect(after).toMatchObject({ id: before!.id, status: 'success', attempts: 2, runId });
  const firstPage = asked(date).filter((path) => !path.includes(',block_id'));
  expect(firstPage).toHaveLength(1);
  await ingest(product, 'blocks', date);
});

test.concurrent('a run that has ended and is reset to its beginning asks for nothing again', async () => {
  const date = dates.again;
  const dag = await product.run<DagResult>('ingestBlockchair', { date, coins, datasets: ['blocks', 'transactions'] });
  expect(dag.status).toBe('success');
  const before = asked(date).length;
  const again = await reset(runIdOf('transactions', date), 0);
  expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 350, processed: 350 } });
  expect(asked(date)).toHaveLength(before);
  expect(await logged(date)).toEqual(['blocks success 1', 'transactions success 2']);
});

test.concurrent(
  'a run that went on behind a partial one, and is reset after its end, goes back to where it began',
  async () => {
    const date = day(1);
    const small = await startProduct({
      ...{ server: databases()[0]!, simulator: world, environment: { BLOCKCHAIR_PAGES_PER_RUN: '3' } },
    });
    try {
      const input = { date, coins, datasets: ['transactions'] };
      const results = [
        await small.run<DagResult>('ingestBlockchair', input),
        await small.run<DagResult>('ingestBlockchair', input),
      ];
      expect(results.map(({ status }) => status)).toEqual(['partial', 'success']);
      const before = small.simulator.requests.length;
      const again = await reset(runIdOf('transactions', date), 0, small);
      expect(await again.result()).toMatchObject({ status: 'success', counts: results[1]!.totals });
      expect(small.simulator.requests).toHaveLength(before);
      expect(await ledgerProblems(small.db)).toEqual([]);
    } finally {
      await small.stop();
    }
  },
);

test.concurrent('a run that is cancelled before it has begun is in the log nevertheless', async () => {
  const workflowId = runIdOf('blocks', dates.early);
  const run = await product.client.workflow.start('ingestDataset', {
    ...{ taskQueue: 'cryptoflow', workflowId, startDelay: '1s' },
    args: [{ dataset: 'blockchair.blocks', coin: 'bitcoin', date: dates.early }],
  });
  await run.cancel();
  await expect(run.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await logged(dates.early)).toEqual(['blocks cancelled 1']);
});

test.concurrent(
  'an activity that is reset by hand tries at once, and all its failed attempts stay on record',
  async () => {
    const { client, namespace, db, simulator } = product;
    const date = dates.byHand;
    const undo = simulator.fault(`blockchair ^.*time[(]${date}[)]`, { status: 503, retryAfter: 3_600 });
    const run = await startRun('blocks', date);
    const attempts = async () => {
      const { rows } = await sql<{ attempt: number }>`
        SELECT attempt FROM source_call_failures WHERE logical_date = ${date} ORDER BY failed_at`.execute(db);
      return rows.map(({ attempt }) => attempt);
    };
    // nobody would try again for an hour
    for (const failed of [1, 2]) {
      await until(async () => (await attempts()).length === failed && (await isWaitingToTryAgain(run)));
      if (failed === 2) undo();
      await client.workflowService.resetActivity({
        namespace,
        execution: { workflowId: run.workflowId },
        type: 'fetchPage',
      });
    }
    expect(await run.result()).toMatchObject({ status: 'success' });
    expect(await attempts()).toEqual([1, 2]);
    expect(asked(date)).toHaveLength(3);
  },
);

async function isWaitingToTryAgain(handle: WorkflowHandle): Promise<boolean> {
  const { raw } = await handle.describe();
  return (
    raw.pendingActivities?.[0]?.state === temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
  );
}

test.concurrent('who waits for another run goes on waiting when Temporal is away for long', async () => {
  const connection = Connection.lazy({ address: '127.0.0.1:1', interceptors: [] });
  const { sources, settings } = product.config;
  const redact = (text: string) => text;
  const openDatabase = databaseOpener(product.config);
  const client = new Client({ connection });
  const deps = { db: product.db, openDatabase, agent: new Agent(), client, sources, settings, redact };
  const environment = new MockActivityEnvironment({}, { interceptors: [createFailureInterceptor(deps)] });
  const waiting = environment.run(createJoinActivities(deps).awaitRun, { workflowId: 'someone-else' });
  await expect(waiting).rejects.toMatchObject({ type: 'Unavailable', nonRetryable: false });
  await connection.close();
});

test.concurrent('a backfill of ranges that is reset leaves the ended rows alone', async () => {
  const date = dates.ranged;
  await backfillPrices(product);
  const again = await reset('ranged', 0);
  expect(await again.result()).toMatchObject({ status: 'success' });
  const runs = await listRuns(product.db, { source: 'coingecko', date, limit: 10 });
  expect(runs).toMatchObject([{ status: 'success', attempts: 1, inserted: 1 }]);
  for (const dataset of both) await ingest(product, dataset, date);
});

test.concurrent('what was terminated, timed out or lost is ended by the health check; a reset goes on', async () => {
  const date = dates.left;
  const { client, namespace, db } = product;
  const letGo = [hang(date, 'blocks'), hang(date, 'transactions', 'following')];
  const askedFor = date.split('-').toReversed().join('-');
  product.simulator.fault(`coingecko ^.*date=${askedFor}`, { hang: true, times: 1 });
  const [terminated, lost] = [await startRun('transactions', date), await startRun('blocks', date)];
  const timedOut = await client.workflow.start('ingestDataset', {
    taskQueue: 'cryptoflow',
    workflowId: `ingest/coingecko.prices/bitcoin/${date}`,
    args: [{ dataset: 'coingecko.prices', coin: 'bitcoin', date }],
    workflowExecutionTimeout: '12s',
  });
  await until(() => asked(date, '/blocks').length > 0 && asked(date, ',block_id').length > 0);
  for (const handle of [terminated, lost]) await handle.terminate('a test of the health check');
  await client.workflowService.deleteWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: lost.workflowId },
  });
  for (const undo of letGo) undo();
  await timedOut.result().catch(() => undefined);
  await until(() =>
    lost.describe().then(
      () => false,
      (error: unknown) => error instanceof WorkflowNotFoundError,
    ),
  );
  // the health check looks only at rows that are not new
  await sql`UPDATE data_ingestion_logs SET started_at = started_at - INTERVAL 5 MINUTE WHERE target_date = ${date}
    AND status = 'running'`.execute(db);
  await product.run('checkHealth');
  const ended = await listRuns(db, { date, limit: 10 });
  expect(ended.map(({ dataType, errorType }) => `${dataType} ${errorType}`).toSorted()).toEqual([
    'blocks WorkflowLost',
    'prices WorkflowTimedOut',
    'transactions WorkflowTerminated',
  ]);
  expect(await ledgerProblemsOf(date)).toEqual([]);

  const again = await reset(terminated.workflowId, 1);
  expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 350 } });
  await ingest(product, 'blocks', date);
  expect(await logged(date)).toEqual(['blocks failed 1', 'blocks success 1', 'transactions success 2']);
});

async function ledgerProblemsOf(date: string): Promise<string[]> {
  return (await ledgerProblems(product.db)).filter((problem) => problem.includes(date));
}

test('after all that, the tables hold what an undisturbed ingestion gives, and each run has one row', async () => {
  // what the tests above left out on purpose
  for (const dataset of both) await ingest(product, dataset, dates.early);
  await ingest(product, 'transactions', dates.byHand);
  expect(await rowProblems(product.db, undisturbed.db)).toEqual([]);
  expect(await ledgerProblems(product.db)).toEqual([]);
  const lost = runIdOf('blocks', dates.left);
  const problems = await rowPerRunProblems(product.db, product.client);
  expect(problems.filter((problem) => !problem.includes(lost))).toEqual([]);
});

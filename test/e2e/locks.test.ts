import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'kysely';
import { Agent } from 'undici';
import { createFailureInterceptor } from '../../activities/failure-interceptor';
import { createJoinActivities } from '../../activities/joins';
import { setDatesAtOnce } from '../../db/queries/admitted-dates';
import { listRuns } from '../../db/queries/ingestion-logs';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { ledgerProblems, rowPerRunProblems, rowProblems } from '../proof/faults/ledger';

// Who starts, joins, cancels, terminates and resets the runs of a date: whatever they do, its rows are there once, and
// every run has one row in the log, which tells how it ended. Each test has a date of its own; they run at the same time.

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const dates = {
  ...{ cancelled: day(2), terminated: day(3), reset: day(4), siblings: day(5), halfWay: day(6), again: day(7) },
  ...{ left: day(8), ranged: day(9), early: day(10), byHand: day(11) },
};
const coins = ['bitcoin'];
const world = { seed: 'locks', transactionsPerDay: 500 };

let product: Product;
let undisturbed: Product;

beforeAll(async () => {
  const [server] = databases();
  [product, undisturbed] = await Promise.all([
    startProduct({ server: server!, simulator: world }),
    startProduct({ server: server!, simulator: world }),
  ]);
  // so that no test waits for another one's date
  await Promise.all([product, undisturbed].map(({ db }) => setDatesAtOnce(db, 50)));
  await ingestAll(undisturbed);
});
afterAll(async () => {
  await product?.stop();
  await undisturbed?.stop();
});

async function ingestAll({ run }: Product): Promise<void> {
  const all = Object.values(dates).toSorted();
  await run('backfill', { workflow: 'dailyIngestion', from: all[0], to: all.at(-1), coins, concurrency: 5 });
}

const runIdOf = (dataset: string, date: string) => `ingest/blockchair.${dataset}/bitcoin/${date}`;

/** The source takes its time for requests of this date. */
function slow(date: string, latencyMs: number): () => void {
  return product.simulator.fault(`blockchair ^.*time[(]${date}[)]`, { latencyMs });
}

function asked(date: string, part = ''): string[] {
  const paths = product.simulator.requests.map(({ path }) => decodeURIComponent(path));
  return paths.filter((path) => path.includes(`time(${date})`) && path.includes(part));
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) await sleep(50);
}

const isPending = async (handle: WorkflowHandle, activity: string) => {
  const { raw } = await handle.describe();
  return raw.pendingActivities?.some(({ activityType }) => activityType?.name === activity) ?? false;
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
  async function startTwo(date: string, name: string): Promise<[WorkflowHandle, WorkflowHandle]> {
    slow(date, 400);
    const input = { date, coins, datasets: ['blocks', 'transactions'] };
    const one = await start('dailyIngestion', `${name}-one`, input);
    await until(() => asked(date, '/blocks').length > 0 && asked(date, '/transactions').length > 0);
    const other = await start('dailyIngestion', `${name}-other`, input);
    await until(() => isPending(other, 'awaitRun'));
    return [one, other];
  }

  test.concurrent('the first is cancelled: the second starts what it waited for', async () => {
    const [one, other] = await startTwo(dates.cancelled, 'cancelled');
    await one.cancel();
    await expect(one.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect((await (other.result() as Promise<DagResult>)).status).toBe('success');
    expect(await logged(dates.cancelled)).toEqual([
      ...['blocks cancelled 1', 'blocks success 1', 'transactions cancelled 1', 'transactions success 1'],
    ]);
  });

  test.concurrent('the first is terminated: its children still close their rows', async () => {
    const [one, other] = await startTwo(dates.terminated, 'terminated');
    await one.terminate();
    expect((await (other.result() as Promise<DagResult>)).status).toBe('success');
    expect(await logged(dates.terminated)).toEqual([
      ...['blocks cancelled 1', 'blocks success 1', 'transactions cancelled 1', 'transactions success 1'],
    ]);
  });

  test.concurrent('the first is reset half-way: both end right', async () => {
    const [, other] = await startTwo(dates.reset, 'reset');
    const again = await reset('reset-one', 0);
    const results = await Promise.all([again, other].map((dag) => dag.result() as Promise<DagResult>));
    expect(results.map(({ status }) => status)).toEqual(['success', 'success']);
    const rows = await logged(dates.reset);
    expect(rows.filter((row) => row.includes('success')).length).toBeGreaterThanOrEqual(2);
    expect(rows.filter((row) => !/success|cancelled/.test(row))).toEqual([]);
  });
});

test.concurrent('cancelling stops the siblings, and no page lands behind the end of its run', async () => {
  const date = dates.siblings;
  const undo = slow(date, 1_500);
  const dag = await start('dailyIngestion', 'siblings', { date, coins, datasets: ['blocks', 'transactions'] });
  await until(() => asked(date).length >= 2);
  await sleep(300);
  await dag.cancel();
  await expect(dag.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect(await logged(date)).toEqual(['blocks cancelled 1', 'transactions cancelled 1']);
  // the answers arrive, and the activities have not yet heard that nobody wants them
  await sleep(2_000);
  const { rows } = await sql`SELECT 1 FROM ingestion_pages page JOIN data_ingestion_logs log ON log.id = page.log_id
    WHERE log.target_date = ${date}`.execute(product.db);
  expect(rows).toEqual([]);
  undo();
  await product.run('dailyIngestion', { date, coins, datasets: ['blocks', 'transactions'] });
});

test.concurrent('a run that is reset half-way goes on with its row, behind its finished pages', async () => {
  const date = dates.halfWay;
  slow(date, 700);
  const run = await startRun('transactions', date);
  await until(() => asked(date).length === 4);
  const [before] = await listRuns(product.db, { workflowId: run.workflowId, limit: 1 });
  // behind the first page; the fourth is on its way, and comes when another execution has the row
  const again = await reset(run.workflowId, 2);
  expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 500 } });
  await sleep(1_000);
  const [after] = await listRuns(product.db, { workflowId: run.workflowId, limit: 1 });
  expect(after).toMatchObject({
    id: before!.id,
    status: 'success',
    attempts: 2,
    runId: (await again.describe()).runId,
  });
  const paths = asked(date);
  expect(paths.slice(0, 3).filter((path, index) => paths.indexOf(path, index + 1) !== -1)).toEqual([]);
  await product.run('ingestBlockchair', { date, coins, datasets: ['blocks'] });
});

test.concurrent('a run that has ended and is reset to its beginning asks for nothing again', async () => {
  const date = dates.again;
  const dag = await product.run<DagResult>('ingestBlockchair', { date, coins, datasets: ['blocks', 'transactions'] });
  expect(dag.status).toBe('success');
  const before = asked(date).length;
  const again = await reset(runIdOf('transactions', date), 0);
  expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 500, processed: 500 } });
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
    const undo = simulator.fault(`blockchair ^.*time[(]${date}[)]`, { status: 503, retryAfter: 1 });
    const run = await startRun('blocks', date);
    await until(() => asked(date).length === 3);
    await client.workflowService.resetActivity({
      namespace,
      execution: { workflowId: run.workflowId },
      type: 'fetchPage',
    });
    await until(() => asked(date).length === 6);
    undo();
    await run.result();
    const { rows } = await sql<{ attempt: number }>`
    SELECT attempt FROM source_call_failures WHERE logical_date = ${date} ORDER BY failed_at`.execute(db);
    const refused = simulator.requests.filter(
      ({ path, status }) => status === 503 && decodeURIComponent(path).includes(`time(${date})`),
    );
    expect(rows.map(({ attempt }) => attempt)).toEqual(refused.map((_request, index) => index + 1));
  },
);

test.concurrent('who waits for another run goes on waiting when Temporal is away for long', async () => {
  const connection = Connection.lazy({ address: '127.0.0.1:1', interceptors: [] });
  const { sources, settings } = product.config;
  const redact = (text: string) => text;
  const deps = { db: product.db, agent: new Agent(), client: new Client({ connection }), sources, settings, redact };
  const environment = new MockActivityEnvironment({}, { interceptors: [createFailureInterceptor(deps)] });
  const waiting = environment.run(createJoinActivities(deps).awaitRun, { workflowId: 'someone-else' });
  await expect(waiting).rejects.toMatchObject({ type: 'Unavailable', nonRetryable: false });
  await connection.close();
});

test.concurrent('a backfill of ranges that is reset leaves the ended rows alone', async () => {
  const date = dates.ranged;
  await product.run('backfill', { workflow: 'ingestCoinGecko', from: date, to: date, coins }, 'ranged');
  const again = await reset('ranged', 0);
  expect(await again.result()).toMatchObject({ status: 'success' });
  const runs = await listRuns(product.db, { source: 'coingecko', date, limit: 10 });
  expect(runs).toMatchObject([{ status: 'success', attempts: 1, inserted: 1 }]);
  await product.run('ingestBlockchair', { date, coins, datasets: ['blocks', 'transactions'] });
});

test.concurrent(
  'what was terminated, timed out or lost is ended by the health check; a reset goes on',
  async () => {
    const date = dates.left;
    const { client, namespace, db } = product;
    slow(date, 500);
    const [terminated, lost] = [await startRun('transactions', date), await startRun('blocks', date)];
    await until(async () => (await pagesOf(date)) >= 2);
    await terminated.terminate('a test of the health check');
    await lost.terminate('a test of the health check');
    await client.workflowService.deleteWorkflowExecution({
      namespace,
      workflowExecution: { workflowId: lost.workflowId },
    });
    const timedOut = await client.workflow.start('ingestDataset', {
      taskQueue: 'cryptoflow',
      workflowId: `ingest/coingecko.prices/bitcoin/${date}`,
      args: [{ dataset: 'coingecko.prices', coin: 'bitcoin', date }],
      workflowExecutionTimeout: '2s',
    });
    product.simulator.fault(`coingecko ^.*date=${date.split('-').toReversed().join('-')}`, { hang: true, times: 1 });
    await timedOut.result().catch(() => undefined);
    // the health check lets a workflow that has just ended settle, and looks only at rows that are not new
    await sleep(31_000);
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
    expect(await again.result()).toMatchObject({ status: 'success', counts: { inserted: 500 } });
    await product.run('dailyIngestion', { date, coins, datasets: ['blocks', 'prices'] });
    expect(await logged(date)).toEqual(['blocks failed 1', 'blocks success 1', 'transactions success 2']);
  },
  120_000,
);

async function pagesOf(date: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT COUNT(*) AS n FROM ingestion_pages page JOIN data_ingestion_logs log ON log.id = page.log_id
    WHERE log.target_date = ${date}`.execute(product.db);
  return Number(rows[0]!.n);
}

async function ledgerProblemsOf(date: string): Promise<string[]> {
  return (await ledgerProblems(product.db)).filter((problem) => problem.includes(date));
}

test('after all that, the tables hold what an undisturbed ingestion gives, and each run has one row', async () => {
  // what the tests above left out on purpose
  await ingestAll(product);
  expect(await rowProblems(product.db, undisturbed.db)).toEqual([]);
  expect(await ledgerProblems(product.db)).toEqual([]);
  const lost = runIdOf('blocks', dates.left);
  const problems = await rowPerRunProblems(product.db, product.client);
  expect(problems.filter((problem) => !problem.includes(lost))).toEqual([]);
});

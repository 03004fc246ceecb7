import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { NativeConnection, Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { Kysely } from 'kysely';
import { insertRun } from '../../db/queries/ingestion-logs';
import type { Schema } from '../../db/schema';
import type { Cleanup } from '../../workers/stack/cleanup';
import { startServers, stateFolder } from '../../workers/stack/stack';
import { installLogger } from '../../workers/worker';
import type { BenchTools } from './bench';
import { startFreshProduct, type FreshProduct } from './fresh-product';
import type { Shape } from './orchestrate/timed';

// What a page and a run cost beside the least that Temporal can do: activities that do nothing, and children of three of
// them, on the same server in the same minute. The source answers at once, over HTTP; the database is a real one.

const repetitions = 5;
const length = { chain: 20, fan: 100 } as const;

/** A task may cost 1.3 bare ones and 3 ms of database, a run 1.2 bare ones. */
const aims = { task: (bareMs: number) => 1.3 * bareMs + 3, run: (bareMs: number) => 1.2 * bareMs };

interface Measured {
  /** as it is called in the figures */
  name: string;
  order: Shape['order'];
  workflow: string;
  queue: 'cryptoflow' | 'bench';
}

const measured: readonly Measured[] = (['chain', 'fan'] as const).flatMap((order) => {
  const Order = order === 'chain' ? 'Chain' : 'Fan';
  const bare = { order, queue: 'bench' as const };
  const ours = { order, queue: 'cryptoflow' as const };
  return [
    { ...bare, name: `bareEager${Order}MsPerTask`, workflow: 'bareEagerTasks' },
    { ...bare, name: `bare${Order}MsPerTask`, workflow: 'bareTasks' },
    { ...ours, name: `${order}MsPerTask`, workflow: 'pages' },
    { ...bare, name: `bare${Order}MsPerRun`, workflow: 'bareRuns' },
    { ...ours, name: `${order}MsPerRun`, workflow: 'runs' },
  ];
});

export async function benchOrchestrate({ say, cleanup }: BenchTools) {
  installLogger([], 'ERROR');
  const servers = await startServers('bench', cleanup, say);
  const sourceUrl = await startInstantSource(cleanup);
  const product = await startFreshProduct({
    servers,
    cleanup,
    bundle: await bundled('product'),
    // as fast as it will go: what is measured is us
    environment: {
      COINGECKO_BASE_URL: sourceUrl,
      COINGECKO_PLAN: 'pro',
      COINGECKO_API_KEY: 'bench',
      COINGECKO_PER_MINUTE: '6000000',
      COINGECKO_PER_MONTH: '100000000',
    },
  });
  await startBareWorkers(product, servers.temporal.address, cleanup);

  const samples = await measure(product.client, say);
  const figures = Object.fromEntries([...samples].map(([name, values]) => [name, round(median(values))]));
  return { figures: { ...figures, repetitions, cores: availableParallelism() }, problems: beyondAims(figures) };
}

async function startBareWorkers({ db, config }: FreshProduct, address: string, cleanup: Cleanup): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  cleanup.add(() => connection.close());
  const shared = { connection, namespace: config.temporal.namespace, activities: createBenchActivities(db) };
  const codePath = await bundled('bare');
  for (const own of [{ taskQueue: 'bench', workflowBundle: { codePath } }, { taskQueue: 'bench-source' }]) {
    const worker = await Worker.create({ ...shared, ...own });
    const running = worker.run();
    cleanup.add(async () => {
      worker.shutdown();
      await running;
    });
  }
}

/** Bare and ours in turns, so that what else the machine does meets both. The first round only warms up. */
async function measure(client: Client, say: BenchTools['say']): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>(measured.map(({ name }) => [name, []]));
  const dates = datesFrom('2016-01-01');
  for (let round = 0; round <= repetitions; round += 1) {
    for (const { name, order, workflow, queue } of measured) {
      const shape: Shape = { order, dates: Array.from({ length: length[order] }, () => dates.next().value!) };
      const ms: number = await client.workflow.execute(workflow, {
        ...{ taskQueue: queue, workflowId: `${workflow}-${order}-${round}`, args: [shape] },
      });
      if (round > 0) samples.get(name)!.push(ms);
    }
    if (round === 0) say('warmed up');
    else say(`round ${round} of ${repetitions}, load ${loadavg()[0]!.toFixed(1)}: ${latest(samples)}`);
  }
  return samples;
}

function latest(samples: ReadonlyMap<string, readonly number[]>): string {
  return [...samples].map(([name, values]) => `${name} ${values.at(-1)?.toFixed(1)}`).join(', ');
}

/** Every date once: a second time its row would be unchanged. */
function* datesFrom(first: string): Generator<string, never> {
  for (let ms = Date.parse(first); ; ms += 86_400_000) {
    // the source has prices until today; another decade would be another 9 rounds
    yield new Date(ms).toISOString().slice(0, 10);
  }
}

function beyondAims(figures: Readonly<Record<string, number>>): string[] {
  return (['Task', 'Run'] as const).flatMap((unit) =>
    (['chain', 'fan'] as const).flatMap((order) => {
      const ms = figures[`${order}MsPer${unit}`]!;
      const bareMs = figures[`bare${order === 'chain' ? 'Chain' : 'Fan'}MsPer${unit}`]!;
      const aim = unit === 'Task' ? aims.task(bareMs) : aims.run(bareMs);
      return ms <= aim ? [] : [`${order}MsPer${unit} is ${ms}, the aim is ${round(aim)} (bare ${bareMs})`];
    }),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

async function bundled(name: 'product' | 'bare'): Promise<string> {
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const workflowsPath = path.join(__dirname, 'orchestrate', `${name}-workflows.js`);
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: silent });
  const file = path.join(stateFolder, 'bench', `${name}-bundle.js`);
  writeFileSync(file, code);
  return file;
}

/** CoinGecko's price of a day, the same for every day, without looking at the request. */
async function startInstantSource(cleanup: Cleanup): Promise<string> {
  const price = { current_price: { usd: 1 }, market_cap: { usd: 2 }, total_volume: { usd: 3 } };
  const body = Buffer.from(JSON.stringify({ id: 'bitcoin', symbol: 'btc', name: 'Bitcoin', market_data: price }));
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function createBenchActivities(db: Kysely<Schema>) {
  return {
    async noOp(): Promise<void> {},

    /** Log rows for pages without their run around them, as openRun would have made them. */
    async openRows(dates: readonly string[]): Promise<number[]> {
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      const firstExecutionRunId = randomUUID();
      const logIds: number[] = [];
      for (const date of dates) {
        const run = { source: 'coingecko', dataType: 'prices', coinId: 'bitcoin', coinSymbol: 'BTC', targetDate: date };
        const ids = { workflowId, firstExecutionRunId, runId, runKey: `coingecko.prices/bitcoin/${date}` };
        logIds.push(await insertRun(db, { ...run, ...ids, triggeredBy: 'bench', expected: null }));
      }
      return logIds;
    },
  };
}

export type BenchActivities = ReturnType<typeof createBenchActivities>;

import { spawn } from 'node:child_process';
import path from 'node:path';
import { sql } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import { listRuns } from '../../db/queries/ingestion-logs';
import { databases, freshDatabase } from '../databases';
import { startProduct, temporalAddress, type Product } from '../product';

const root = path.join(__dirname, '..', '..');

/** A worker in a process of its own, as `npm run worker` starts it. */
function startWorker(environment: Record<string, string>, args: string[] = []) {
  const child = spawn(process.execPath, ['.build/workers/worker.js', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  const ready = async () => {
    while (!output.includes(' serves ') && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return { child, ended, ready, output: () => output };
}

describe('a worker that cannot work says what failed, why, and what to do', () => {
  let url: string;
  beforeAll(async () => {
    const database = await freshDatabase(databases()[0]!);
    await migrateToLatest(database.db);
    url = database.url;
  });
  const good = () => ({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporalAddress() });

  test.each<[string, () => Record<string, string>, string[], RegExp[]]>([
    ['no environment', () => ({}), [], [/DATABASE_URL is missing; it looks like mysql:\/\//]],
    [
      'several problems at once',
      () => ({
        DATABASE_URL: 'postgres://x/y',
        COINGECKO_PLAN: 'gold',
        BLOCKCHAIR_APIKEY: 'x',
        CRYPTOFLOW_REJECT_SHARE: '7',
      }),
      [],
      [
        /DATABASE_URL is not/,
        /COINGECKO_PLAN "gold" is not one of keyless, demo, pro/,
        /BLOCKCHAIR_APIKEY is not a variable of cryptoflow; known: .*BLOCKCHAIR_API_KEY/,
        /CRYPTOFLOW_REJECT_SHARE "7" is not a share/,
      ],
    ],
    [
      'a plan without its key',
      () => ({ ...good(), COINGECKO_PLAN: 'pro' }),
      [],
      [/COINGECKO_PLAN is pro, which needs COINGECKO_API_KEY/],
    ],
    [
      'an unreachable database',
      () => ({ ...good(), DATABASE_URL: 'mysql://me:secret99@127.0.0.1:1/x' }),
      [],
      [/cannot be reached .*127\.0\.0\.1:1/],
    ],
    [
      'a wrong password',
      () => ({ ...good(), DATABASE_URL: url.replace(/:[^:@]+@/, ':wrong-word@') }),
      [],
      [/refused the login/, /Check user, password/],
    ],
    [
      'an unreachable Temporal',
      () => ({ ...good(), TEMPORAL_ADDRESS: '127.0.0.1:1' }),
      [],
      [/Temporal cannot be reached at 127\.0\.0\.1:1/, /TEMPORAL_ADDRESS/],
    ],
    [
      'a missing namespace',
      () => ({ ...good(), TEMPORAL_NAMESPACE: 'nowhere' }),
      [],
      [/namespace "nowhere" does not exist/, /temporal operator namespace create/],
    ],
    [
      'an unknown queue',
      good,
      ['--queues', 'kraken'],
      [/no queue "kraken" - known: cryptoflow, blockchair, coingecko/],
    ],
  ])('%s', async (_case, environment, args, expected) => {
    const { code, output } = await startWorker(environment(), args).ended;
    for (const part of expected) expect(output).toMatch(part);
    expect(output).not.toMatch(/secret99|wrong-word/);
    expect(code).toBe(1);
  });

  test('an older and a newer schema', async () => {
    const { db, url: own } = await freshDatabase(databases()[0]!);
    const environment = { DATABASE_URL: own, TEMPORAL_ADDRESS: temporalAddress() };
    const older = await startWorker(environment).ended;
    expect(older.output).toMatch(/npm run cli -- migrate/);
    await migrateToLatest(db);
    await sql`INSERT INTO schema_migrations (name, timestamp) VALUES ('9999_01_from_the_future', '2030-01-01')`.execute(
      db,
    );
    const newer = await startWorker(environment).ended;
    expect(newer.output).toMatch(/newer/);
    expect([older.code, newer.code]).toEqual([1, 1]);
  });
});

describe('a worker that is told to stop', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server: databases()[0]! });
    await product.workers.stop();
  });
  afterAll(async () => {
    await product?.simulator.close();
    await product?.connection.close();
  });

  test('ends its running page, starts nothing new, and is gone within its grace time; the next worker goes on', async () => {
    const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const remove = product.simulator.fault('blockchair /bitcoin/transactions', { latencyMs: 1_500 });
    const worker = startWorker(product.environment);
    await worker.ready();
    const handle = await product.client.workflow.start('ingestBlockchair', {
      taskQueue: 'cryptoflow',
      workflowId: 'across-a-restart',
      args: [{ date, coins: ['bitcoin'], datasets: ['transactions'] }],
    });
    const asked = () =>
      product.simulator.requests.filter(({ path: asking }) => asking.includes('/transactions')).length;
    while (asked() === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const stoppedAt = Date.now();
    worker.child.kill('SIGTERM');
    const { code } = await worker.ended;
    expect(code).toBe(0);
    expect(Date.now() - stoppedAt).toBeLessThan(20_000);
    expect(asked()).toBe(1);
    const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ingestion_pages`.execute(product.db);
    expect(Number(rows[0]!.n)).toBe(1);

    remove();
    const next = startWorker(product.environment, ['--queues', 'cryptoflow,blockchair']);
    await next.ready();
    expect(next.output()).toContain('serves cryptoflow, cryptoflow-blockchair');
    await handle.result();
    next.child.kill('SIGTERM');
    await next.ended;
    const [run] = await listRuns(product.db, { date, limit: 1 });
    expect(run).toMatchObject({ status: 'success', attempts: 1, inserted: 300 });
    expect(asked()).toBe(4);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowFailedError } from '@temporalio/client';
import { sql } from 'kysely';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import { databases, type DatabaseServer } from '../databases';
import { temporalAddress } from '../product';
import { startCommitProxy } from '../proof/faults/commit-proxy';
import { leaks } from '../proof/faults/leaks';
import { ledgerProblems, rowPerRunProblems, rowProblems } from '../proof/faults/ledger';
import { administer, keys, patientResult, startRig, withRig, type Rig, type RigOptions } from '../proof/faults/rig';
import { mortalDatabase, mortalTemporal } from '../proof/faults/servers';
import { startSkippedClock, type SkippedClock } from '../proof/faults/skipped-clock';
import { ofPage, startStorm } from '../proof/faults/storm';
import { startToxiproxy } from '../proof/faults/toxiproxy';
import type { Fault } from '../simulator/faults';

// they wait for states: how long that takes is the machine's affair
jest.setTimeout(300_000);

// Small; in full: `npm run proof -- faults`. The cases run at the same time: a dead worker's page is tried again after
// its heartbeat timeout of 20 s, so most of them mostly wait. Each ends with the same question: is anything lost, double,
// or miscounted, compared with an undisturbed run of the same world?

const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const coins = ['bitcoin', 'ethereum'];
const input = { date, coins, datasets: ['blocks', 'transactions', 'prices'] };
/** of each coin, a page of blocks and four of transactions */
const world = { seed: 'faults', blocksPerDay: 90, transactionsPerDay: 350 };
/** of the servers that cases start for themselves */
const folder = `test/${process.pid}`;

const servers = databases();
const first = servers[0]!;
const cleanup = createCleanup({ say: () => undefined, handleSignals: false });
afterAll(() => cleanup.run());

/** One for each server, so that both tell their values in the same words. */
const undisturbed = new Map<DatabaseServer, Rig>();
beforeAll(async () => {
  for (const server of servers) {
    const rig = await startRig({ ...onServer(server), cleanup });
    const worker = rig.startWorker();
    await (await rig.start('dailyIngestion', input)).result();
    await worker.stop();
    undisturbed.set(server, rig);
  }
});

function onServer(server: DatabaseServer): Omit<RigOptions, 'cleanup'> {
  return { databaseServer: server.url, temporalAddress: temporalAddress(), simulator: world };
}

async function expectNothingLostOrDouble(rig: Rig, server = first): Promise<void> {
  expect(await rowProblems(rig.db, undisturbed.get(server)!.db)).toEqual([]);
  expect(await ledgerProblems(rig.db)).toEqual([]);
}

async function expectOneRowPerRun(rig: Rig): Promise<void> {
  expect(await rowPerRunProblems(rig.db, rig.client)).toEqual([]);
}

async function ingest(rig: Rig, wanted: object = input): Promise<void> {
  await (await rig.start('dailyIngestion', wanted)).result();
}

test.concurrent('workers that are killed at random moments', () =>
  withRig(onServer(first), async (rig) => {
    rig.simulator.fault('blockchair', { latencyMs: 300 });
    const pages = undisturbed.get(first)!.simulator.requests.length;
    const storm = await startStorm({ rig, workers: 2, pages, faults: { kills: 3 } });
    await ingest(rig);
    await storm.calm();
    expect(storm.happened.kills).toBeGreaterThan(0);
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);
  }),
);

test.concurrent('a worker that is killed right behind a COMMIT, and one that is killed right before', () =>
  withRig(onServer(first), async (rig) => {
    const proxy = await startCommitProxy(rig.databaseUrl);
    rig.cleanup.add(() => proxy.close());
    let kills = 0;
    let worker = rig.startWorker({ DATABASE_URL: proxy.url });
    await worker.ready();
    const dag = await rig.start('dailyIngestion', input);
    for (const when of ['answered', 'asked'] as const) {
      const died = new Promise<void>((resolve) => {
        const then = () => void worker.kill().then(resolve);
        proxy.cut({ when, having: ofPage, then });
      });
      await died;
      kills += 1;
      worker = rig.startWorker({ DATABASE_URL: proxy.url });
    }
    await dag.result();
    expect(kills).toBe(2);
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);
  }),
);

test.concurrent('a worker that stands still for longer than its heartbeat, and then goes on where it stood', () =>
  withRig(onServer(first), async (rig) => {
    const slow = rig.simulator.fault('blockchair', { latencyMs: 1_500 });
    const frozen = rig.startWorker();
    await frozen.ready();
    const dag = await rig.start('dailyIngestion', input);
    while (rig.simulator.requests.length < 6) await sleep(20);
    const thawed = frozen.freeze(24_000);
    slow();
    await rig.startWorker().ready();
    await dag.result();
    await thawed;
    // now the frozen one has its answers, and writes what it can
    await sleep(2_000);
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);
  }),
);

for (const server of servers) {
  test.concurrent(`a connection that is cut at COMMIT, before and after it is done, on ${server.name}`, () =>
    withRig(onServer(server), async (rig) => {
      const proxy = await startCommitProxy(rig.databaseUrl);
      rig.cleanup.add(() => proxy.close());
      for (const when of ['answered', 'asked', 'answered', 'asked'] as const) proxy.cut({ when, having: ofPage });
      rig.startWorker({ DATABASE_URL: proxy.url });
      await ingest(rig);
      expect(proxy.left()).toBe(0);
      await expectNothingLostOrDouble(rig, server);
      await expectOneRowPerRun(rig);
      // nothing was asked for twice: what the source said was still at hand, or had landed
      const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ingestion_pages`.execute(rig.db);
      expect(rig.simulator.requests).toHaveLength(Number(rows[0]!.n));
    }),
  );

  test.concurrent(`a database that takes no writes for a while, ${server.name}`, () =>
    withRig(onServer(server), async (rig) => {
      // the ordinary user of the tests may write nevertheless
      const url = new URL(rig.databaseUrl);
      const name = url.pathname.slice(1);
      url.username = name;
      url.password = 'with-few-rights';
      await administer(server.url, `CREATE USER '${name}' IDENTIFIED BY '${url.password}'`);
      rig.cleanup.add(() => administer(server.url, `DROP USER '${name}'`));
      await letUse(server, name);
      rig.simulator.fault('blockchair', { latencyMs: 300 });
      const worker = rig.startWorker({ DATABASE_URL: url.href });
      const dag = await rig.start('dailyIngestion', input);
      while (rig.simulator.requests.length < 4) await sleep(20);
      await administer(server.url, 'SET GLOBAL read_only = 1');
      try {
        while (!worker.output().includes('The database takes no writes at present')) await sleep(50);
      } finally {
        await administer(server.url, 'SET GLOBAL read_only = 0');
      }
      await dag.result();
      await expectNothingLostOrDouble(rig, server);
      await expectOneRowPerRun(rig);
    }),
  );
}

/** Gives a user the rights on the database of the same name, also where we may not hand on what we may ourselves. */
async function letUse(server: DatabaseServer, name: string): Promise<void> {
  try {
    await administer(server.url, `GRANT ALL ON ${name}.* TO '${name}'`);
  } catch {
    const rights = ['Select', 'Insert', 'Update', 'Delete', 'Create', 'Drop', 'References', 'Index', 'Alter'];
    const columns = [...rights, 'Create_tmp_table', 'Lock_tables', 'Show_view'].map((right) => `${right}_priv`);
    const values = columns.map(() => `'Y'`).join();
    await administer(
      server.url,
      `INSERT INTO mysql.db (Host, Db, User, ${columns.join()}) VALUES ('%', '${name}', '${name}', ${values})`,
      'FLUSH PRIVILEGES',
    );
  }
}

test.concurrent('a database that is killed and started again', () =>
  withOwn(async (own) => {
    const database = await mortalDatabase({ cleanup: own, folder });
    await withRig({ ...onServer(first), databaseServer: database.address }, async (rig) => {
      rig.simulator.fault('blockchair', { latencyMs: 300 });
      await rig.startWorker().ready();
      const dag = await rig.start('dailyIngestion', input);
      for (let kills = 0; kills < 2; kills += 1) {
        await sleep(700);
        await database.kill();
        await sleep(500);
        await database.restart();
      }
      await dag.result();
      await expectNothingLostOrDouble(rig);
      await expectOneRowPerRun(rig);
    });
  }),
);

test.concurrent('a Temporal server that is killed and started again', () =>
  withOwn(async (own) => {
    const temporal = await mortalTemporal({ cleanup: own, folder });
    await withRig({ ...onServer(first), temporalAddress: temporal.address }, async (rig) => {
      rig.simulator.fault('blockchair', { latencyMs: 300 });
      await rig.startWorker().ready();
      const dag = await rig.start('dailyIngestion', input);
      const waiting = await rig.start('dailyIngestion', input);
      while (rig.simulator.requests.length < 4) await sleep(20);
      await temporal.kill();
      await sleep(3_000);
      await temporal.restart();
      await Promise.all([dag, waiting].map(patientResult));
      await expectNothingLostOrDouble(rig);
      await expectOneRowPerRun(rig);
    });
  }),
);

test.concurrent('connections to the database and to the sources that are slow, stand still, or end anywhere', () =>
  withOwn(async (own) => {
    const toxiproxy = await startToxiproxy(own);
    if ('whyNot' in toxiproxy)
      return void process.stderr.write(`not tested, resets by toxiproxy: ${toxiproxy.whyNot}\n`);
    await withRig(onServer(first), async (rig) => {
      const database = await toxiproxy.between(rig.databaseUrl);
      const source = await toxiproxy.between(rig.simulator.baseUrls.blockchair);
      rig.startWorker({ DATABASE_URL: database.url, BLOCKCHAIR_BASE_URL: source.url });
      await database.spoil({ type: 'latency', stream: 'downstream', attributes: { latency: 20, jitter: 20 } });
      const dag = await rig.start('dailyIngestion', input);
      while (rig.simulator.requests.length < 3) await sleep(20);
      for (const [way, type, attributes] of [
        [source, 'limit_data', { bytes: 3_000 }],
        [source, 'reset_peer', { timeout: 0 }],
        [database, 'limit_data', { bytes: 30_000 }],
        [database, 'reset_peer', { timeout: 100 }],
        [database, 'timeout', { timeout: 800 }],
      ] as const) {
        const heal = await way.spoil({ type, stream: 'downstream', attributes });
        await sleep(1_000);
        await heal();
      }
      await dag.result();
      await expectNothingLostOrDouble(rig);
      await expectOneRowPerRun(rig);
      const { rows } = await sql<{ error_type: string }>`
        SELECT DISTINCT error_type FROM source_call_failures`.execute(rig.db);
      expect(rows).toEqual([{ error_type: 'Unavailable' }]);
    });
  }),
);

test.concurrent('answers that are bad in every way: each failed attempt is recorded, no secret gets anywhere', () =>
  withRig(onServer(first), async (rig) => {
    const bad: [string, Fault, string][] = [
      ['blockchair ^/bitcoin/transactions[?]q=time[^,]*&', { status: 429, retryAfter: 3, times: 2 }, 'RateLimited 429'],
      ['blockchair ^/bitcoin/transactions.*,block_id', { truncatedGzip: true, times: 2 }, 'Unavailable 200'],
      ['blockchair ^/ethereum/transactions[?]q=time[^,]*&', { html: true, times: 2 }, 'Unavailable 200'],
      ['blockchair ^/ethereum/transactions.*,block_id', { reset: true, times: 2 }, 'Unavailable null'],
      ['blockchair /bitcoin/blocks', { slowBody: { bytesPerSecond: 1_000 }, times: 1 }, 'Unavailable 200'],
      ['blockchair /ethereum/blocks', { hang: true, times: 1 }, 'Unavailable null'],
      ['coingecko /coins/bitcoin', { status: 500, times: 2 }, 'Unavailable 500'],
      // the source has changed: no use in asking again
      ['coingecko /coins/ethereum', { wrongType: { field: 'market_data' } }, 'SchemaMismatch 200'],
    ];
    for (const [route, fault] of bad) rig.simulator.fault(route, fault);
    const worker = rig.startWorker({ CRYPTOFLOW_REQUEST_TIMEOUT_SECONDS: '2' });
    const handle = await rig.start('dailyIngestion', input);
    const error = await handle.result().catch((reason: unknown) => reason as WorkflowFailedError);
    const said = (error as WorkflowFailedError).cause!.message;
    expect(said).toContain('1 of 6 runs');
    expect(said).toContain('coingecko.prices ethereum (failed: SchemaMismatch: ');

    const { rows } = await sql<{ cause: string; n: number }>`
      SELECT CONCAT(error_type, ' ', COALESCE(http_status, 'null')) AS cause, COUNT(*) AS n FROM source_call_failures
      GROUP BY 1 ORDER BY 1`.execute(rig.db);
    const expected = new Map<string, number>();
    for (const [, { times = 1 }, cause] of bad) expected.set(cause, (expected.get(cause) ?? 0) + times);
    expect(Object.fromEntries(rows.map(({ cause, n }) => [cause, Number(n)]))).toEqual(Object.fromEntries(expected));
    for (const { path, at } of rig.simulator.requests.filter((request) => request.status === 429)) {
      const next = rig.simulator.requests.find((request) => request.path === path && request.at > at)!;
      expect(next.at.getTime() - at.getTime()).toBeGreaterThanOrEqual(3_000);
    }

    rig.simulator.clearFaults();
    await ingest(rig, { ...input, datasets: ['prices'], coins: ['ethereum'] });
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);

    const password = decodeURIComponent(new URL(rig.databaseUrl).password);
    const places = {
      db: rig.db,
      client: rig.client,
      texts: { 'the log of the worker': worker.output(), 'what the DAG said': said },
      pids: [worker.pid],
    };
    expect(await leaks([...Object.values(keys), password], places)).toEqual([]);
    // the search would find one
    expect(await leaks(['blockchair 429 on'], places)).toEqual(
      expect.arrayContaining([expect.stringContaining('history of'), expect.stringContaining('table source_call')]),
    );
  }),
);

test.concurrent('a source whose answers have changed: terminal at once, and what was rejected is kept', () =>
  withRig(onServer(first), async (rig) => {
    const proxy = await startCommitProxy(rig.databaseUrl);
    rig.cleanup.add(() => proxy.close());
    proxy.cut({ when: 'answered', having: /^insert into `rejected_records`/ });
    rig.startWorker({ DATABASE_URL: proxy.url });
    rig.simulator.fault('blockchair /bitcoin/blocks', { wrongType: { field: 'transaction_count' } });
    rig.simulator.fault('blockchair /ethereum/transactions', { missingField: { field: 'context' } });
    const handle = await rig.start('dailyIngestion', input);
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: expect.stringMatching(/^2 of 6 runs/) } });
    const asked = (part: string) => rig.simulator.requests.filter(({ path }) => path.startsWith(part)).length;
    expect([asked('/bitcoin/blocks'), asked('/ethereum/transactions')]).toEqual([1, 1]);
    const counted = await sql<{ rejected: number; failed: number }>`
      SELECT (SELECT COUNT(*) FROM rejected_records) AS rejected,
        (SELECT COUNT(*) FROM source_call_failures WHERE error_type = 'SchemaMismatch' AND http_status = 200) AS failed
      `.execute(rig.db);
    expect(proxy.left()).toBe(0);
    expect(counted.rows).toEqual([{ rejected: 90, failed: 2 }]);

    rig.simulator.clearFaults();
    await ingest(rig);
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);
  }),
);

test.concurrent('four workers at once never ask for more than is documented', () =>
  withRig({ ...onServer(first), simulator: { ...world, limits: 'documented' } }, async (rig) => {
    const documented = { BLOCKCHAIR_PER_MINUTE: undefined, COINGECKO_PER_MINUTE: undefined };
    for (let count = 0; count < 4; count += 1) rig.startWorker(documented);
    await ingest(rig);
    expect(rig.simulator.peak('blockchair').perSecond).toBeLessThanOrEqual(5);
    expect(new Set(rig.simulator.requests.map(({ status }) => status))).toEqual(new Set([200]));
    await expectNothingLostOrDouble(rig);
    await expectOneRowPerRun(rig);
  }),
);

test.concurrent('a source that is down for an hour, and one that is down for more than two', () =>
  withOwn(async (own) => {
    const clock = await startSkippedClock(own);
    if ('whyNot' in clock) return void process.stderr.write(`not tested, hours on a skipped clock: ${clock.whyNot}\n`);
    const options = { temporalAddress: clock.address, namespace: clock.namespace };
    await withRig({ ...onServer(first), ...options }, async (rig) => {
      // a jumping clock would clean up the log and see no prices: all but two runs stand still
      rig.startWorker();
      await ingest(rig, { ...input, datasets: ['prices'] });
      await ingest(rig, { ...input, coins: ['ethereum'], datasets: ['blocks', 'transactions'] });
      const run = (client: Client, dataset: string) =>
        client.workflow.execute('ingestDataset', {
          workflowId: `ingest/${dataset}/bitcoin/${date}`,
          taskQueue: 'cryptoflow',
          args: [{ dataset, coin: 'bitcoin', date }],
        });
      const { client: skipping } = clock.environment;

      rig.simulator.fault('blockchair', { latencyMs: 100 });
      const down = rig.simulator.fault('blockchair', { status: 503 });
      const stop = followClock(rig, clock, (ms) => ms > 3_600_000 && down());
      await run(skipping, 'blockchair.transactions');
      expect(await clock.environment.currentTimeMs()).toBeGreaterThan(Date.now() + 3_600_000);

      rig.simulator.fault('blockchair', { status: 503 });
      rig.simulator.fault('blockchair', { status: 429, times: 8 });
      const error = await run(skipping, 'blockchair.blocks').catch((reason: unknown) => reason);
      expect(deepest(error)).toMatch(
        new RegExp(
          `gave up after \\d+ attempts in 2 h 0\\d: \\d+ × Unavailable \\(503\\), 8 × RateLimited\\. ` +
            `By hand: start ingestBlockchair \\{"date":"${date}","coins":\\["bitcoin"\\],"datasets":\\["blockchair.blocks"\\]\\}`,
        ),
      );
      await stop();
      rig.simulator.clearFaults();
      await run(rig.client, 'blockchair.blocks');
      await expectNothingLostOrDouble(rig);
    });
  }),
);

function deepest(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : deepest(error.cause);
}

/**
 * When to give up is decided by the database's clock, which does not skip. So whenever a source is asked, the failures so
 * far are put back by the time that was skipped since. `each` is told how much that is in all.
 */
function followClock(rig: Rig, { environment }: SkippedClock, each: (skippedMs: number) => void): () => Promise<void> {
  let seen = 0;
  let skippedMs = 0;
  let stopped = false;
  const follow = async () => {
    while (!stopped) {
      await sleep(10);
      if (rig.simulator.requests.length === seen) continue;
      seen = rig.simulator.requests.length;
      const now = (await environment.currentTimeMs()) - Date.now();
      const shift = Math.round((now - skippedMs) * 1_000);
      await sql`UPDATE source_call_failures SET failed_at = failed_at - INTERVAL ${shift} MICROSECOND`.execute(rig.db);
      skippedMs = now;
      each(skippedMs);
    }
  };
  const following = follow();
  return async () => {
    stopped = true;
    await following;
  };
}

async function withOwn(work: (own: Cleanup) => Promise<void>): Promise<void> {
  const own = createCleanup({ say: () => undefined, handleSignals: false });
  try {
    await work(own);
  } finally {
    await own.run();
  }
}

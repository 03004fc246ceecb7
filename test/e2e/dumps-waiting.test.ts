import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { listRuns } from '../../db/queries/ingestion-logs';
import { createCleanup } from '../../workers/stack/cleanup';
import { databases } from '../databases';
import { temporalAddress } from '../product';
import { startSkippedClock } from '../proof/faults/skipped-clock';
import { withRig, type Rig, type RigOptions } from '../proof/faults/rig';

const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const server = databases()[0]!;
const cleanup = createCleanup({ say: () => undefined, handleSignals: false });
afterAll(() => cleanup.run());

/** A rig whose worker is told where the dumps are. */
function withDumps(
  environment: Record<string, string | undefined>,
  options: Partial<RigOptions>,
  work: (rig: Rig) => Promise<void>,
): Promise<void> {
  const shared = { databaseServer: server.url, temporalAddress: temporalAddress(), ...options };
  return withRig(shared, async (rig) => {
    rig.startWorker({ BLOCKCHAIR_DUMPS_URL: rig.simulator.baseUrls.blockchairDumps, ...environment });
    await work(rig);
  });
}

async function run(rig: Rig, dataset: string, coin: string, { client = rig.client, day = date } = {}) {
  const input = { dataset: `blockchair.${dataset}`, coin, date: day };
  const workflowId = `ingest/blockchair.${dataset}/${coin}/${day}`;
  await client.workflow
    .execute('ingestDataset', { taskQueue: 'cryptoflow', workflowId, args: [input] })
    .catch(() => undefined);
  const [row] = await listRuns(rig.db, { coinId: coin, limit: 1 });
  return row!;
}

const keyless = { BLOCKCHAIR_API_KEY: undefined, BLOCKCHAIR_PER_MINUTE: '30' };

test.concurrent('waiting for a file that is published later, and for one that never is', async () => {
  const clock = await startSkippedClock(cleanup);
  if ('whyNot' in clock) return void process.stderr.write(`not tested, waiting on a skipped clock: ${clock.whyNot}\n`);
  let now = Date.parse(`${date}T23:59:59Z`) + 3_600_000;
  const looks = (rig: Rig, path: string): number =>
    rig.simulator.requests.filter((request) => request.source === 'blockchair-dumps' && request.path.includes(path))
      .length;
  await withDumps(
    { BLOCKCHAIR_MODE: 'auto', BLOCKCHAIR_DUMPS_WAIT_HOURS: '6' },
    {
      temporalAddress: clock.address,
      namespace: clock.namespace,
      simulator: { transactionsPerDay: 300, dumps: { lagHours: 4 }, now: () => new Date(now) },
    },
    async (rig) => {
      // only its own client lets the clock jump
      const { client } = clock.environment;
      const waiting = run(rig, 'transactions', 'bitcoin', { client });
      while (looks(rig, '/bitcoin/') < 4) await sleep(20);
      now += 5 * 3_600_000;
      expect(await waiting).toMatchObject({ status: 'success', inserted: 300, unchanged: 300 });
      expect(looks(rig, '/bitcoin/')).toBeGreaterThanOrEqual(7);
      // 15, 30, 60, 60 … minutes within 6 hours
      // by now it is another day there
      const day = new Date((await clock.environment.currentTimeMs()) - 86_400_000).toISOString().slice(0, 10);
      now = Date.parse(day) + 25 * 3_600_000;
      const never = await run(rig, 'transactions', 'dogecoin', { client, day });
      expect(never).toMatchObject({ status: 'partial', inserted: 300 });
      expect(never.message).toContain('is not published yet, 6 h after');
      // one look before the API's rows, and those of the waiting
      expect(looks(rig, '/dogecoin/')).toBe(1 + 9);
    },
  );
});

test.concurrent('mode dumps asks the API nothing, and fails when there is no file in time', () =>
  withDumps(
    { BLOCKCHAIR_MODE: 'dumps', BLOCKCHAIR_DUMPS_WAIT_HOURS: '0' },
    { simulator: { transactionsPerDay: 300, dumps: { lagHours: 100 } } },
    async (rig) => {
      expect(await run(rig, 'blocks', 'bitcoin')).toMatchObject({ status: 'failed', errorType: 'Unavailable' });
      expect(rig.simulator.requests.every(({ source }) => source === 'blockchair-dumps')).toBe(true);
    },
  ),
);

test.concurrent('without a key: one connection, and what would take too long comes from the API', () =>
  withDumps(
    { ...keyless, BLOCKCHAIR_MODE: 'auto', BLOCKCHAIR_DUMPS_KB_PER_SECOND: '0.002' },
    { simulator: { limits: 'documented', transactionsPerDay: 300, blocksPerDay: 24 } },
    async (rig) => {
      // at 2 bytes a second a day of transactions takes hours
      const tooLarge = await run(rig, 'transactions', 'litecoin');
      expect(tooLarge).toMatchObject({ status: 'success', inserted: 300 });
      expect(tooLarge.message).toMatch(/the rows are those of the API alone: .* h at the provider's 2 bytes\/s/);
      const worker = rig.workers[0]!;
      await worker.stop();
      const fast = { BLOCKCHAIR_MODE: 'dumps', BLOCKCHAIR_DUMPS_KB_PER_SECOND: '40' };
      const dumps = { BLOCKCHAIR_DUMPS_URL: rig.simulator.baseUrls.blockchairDumps };
      for (const _ of [1, 2]) rig.startWorker({ ...keyless, ...dumps, ...fast });
      const coins = ['bitcoin', 'dogecoin', 'dash'];
      const ended = await Promise.all(coins.map((coin) => run(rig, 'transactions', coin)));
      expect(ended.map(({ status }) => status)).toEqual(['success', 'success', 'success']);
      expect(rig.simulator.peak('blockchair-dumps').openConnections).toBe(1);
      const { rows } = await sql<{ n: number }>`
        SELECT COUNT(*) AS n FROM source_call_failures WHERE source = 'blockchair'`.execute(rig.db);
      expect(Number(rows[0]!.n)).toBe(0);
    },
  ),
);

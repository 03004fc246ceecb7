import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { sql } from 'kysely';
import { startServers, stateFolder } from '../../workers/stack/stack';
import { installLogger } from '../../workers/worker';
import type { Cleanup } from '../../workers/stack/cleanup';
import { startCommitProxy } from './faults/commit-proxy';
import { ledgerProblems, rowPerRunProblems, rowProblems } from './faults/ledger';
import { startRig, type Rig } from './faults/rig';
import { mortalDatabase, type MortalServer } from './faults/servers';
import { startToxiproxy } from './faults/toxiproxy';
import type { ProofTools } from './proof';

// Whole days while everything around them breaks. Every fault meets days of its own; at the end all of them must be equal,
// row by row, to those of a product that nothing happened to, and the log must have one ended row per run.

const whole = { kills: 20, databaseKills: 5, cuts: 10, flips: 50, truncations: 50 };
/** Two of a kind at least: the second meets a day that is there already. */
export const few: typeof whole = { kills: 2, databaseKills: 1, cuts: 4, flips: 2, truncations: 2 };
const coins = ['bitcoin', 'dogecoin', 'dash', 'ethereum'];
const world = { seed: 'dumps proof', transactionsPerDay: 6_000, blocksPerDay: 48 };

function day(ago: number): string {
  return new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
}

interface Ground {
  rig: Rig;
  environment: Readonly<Record<string, string>>;
  /** dates that were used; each fault takes new ones */
  dates: string[];
  counts: typeof whole;
}

interface Servers {
  databaseServer: string;
  temporalAddress: string;
  cleanup: Cleanup;
}

/** Each loads days while that happens, and says how often it did and what is wrong afterwards. */
export const faults = {
  damagedFiles: (servers: Servers, counts = whole) => onNewGround(servers, damagedFiles, counts),
  cutConnections: (servers: Servers, counts = whole) =>
    onNewGround(servers, (ground) => cutConnections(ground, servers.cleanup), counts),
  killedWorkers: (servers: Servers, counts = whole) => onNewGround(servers, killedWorkers, counts),
  async killedDatabase(servers: Servers, counts = whole) {
    const database = await mortalDatabase({ cleanup: servers.cleanup, folder: `proof/dumps-${process.pid}` });
    return onNewGround(
      servers,
      (ground) => killedDatabase(ground, database),
      counts,
      // rows are compared with those on a server that lives
      await newGround({ ...servers, databaseServer: database.address }, counts),
    );
  },
};

async function onNewGround(
  servers: Servers,
  work: (ground: Ground) => Promise<number>,
  counts: typeof whole,
  given?: Ground,
): Promise<{ met: number; problems: string[] }> {
  const ground = given ?? (await newGround(servers, counts));
  const met = await work(ground);
  return { met, problems: await problemsOf(ground, await newGround(servers, counts)) };
}

/** `npm run proof -- dumps`; on the server of DATABASE_URL, where one is given. */
export async function proveDumps({ say, cleanup, isSmall }: ProofTools) {
  const counts = isSmall ? few : whole;
  installLogger([], 'ERROR');
  const { database, temporal } = await startServers('proof', cleanup, say);
  const servers = { databaseServer: database.url, temporalAddress: temporal.address, cleanup };
  const problems: string[] = [];
  const figures: Record<string, unknown> = { ...counts };
  for (const [name, fault] of Object.entries(faults)) {
    const from = Date.now();
    const { met, problems: found } = await fault(servers, counts);
    figures[`${name}Met`] = met;
    problems.push(...found.map((problem) => `${name}: ${problem}`));
    say(`${name.padEnd(14)} ${met} met, ${found.length} problems, ${Math.round((Date.now() - from) / 1_000)} s`);
  }
  return { figures, problems };
}

async function newGround(servers: Servers, counts: typeof whole): Promise<Ground> {
  const { cleanup } = servers;
  const rig = await startRig({ ...servers, simulator: world });
  const spool = path.join(stateFolder, 'proof', `spool-${rig.namespace}`);
  cleanup.add(() => Promise.resolve(rmSync(spool, { recursive: true, force: true })));
  const environment = {
    BLOCKCHAIR_MODE: 'dumps',
    BLOCKCHAIR_DUMPS_URL: rig.simulator.baseUrls.blockchairDumps,
    CRYPTOFLOW_SPOOL_FOLDER: spool,
  };
  return { rig, environment, dates: [], counts };
}

const input = (date: string) => ({ date, coins, datasets: ['transactions'] });

/** With the message of the DAG that failed, which names its runs. */
async function ended(dag: WorkflowHandle): Promise<void> {
  await dag.result().catch((error: unknown) => {
    throw new Error(error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error), {
      cause: error,
    });
  });
}

/** A new date, loaded while `fault` happens; then some of its rows are spoiled, and it is loaded again with another. */
async function whileLoading(ground: Ground, fault: () => Promise<void>, again = fault): Promise<void> {
  const { rig } = ground;
  const date = day(1 + ground.dates.length);
  ground.dates.push(date);
  for (const each of [fault, again]) {
    const asked = rig.simulator.requests.length;
    const dag = await rig.start('ingestBlockchair', input(date));
    while (rig.simulator.requests.length === asked) await sleep(5);
    // from the first look for the file to behind the COMMIT of the last
    await sleep(2_500 * Math.random());
    await each();
    await ended(dag);
    if (again === fault || each === again) return;
    await sql`UPDATE raw_blockchain_transactions SET size_bytes = 1, fee_native = NULL
      WHERE tx_time >= ${date} AND tx_time < ${date} + INTERVAL 1 DAY AND tx_hash < '08'`.execute(rig.db);
  }
}

async function killedWorkers(ground: Ground): Promise<number> {
  const { rig, environment, counts } = ground;
  let worker = rig.startWorker(environment);
  const kill = async (): Promise<void> => {
    await worker.kill();
    worker = rig.startWorker(environment);
  };
  await worker.ready();
  // a second fault on the same days meets the comparison
  for (let kills = 0; kills < counts.kills; kills += 2) await whileLoading(ground, kill, () => kill());
  await worker.stop();
  return counts.kills;
}

/** Every file of a round is damaged in another way; the attempt that meets it fails, the next finds it whole. */
async function damagedFiles(ground: Ground): Promise<number> {
  const { rig, environment, counts } = ground;
  const worker = rig.startWorker(environment);
  const total = counts.flips + counts.truncations;
  let met = 0;
  while (met < total) {
    const date = day(1 + ground.dates.length);
    ground.dates.push(date);
    for (const coin of coins.slice(0, total - met)) {
      const at = Math.random();
      const fault =
        met % 2 === 0 ? { flipBit: Math.floor(at * 4_000_000) } : { truncateTo: Math.floor(1 + at * 500_000) };
      // a look for the file, its size, the file
      rig.simulator.fault(`blockchair-dumps /${coin}/`, { ...fault, times: 3 });
      met += 1;
    }
    await ended(await rig.start('ingestBlockchair', input(date)));
    rig.simulator.clearFaults();
  }
  await worker.stop();
  return met;
}

async function killedDatabase(ground: Ground, database: MortalServer): Promise<number> {
  const { rig, environment, counts } = ground;
  const worker = rig.startWorker(environment);
  await worker.ready();
  for (let kill = 0; kill < counts.databaseKills; kill += 1) {
    await whileLoading(ground, async () => {
      await database.kill();
      await sleep(500);
      await database.restart();
    });
  }
  await worker.stop();
  return counts.databaseKills;
}

async function cutConnections(ground: Ground, cleanup: Cleanup): Promise<number> {
  const { rig, environment, counts } = ground;
  const proxy = await startCommitProxy(rig.databaseUrl);
  const closeProxy = cleanup.add(() => proxy.close());
  const atCommit = counts.cuts / 2;
  const behind = rig.startWorker({ ...environment, DATABASE_URL: proxy.url });
  for (let cut = 0; cut < atCommit; cut += 1) {
    proxy.cut({ when: cut % 2 === 0 ? 'answered' : 'asked', having: /^insert into `ingestion_files`/ });
    await whileLoading(ground, () => Promise.resolve());
  }
  if (proxy.left() > 0) throw new Error(`${proxy.left()} cuts at COMMIT did not happen`);
  await behind.stop();
  await closeProxy();

  const toxiproxy = await startToxiproxy(cleanup);
  if ('whyNot' in toxiproxy) {
    process.stderr.write(`cut at COMMIT only: ${toxiproxy.whyNot}\n`);
    return atCommit;
  }
  const way = await toxiproxy.between(rig.databaseUrl);
  const worker = rig.startWorker({ ...environment, DATABASE_URL: way.url });
  for (let cut = atCommit; cut < counts.cuts; cut += 1) {
    // upstream bytes are those of LOAD DATA
    const heal = await way.spoil({
      type: 'limit_data',
      stream: 'upstream',
      attributes: { bytes: Math.floor(50_000 + Math.random() * 1_500_000) },
    });
    await whileLoading(ground, async () => {
      await sleep(1_000);
      await heal();
    });
  }
  await worker.stop();
  return counts.cuts;
}

/** Compared with days that nothing happened to, of the same world. */
async function problemsOf({ rig, dates }: Ground, still: Ground): Promise<string[]> {
  const worker = still.rig.startWorker(still.environment);
  for (const date of dates.filter((each) => !still.dates.includes(each))) {
    await (await still.rig.start('ingestBlockchair', input(date))).result();
    still.dates.push(date);
  }
  await worker.stop();
  return [
    ...(dates.length === still.dates.length ? await rowProblems(rig.db, still.rig.db) : ['not the same dates']),
    ...(await ledgerProblems(rig.db)),
    ...(await rowPerRunProblems(rig.db, rig.client)),
  ];
}

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
import { mortalDatabase } from './faults/servers';
import { startToxiproxy } from './faults/toxiproxy';
import type { ProofTools } from './proof';

// Whole days while everything around them breaks. Every fault meets days of its own; at the end all of them must be equal,
// row by row, to those of a product that nothing happened to, and the log must have one ended row per run.

const whole = { kills: 20, databaseKills: 5, cuts: 10, flips: 50, truncations: 50 };
const small: typeof whole = { kills: 2, databaseKills: 1, cuts: 4, flips: 4, truncations: 4 };
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

export async function proveDumps({ say, cleanup, isSmall }: ProofTools) {
  const counts = isSmall ? small : whole;
  installLogger([], 'ERROR');
  const servers = await startServers('proof', cleanup, say);
  const temporalAddress = servers.temporal.address;
  const ground = await newGround(servers.database.url, temporalAddress, cleanup, counts);
  const still = await newGround(servers.database.url, temporalAddress, cleanup);
  const problems: string[] = [];
  const figures: Record<string, unknown> = { ...counts };
  const step = async (name: string, on: Ground, work: () => Promise<number>, beside = still) => {
    const from = Date.now();
    const met = await work();
    figures[`${name}Met`] = met;
    for (const problem of await problemsOf(on, beside)) problems.push(`${name}: ${problem}`);
    say(
      `${name.padEnd(14)} ${met} met, ${problems.length} problems so far, ${Math.round((Date.now() - from) / 1_000)} s`,
    );
  };

  await step('damaged', ground, () => damagedFiles(ground));
  await step('cuts', ground, () => cutConnections(ground, cleanup, say));
  await step('kills', ground, () => killedWorkers(ground));
  const database = await mortalDatabase({ cleanup, folder: `proof/dumps-${process.pid}` });
  const mortal = await newGround(database.address, temporalAddress, cleanup, counts);
  await step(
    'databaseKills',
    mortal,
    async () => {
      const worker = mortal.rig.startWorker(mortal.environment);
      await worker.ready();
      for (let kill = 0; kill < counts.databaseKills; kill += 1) {
        await whileLoading(mortal, async () => {
          await database.kill();
          await sleep(500);
          await database.restart();
        });
      }
      await worker.stop();
      return counts.databaseKills;
    },
    await newGround(servers.database.url, temporalAddress, cleanup),
  );
  return { figures, problems };
}

async function newGround(
  databaseServer: string,
  temporalAddress: string,
  cleanup: Cleanup,
  counts = whole,
): Promise<Ground> {
  const rig = await startRig({ databaseServer, temporalAddress, cleanup, simulator: world });
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

async function cutConnections(ground: Ground, cleanup: Cleanup, say: (line: string) => void): Promise<number> {
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
    say(`cut at COMMIT only: ${toxiproxy.whyNot}`);
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

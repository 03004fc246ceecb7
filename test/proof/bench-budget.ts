import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { Agent, request } from 'undici';
import { requestsPerMinute, waitForPermit, withLease } from '../../activities/budget';
import { NotYetTurn } from '../../activities/failures';
import type { Limits } from '../../activities/source';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import { setBudget } from '../../db/queries/source-budgets';
import { setLeases } from '../../db/queries/source-leases';
import type { Schema } from '../../db/schema';
import type { BenchTools } from './bench';
import { benchServer, makeDatabase } from './bench-database';

// Four worker processes take permits through activities/budget.ts and then ask a server on loopback, which notes when
// each request arrives: what counts is what the source sees. The database is the only thing that they share.

const processes = 4;
/** as many activities as a worker runs of one source */
const callersPerProcess = 10;

const rates: readonly { name: string; limits: Limits; windowMs: number; measureMs: number }[] = [
  { name: 'perMinute30', limits: { perMinute: 30 }, windowMs: 60_000, measureMs: 90_000 },
  { name: 'perSecond10', limits: { perSecond: 10 }, windowMs: 1_000, measureMs: 30_000 },
  { name: 'perSecond100', limits: { perSecond: 100 }, windowMs: 1_000, measureMs: 30_000 },
];

/** A holder that lives must keep its place beyond the 60 s of a lease, one that was killed must lose it then. */
const leaseWatchMs = 75_000;

interface Task {
  url: string;
  databaseUrl: string;
  source: string;
  limits: Limits;
  /** hold one lease instead of asking */
  holder?: string;
}

export async function benchBudget({ say, cleanup }: BenchTools) {
  const databaseUrl = await makeDatabase(await benchServer('bench', { say, cleanup }), cleanup);
  const { db, close } = openDatabase(databaseUrl, { poolSize: 4 });
  cleanup.add(close);
  await migrateToLatest(db);
  const version = (await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db)).rows[0]!.version;
  say(`budget    ${processes} processes × ${callersPerProcess} callers, database ${version}`);

  const problems: string[] = [];
  const figures: Record<string, unknown> = { database: version, processes, cores: availableParallelism() };
  // the slow ones need little of the machine: they run side by side
  const [first, ...others] = rates;
  const leases = measureLeases(db, databaseUrl, cleanup);
  const report = (rate: (typeof rates)[number], seen: Seen) => {
    const limit = rate.limits.perMinute ?? rate.limits.perSecond!;
    const share = seen.perWindow / limit;
    Object.assign(figures, {
      [`${rate.name}PerSecond`]: round(seen.perSecond, 3),
      [`${rate.name}Share`]: round(share, 3),
      [`${rate.name}MaxInWindow`]: seen.maxInWindow,
    });
    say(
      `${rate.name.padEnd(13)} ${seen.requests} requests, ${round(seen.perSecond, 2)}/s = ${round(100 * share, 1)} % of the limit, at most ${seen.maxInWindow} of ${limit} in any ${rate.windowMs / 1_000} s; load ${round(loadavg()[0]!, 1)}`,
    );
    if (seen.maxInWindow > limit) problems.push(`${rate.name}: ${seen.maxInWindow} in a window, ${limit} are allowed`);
    if (share < 0.8) problems.push(`${rate.name}: only ${round(100 * share, 1)} % of the limit is used`);
  };
  report(first!, await measureRate(db, databaseUrl, first!, cleanup));
  const held = await leases;
  Object.assign(figures, held);
  say(
    `leases        ${held.leaseOfDeadFreeAfterSeconds} s behind the last renewal of a killed holder its place was given on; a living one kept its own for ${leaseWatchMs / 1_000} s: ${held.leaseOfLivingKept ? 'yes' : 'no'}`,
  );
  if (!held.leaseOfLivingKept) problems.push('a living holder lost its lease');
  if (!(held.leaseOfDeadFreeAfterSeconds <= 66)) problems.push('the lease of a dead holder did not end in time');
  for (const rate of others) report(rate, await measureRate(db, databaseUrl, rate, cleanup));
  figures.load = round(loadavg()[0]!, 2);
  return { figures, problems };
}

interface Seen {
  requests: number;
  perSecond: number;
  /** the mean for the length of the window */
  perWindow: number;
  maxInWindow: number;
}

async function measureRate(
  db: Kysely<Schema>,
  databaseUrl: string,
  { name, limits, windowMs, measureMs }: (typeof rates)[number],
  cleanup: BenchTools['cleanup'],
): Promise<Seen> {
  await setBudget(db, { ...unlimited, source: name, requestsPerMinute: requestsPerMinute(limits) });
  const arrivals: number[] = [];
  const server = createServer((_request, response) => {
    arrivals.push(performance.now());
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const children = Array.from({ length: processes }, () => start({ url, databaseUrl, source: name, limits }, cleanup));
  await sleep(measureMs);
  await Promise.all(children.map((child) => child.stop()));
  server.closeAllConnections();
  server.close();
  const lastedMs = arrivals.at(-1)! - arrivals[0]!;
  const perMs = (arrivals.length - 1) / lastedMs;
  return {
    requests: arrivals.length,
    perSecond: perMs * 1_000,
    perWindow: perMs * windowMs,
    maxInWindow: mostInWindow(arrivals, windowMs),
  };
}

function mostInWindow(arrivals: readonly number[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [index, at] of arrivals.entries()) {
    while (arrivals[from]! <= at - windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/** Two sources with one connection each: the holder of one is killed, that of the other lives. */
async function measureLeases(db: Kysely<Schema>, databaseUrl: string, cleanup: BenchTools['cleanup']) {
  const limits: Limits = { connections: 1 };
  const [dead, living] = ['lease-of-dead', 'lease-of-living'].map((source) => {
    return { source, limits, holder: `${source}/1`, url: '', databaseUrl };
  }) as [Task, Task];
  for (const { source } of [dead, living]) await setLeases(db, source, 1);
  const children = [start(dead, cleanup), start(living, cleanup)] as const;
  const holderOf = async (source: string) =>
    (await db.selectFrom('source_leases').select('holder').where('source', '=', source).executeTakeFirst())?.holder;
  while ((await holderOf(dead.source)) === null || (await holderOf(living.source)) === null) await sleep(20);
  const from = performance.now();
  await children[0].kill();
  let freeAfterMs = Number.POSITIVE_INFINITY;
  let isKept = true;
  while (performance.now() - from < leaseWatchMs) {
    if (freeAfterMs === Number.POSITIVE_INFINITY && (await isFree(db, dead.source)))
      freeAfterMs = performance.now() - from;
    if (await isFree(db, living.source)) isKept = false;
    await sleep(200);
  }
  await children[1].stop();
  return { leaseOfDeadFreeAfterSeconds: round(freeAfterMs / 1_000, 1), leaseOfLivingKept: isKept };
}

async function isFree(db: Kysely<Schema>, source: string): Promise<boolean> {
  try {
    await withLease(db, { source, holder: 'next' }, undefined, async () => {});
    return true;
  } catch (error) {
    if (error instanceof NotYetTurn) return false;
    throw error;
  }
}

const unlimited = { dayQuota: null, monthQuota: null, maxConcurrency: null, liveReserve: 0, backfillReserve: 0 };

function start(task: Task, cleanup: BenchTools['cleanup']) {
  const child: ChildProcess = fork(__filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send(task);
  const ended = once(child, 'exit');
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  const stop = cleanup.add(() => end('SIGTERM'), child.pid);
  return { stop, kill: () => end('SIGKILL') };
}

/** One worker process. */
async function work({ url, databaseUrl, source, limits, holder }: Task): Promise<void> {
  const { db } = openDatabase(databaseUrl);
  if (holder !== undefined) return withLease(db, { source, holder }, undefined, () => new Promise(() => {}));
  const dispatcher = new Agent({ connections: 16 });
  const turn = { source, limits, cost: 1, budgetClass: 'live' as const };
  const caller = async (): Promise<never> => {
    for (;;) {
      try {
        await waitForPermit(db, turn);
        const { body } = await request(url, { dispatcher });
        await body.dump();
      } catch (error) {
        if (!(error instanceof NotYetTurn)) throw error;
        // as Temporal would, by activities/failure-interceptor.ts
        await sleep(error.waitMs * 1.02 + Math.random() * 1_000);
      }
    }
  };
  await Promise.all(Array.from({ length: callersPerProcess }, caller));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

if (require.main === module) {
  process.once('message', (task: Task) => void work(task));
  process.once('SIGTERM', () => process.exit(0));
  // an orphan would go on asking
  process.once('disconnect', () => process.exit(0));
}

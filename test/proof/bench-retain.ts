import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { retainFamily } from '../../activities/retention/family';
import { openDatabase } from '../../db/connect';
import { familyOf } from '../../db/families';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { upsertRows } from '../../db/upsert';
import { daysFrom, fillDetail } from '../retention/detail-rows';
import { retainUnchunked } from '../retention/unchunked';
import type { BenchTools } from './bench';
import { benchServer, makeDatabase } from './bench-database';

// A year of 15-minute rows of 50 assets becomes daily values: by retention, in a process of its own as in a worker, and
// by one unchunked statement; while either is at it, the 15-minute write goes on, as often as four times a second.

const family = familyOf('onchain_data');
const coins = Array.from({ length: 50 }, (_, index) => `coin-${String(index).padStart(2, '0')}`);
const [firstDay, dayCount, before] = ['2026-01-01', 365, '2027-01-01'] as const;
const writeEveryMs = 250;

interface Report {
  ms: number;
  chunks: number;
  longestMs: number;
  /** resident memory: the most, and the mean of the second and of the last tenth of the run */
  peakRssMb: number;
  earlyRssMb: number;
  lateRssMb: number;
}

export async function benchRetain({ say, cleanup }: BenchTools) {
  const server = await benchServer('bench', { say, cleanup });
  const [chunked, unchunked] = [await makeDatabase(server, cleanup), await makeDatabase(server, cleanup)];
  const days = daysFrom(firstDay, dayCount);
  const open = async (url: string) => {
    const database = openDatabase(url, { poolSize: 4 });
    cleanup.add(() => database.close());
    await migrateToLatest(database.db);
    return database.db;
  };
  const [db, plainDb] = [await open(chunked), await open(unchunked)];
  const version = (await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db)).rows[0]!.version;
  const rows = days.length * coins.length * 96;
  say(`retain    ${rows} rows of ${coins.length} assets, database ${version}`);
  for (const each of [plainDb, db]) {
    const startedAt = performance.now();
    await fillDetail(each, family, { coins, days });
    say(`filled    in ${seconds(performance.now() - startedAt)} s`);
  }

  await untilPurged(plainDb);
  const plain = await whileWriting(plainDb, async () => {
    const startedAt = performance.now();
    await retainUnchunked(plainDb, family, before);
    return performance.now() - startedAt;
  });
  say(
    `unchunked ${seconds(plain.result)} s, one transaction; writes meanwhile: p99 ${plain.p99Ms} ms of ${plain.writes}`,
  );
  await untilPurged(plainDb);
  const ours = await whileWriting(db, () => runChild(chunked));
  const report = ours.result;
  say(
    `chunked   ${seconds(report.ms)} s in ${report.chunks} transactions, longest ${report.longestMs} ms; writes meanwhile: p99 ${ours.p99Ms} ms of ${ours.writes}`,
  );

  const same = await countSame(db, chunked, unchunked);
  const figures = {
    database: version,
    rows,
    seconds: seconds(report.ms),
    unchunkedSeconds: seconds(plain.result),
    ratio: round(report.ms / plain.result, 2),
    chunks: report.chunks,
    longestTransactionMs: report.longestMs,
    writerP99Ms: ours.p99Ms,
    writerMaxMs: ours.maxMs,
    writes: ours.writes,
    unchunkedWriterP99Ms: plain.p99Ms,
    unchunkedWriterMaxMs: plain.maxMs,
    peakRssMb: report.peakRssMb,
    earlyRssMb: report.earlyRssMb,
    lateRssMb: report.lateRssMb,
    ...same,
    load: round(loadavg()[0]!, 2),
  };
  const problems = [
    ...(figures.ratio > 1.5 ? [`it takes ${figures.ratio} times as long as the unchunked statement`] : []),
    ...(figures.longestTransactionMs > 500 ? [`a transaction took ${figures.longestTransactionMs} ms`] : []),
    ...(figures.writerP99Ms > 100 ? [`p99 of a write meanwhile is ${figures.writerP99Ms} ms`] : []),
    ...(figures.lateRssMb > figures.earlyRssMb + 30 ? ['the memory of the worker grows'] : []),
    ...(same.equalValues === same.values && same.values > 0 ? [] : ['the two did not write the same values']),
  ];
  return { figures, problems };
}

/** The 15-minute write of all assets, at a fixed beat, while something else goes on. */
async function whileWriting<T>(db: Kysely<Schema>, work: () => Promise<T>) {
  const took: number[] = [];
  let isOver = false;
  const writer = (async () => {
    for (let slot = 0; !isOver; slot += 1) {
      const at = new Date(Date.parse(before) + slot * 15 * 60_000);
      const startedAt = performance.now();
      await db.transaction().execute((trx) =>
        upsertRows(trx, {
          table: family.detail,
          key: ['timestamp_iso', 'coin_id'],
          rows: coins.map((coin, index) => ({
            ...{ symbol: coin.toUpperCase(), coin_id: coin, timestamp_iso: at },
            ...Object.fromEntries(
              family.metrics.map((metric) => [metric, metric === 'data_quality_score' ? '0.9' : String(slot + index)]),
            ),
          })),
          logId: 1,
        }),
      );
      const ms = performance.now() - startedAt;
      took.push(ms);
      await sleep(Math.max(0, writeEveryMs - ms));
    }
  })();
  let result: T;
  try {
    result = await work();
  } finally {
    isOver = true;
    await writer;
  }
  const sorted = took.toSorted((one, other) => one - other);
  return {
    result,
    writes: took.length,
    p99Ms: round(sorted[Math.ceil(sorted.length * 0.99) - 1]!, 1),
    maxMs: round(sorted.at(-1)!, 1),
  };
}

/** What a run has deleted is cleared away in the background: the next one is measured without it. */
async function untilPurged(db: Kysely<Schema>): Promise<void> {
  const length = async () => {
    const { rows } = await sql<{ n: number }>`
      SELECT COUNT AS n FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'`.execute(db);
    return Number(rows[0]?.n ?? 0);
  };
  for (let waitedMs = 0; waitedMs < 180_000 && (await length()) > 1_000; waitedMs += 500) await sleep(500);
}

async function countSame(db: Kysely<Schema>, chunked: string, unchunked: string) {
  const [a, b] = [chunked, unchunked].map((url) => sql.id(new URL(url).pathname.slice(1), family.aggregated));
  const columns = ['sample_count', 'sum_val', 'min_val', 'max_val', 'first_val', 'first_at', 'last_val', 'last_at'];
  const equal = sql.join(
    columns.map((column) => sql`a.${sql.ref(column)} = b.${sql.ref(column)}`),
    sql` AND `,
  );
  const { rows } = await sql<{ values: number; equalValues: number }>`
    SELECT (SELECT COUNT(*) FROM ${b!}) AS ${sql.ref('values')}, (SELECT COUNT(*) FROM ${a!} a JOIN ${b!} b
      ON b.coin_id = a.coin_id AND b.metric = a.metric AND b.day = a.day AND ${equal}) AS equalValues`.execute(db);
  return { values: Number(rows[0]!.values), equalValues: Number(rows[0]!.equalValues) };
}

async function runChild(url: string): Promise<Report> {
  const child = fork(__filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send(url);
  const [report] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the process that runs retention has ended'))),
  ])) as [Report];
  return report;
}

/** The process of the worker: the work itself, and what it costs. */
async function work(url: string): Promise<Report> {
  const { db, close } = openDatabase(url);
  const [chunks, memory]: [number[], number[]] = [[], []];
  const startedAt = performance.now();
  await retainFamily({
    ...{ db, family, logId: 1, isTimeUp: () => false },
    cutoffs: { detail: before, aggregated: '2000-01-01', summary: '2000-01-01' },
    onChunk(ms) {
      chunks.push(ms);
      memory.push(process.memoryUsage.rss() / 1_048_576);
    },
  });
  const ms = performance.now() - startedAt;
  await close();
  const tenth = Math.floor(memory.length / 10);
  return {
    ...{ ms, chunks: chunks.length, longestMs: round(Math.max(...chunks), 1) },
    peakRssMb: round(Math.max(...memory), 1),
    ...{ earlyRssMb: round(mean(memory.slice(tenth, 2 * tenth)), 1), lateRssMb: round(mean(memory.slice(-tenth)), 1) },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function seconds(ms: number): number {
  return round(ms / 1_000, 1);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

if (require.main === module) {
  process.once('message', (url: string) => {
    work(url)
      .then((report) => process.send!(report, () => process.exit(0)))
      .catch((error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      });
  });
  process.once('disconnect', () => process.exit(0));
}

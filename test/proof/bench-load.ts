import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { sql, type Kysely } from 'kysely';
import { source as blockchair } from '../../activities/blockchair';
import { readDayFile, noTotals } from '../../activities/bulk/day-file';
import { unzipped } from '../../activities/bulk/load-day';
import { openDatabase } from '../../db/connect';
import { dayAfter } from '../../db/days';
import { infileQuery } from '../../db/dialect';
import { migrateToLatest } from '../../db/migrate';
import { ensureMonthPartition } from '../../db/partitions';
import type { Schema } from '../../db/schema';
import { prepareNamespace } from '../../workers/stack/namespace';
import { startServers, stateFolder } from '../../workers/stack/stack';
import { administer } from './faults/rig';
import { startWorkerProcess, type WorkerProcess } from './faults/worker-process';
import type { BenchTools } from './bench';
import { privateServerArgs } from './bench-database';
import { makeDumpFile, serveDumps, type DumpFile } from './load/dump-file';
import { preload } from './load/preload';

// A day of transactions through the product (server, worker process, workflow, database) beside the least that the same
// database needs for the same rows: LOAD DATA of the decompressed file into the same table. In turns, so that what else
// the machine does meets both.

/** Each round has a day of its own, from this one on: in the middle of a month, or where `--from` says. */
const firstDate = '2026-10-20';
/** Rows that are there beforehand are those of the days before, as many as Bitcoin has. */
const rowsPerDay = 500_000;
const bitcoin = { coinId: 'bitcoin', symbol: 'BTC', sourceId: 'bitcoin' };
const aims = { ratio: { MariaDB: 0.9, MySQL: 0.85 }, reloadRatio: 2, peakRssMb: 350, aboveIdleMb: 80 } as const;

export async function benchLoad({ say, cleanup, size }: BenchTools) {
  const rows = size.rows ?? 500_000;
  const dates = [size.from ?? firstDate];
  while (dates.length < (size.rounds ?? 3)) dates.push(dayAfter(dates.at(-1)!));
  const folder = path.join(stateFolder, 'bench', 'load');
  const files: DumpFile[] = [];
  for (const date of dates) files.push(await makeDumpFile(folder, date, rows));
  say(`files     of ${rows} rows, ${megabytes(files[0]!.gzip)} MB compressed`);
  const dumpsUrl = await serveDumps(files, cleanup);
  const servers = await startServers('bench', cleanup, say, privateServerArgs);

  const name = `bench_${randomBytes(4).toString('hex')}`;
  const url = new URL(servers.database.url);
  url.pathname = `/${name}`;
  await administer(servers.database.url, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  cleanup.add(() => administer(servers.database.url, `DROP DATABASE ${name}`));
  const database = openDatabase(url.href, { poolSize: 2 });
  cleanup.add(() => database.close());
  const { db } = database;
  await migrateToLatest(db);
  const days = Math.ceil((size.preload ?? 0) / rowsPerDay);
  for (const month of monthsOf(dates, days)) await ensureMonthPartition(db, 'raw_blockchain_transactions', month);
  await sql`CREATE TABLE plain LIKE raw_blockchain_transactions`.execute(db);
  const version = (await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db)).rows[0]!.version;
  const tables = ['raw_blockchain_transactions', 'plain'];
  if (size.preload) await preload(db, { tables, rows: size.preload, before: dates[0]!, days }, say);

  const connection = await Connection.connect({ address: servers.temporal.address });
  cleanup.add(() => connection.close());
  const namespace = name.replace('_', '-');
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('3 days') });
  await prepareNamespace(connection, namespace);
  const client = new Client({ connection, namespace });
  const spool = path.join(folder, `spool-${process.pid}`);
  cleanup.add(() => Promise.resolve(rmSync(spool, { recursive: true, force: true })));
  const worker = startWorkerProcess(
    {
      DATABASE_URL: url.href,
      TEMPORAL_ADDRESS: servers.temporal.address,
      TEMPORAL_NAMESPACE: namespace,
      BLOCKCHAIR_API_KEY: 'bench-key-of-blockchair',
      BLOCKCHAIR_MODE: 'dumps',
      BLOCKCHAIR_DUMPS_URL: dumpsUrl,
      CRYPTOFLOW_SPOOL_FOLDER: spool,
    },
    cleanup,
  );
  await worker.ready();
  await sleep(2_000);
  const idleRssMb = rss(worker, 'VmRSS');

  const seconds: { plain: number[]; load: number[]; reload: number[]; parse: number[] } = {
    plain: [],
    load: [],
    reload: [],
    parse: [],
  };
  for (const [index, file] of files.entries()) {
    if (!size.preload) for (const table of tables) await sql`TRUNCATE TABLE ${sql.table(table)}`.execute(db);
    seconds.plain.push(await loadPlain(db, file));
    seconds.load.push(await loadByWorkflow(client, file, 'inserted'));
    const loadPeakMb = rss(worker, 'VmHWM');
    seconds.reload.push(await loadByWorkflow(client, file, 'unchanged'));
    seconds.parse.push(await parse(file));
    const now = Object.entries(seconds).map(([what, values]) => `${what} ${values.at(-1)!.toFixed(2)} s`);
    say(
      `round ${index + 1} of ${files.length}, load ${loadavg()[0]!.toFixed(1)}: ${now.join(', ')}; peak RSS ${loadPeakMb} MB, with the reload ${rss(worker, 'VmHWM')} MB`,
    );
  }
  const peakRssMb = rss(worker, 'VmHWM');
  const rate = (values: readonly number[]): number => Math.round(rows / median(values));
  const figures = {
    rows,
    database: version,
    preloaded: size.preload ?? 0,
    cores: availableParallelism(),
    pipelineRowsPerSecond: rate(seconds.load),
    loadDataRowsPerSecond: rate(seconds.plain),
    parseRowsPerSecond: rate(seconds.parse),
    reloadRowsPerSecond: rate(seconds.reload),
    idleRssMb,
    peakRssMb,
    ratio: round2(median(seconds.plain) / median(seconds.load)),
    reloadRatio: round2(median(seconds.plain) / median(seconds.reload)),
    load: round2(loadavg()[0]!),
  };
  return { figures, problems: beyondAims(figures) };
}

function beyondAims({
  database,
  ratio,
  reloadRatio,
  peakRssMb,
  idleRssMb,
}: {
  database: string;
  ratio: number;
  reloadRatio: number;
  peakRssMb: number;
  idleRssMb: number;
}): string[] {
  const least = /MariaDB/i.test(database) ? aims.ratio.MariaDB : aims.ratio.MySQL;
  return [
    ...(ratio < least ? [`ratio ${ratio}, at least ${least} is wanted`] : []),
    ...(reloadRatio < aims.reloadRatio ? [`reloadRatio ${reloadRatio}, at least ${aims.reloadRatio} is wanted`] : []),
    ...(peakRssMb > aims.peakRssMb ? [`peak RSS ${peakRssMb} MB`] : []),
    ...(peakRssMb - idleRssMb > aims.aboveIdleMb
      ? [`peak RSS ${Math.round(peakRssMb - idleRssMb)} MB above idle`]
      : []),
  ];
}

/** Seconds of the one activity that downloads, loads and verifies, as the server saw them. */
async function loadByWorkflow(client: Client, { date, rows }: DumpFile, as: 'inserted' | 'unchanged'): Promise<number> {
  const dataset = 'blockchair.transactions';
  const handle = await client.workflow.start('ingestDataset', {
    taskQueue: 'cryptoflow',
    workflowId: `ingest/${dataset}/bitcoin/${date}`,
    args: [{ dataset, coin: 'bitcoin', date }],
  });
  const result = (await handle.result()) as { status: string; counts: Record<string, number> };
  if (result.status !== 'success' || result.counts[as] !== rows)
    throw new Error(`the run did not do what is measured: ${JSON.stringify(result)}`);
  const { events = [] } = await handle.fetchHistory();
  const scheduled = events!.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'loadFile',
  )!;
  const started = events!.find((event) =>
    event.activityTaskStartedEventAttributes?.scheduledEventId?.equals(scheduled.eventId!),
  )!;
  const ended = events!.find((event) =>
    event.activityTaskCompletedEventAttributes?.scheduledEventId?.equals(scheduled.eventId!),
  )!;
  return timeOf(ended.eventTime!) - timeOf(started.eventTime!);
}

function timeOf({ seconds, nanos }: { seconds?: unknown; nanos?: number | null }): number {
  return Number(String(seconds)) + (nanos ?? 0) / 1e9;
}

/** The columns that the table has, straight from the decompressed file. */
async function loadPlain(db: Kysely<Schema>, file: DumpFile): Promise<number> {
  const statement = `LOAD DATA LOCAL INFILE 'plain' INTO TABLE plain CHARACTER SET ascii
    FIELDS TERMINATED BY '\\t' ESCAPED BY '' LINES TERMINATED BY '\\n' IGNORE 1 LINES
    (block_id, tx_hash, tx_time, size_bytes, @w, @v, @l, is_coinbase, @h, input_count, output_count, @i, @iu,
    output_total_native, output_total_usd, fee_native, fee_usd, @k, @ku, @q, @qu, @c) SET coin_symbol = 'BTC', log_id = 1`;
  const from = performance.now();
  await db.executeQuery(infileQuery(statement, () => createReadStream(file.plain, { highWaterMark: 256 * 1024 })));
  return (performance.now() - from) / 1_000;
}

/** Gunzip, parse, validate, sort: everything but the network and the database. */
async function parse(file: DumpFile): Promise<number> {
  const totals = noTotals();
  const bulk = blockchair.datasets.transactions.bulk;
  const from = performance.now();
  const chunks = unzipped(file.gzip, new AbortController().signal, () => undefined);
  const format = { bulk, coin: bitcoin, date: file.date, keyColumns: 3 };
  for await (const batch of readDayFile(chunks, format, totals)) void batch;
  if (totals.rows !== file.rows || totals.rejects.length > 0) throw new Error(`read ${totals.rows} rows`);
  return (performance.now() - from) / 1_000;
}

/** The months of dates and of so many days before the first of them. */
function monthsOf(dates: readonly string[], days: number): Set<string> {
  const first = Date.parse(dates[0]!);
  const before = Array.from({ length: days }, (_, back) => new Date(first - back * 86_400_000).toISOString());
  return new Set([...before, ...dates].map((date) => date.slice(0, 7)));
}

function rss({ pid }: WorkerProcess, field: 'VmRSS' | 'VmHWM'): number {
  const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1024);
}

function megabytes(file: string): number {
  return Math.round(readFileSync(file).length / 1e6);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function round2(value: number): number {
  return Number(value.toFixed(2));
}

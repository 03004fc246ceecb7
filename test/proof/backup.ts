import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { sql, type Kysely } from 'kysely';
import { drillBackup } from '../../activities/backup/drill';
import { createFolderStore } from '../../activities/backup/folder-store';
import { makeBackup } from '../../activities/backup/make';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import { noteChangedUnits, unitsOf } from '../../db/queries/changed-units';
import type { Schema } from '../../db/schema';
import { upsertRows } from '../../db/upsert';
import { databaseOpener } from '../../workers/context';
import { startServers } from '../../workers/stack/stack';
import { damageEach, verdictOn } from '../backup/damage';
import { mountSmallDisk } from '../backup/small-disk';
import type { ProofTools } from './proof';

const millionRows = 1_000_000;
const signal = new AbortController().signal;

/** A million rows there and back, 200 damages, a full disk, and what a mark costs a page. DATABASE_URL: on that server. */
export async function proveBackup({ say, cleanup }: ProofTools) {
  const servers = await startServers('backup-proof', cleanup, say);
  const name = `backup_proof_${randomBytes(4).toString('hex')}`;
  const open = databaseOpener({ databaseUrl: servers.database.url });
  const administer = async (statement: string) => {
    const server = open('information_schema');
    try {
      await server.pool.query(statement);
    } finally {
      await server.close();
    }
  };
  await administer(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  cleanup.add(() => administer(`DROP DATABASE ${name}`));
  const databaseUrl = new URL(servers.database.url);
  databaseUrl.pathname = `/${name}`;
  const database = openDatabase(databaseUrl.href);
  cleanup.add(() => database.close());
  const { db } = database;
  await migrateToLatest(db);
  const folder = mkdtempSync(path.join(tmpdir(), 'cryptoflow-backup-proof-'));
  cleanup.add(async () => rmSync(folder, { recursive: true, force: true }));
  const store = createFolderStore(folder);
  const openHere = databaseOpener({ databaseUrl: databaseUrl.href });
  let logId = 0;
  const backup = (kind: 'full' | 'incremental', to = store) =>
    makeBackup({ db, openDatabase: openHere, redact: (text) => text }, to, { kind, logId: (logId += 1) }, signal);
  const problems: string[] = [];

  // before there is much in memory: a small backup, damaged in every way
  const small = await backup('full');
  const damages = await damageEach(store, small.id, 100);
  const unnoticed = damages.filter(({ found }) => found === undefined);
  say(`damage    ${damages.length - unnoticed.length} of ${damages.length} found`);
  problems.push(...unnoticed.map(({ what }) => `not found: ${what}`));

  const disk = await proveFullDisk(db, backup);
  say(`disk      ${disk ?? 'full: failed clearly, nothing else touched, the next one good'}`);
  if (disk !== undefined) problems.push(disk);

  const mark = await costOfMark(db);
  say(`mark      ${mark.toFixed(2)} ms more for a page of 100 rows`);

  await insertMillion(db, say);
  const beforeMb = process.resourceUsage().maxRSS / 1024;
  const full = await timed(() => backup('full'));
  say(`backup    ${full.value.rows} rows, ${(full.value.sizeBytes / 1e6).toFixed(1)} MB, ${full.ms} ms`);
  const drill = await timed(() =>
    drillBackup({ store, open: openHere, database: `${name}_drill`, id: full.value.id, signal }),
  );
  say(`drill     ${drill.value.rows} rows equal, ${drill.ms} ms`);
  if (drill.value.rows !== full.value.rows) problems.push('the drill counted other rows than the backup');
  const verified = await timed(() => verdictOn(store, full.value.id));
  if (verified.value !== undefined) problems.push(verified.value);
  const figures = {
    server: full.value.id && servers.database.url.split('@').at(-1),
    damagesFound: damages.length - unnoticed.length,
    damages: damages.length,
    markMsPerPage: Number(mark.toFixed(2)),
    rows: full.value.rows,
    sizeMb: Number((full.value.sizeBytes / 1e6).toFixed(1)),
    backupMs: full.ms,
    drillMs: drill.ms,
    verifyMs: verified.ms,
    rssBeforeMb: Math.round(beforeMb),
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    load: Number(loadavg()[0]!.toFixed(1)),
  };
  return { figures, problems };
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const from = performance.now();
  const value = await work();
  return { value, ms: Math.round(performance.now() - from) };
}

async function insertMillion(db: Kysely<Schema>, say: (line: string) => void): Promise<void> {
  const step = 50_000;
  for (let from = 0; from < millionRows; from += step) {
    await sql`INSERT INTO raw_blockchain_transactions (coin_symbol, block_id, tx_hash, tx_time, fee_usd, output_total_usd,
        fee_native, output_total_native, input_count, output_count, size_bytes, is_coinbase, log_id)
      WITH RECURSIVE digits (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digits WHERE d < 9)
      SELECT 'BTC', 900000 + n DIV 2500, SHA2(n, 256), '2026-11-01' + INTERVAL n DIV 2500 * 600 SECOND, n / 7, n / 3,
        n * 13, n * 1000003, n % 5, n % 7, 200 + n % 300, n % 2500 = 0, 1
      FROM (SELECT ${from} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n
        FROM digits a, digits b, digits c, digits e, digits f WHERE f.d < ${step / 10_000}) numbers`.execute(db);
  }
  say(`rows      ${millionRows} transactions are there`);
}

/** Pages of 100 rows with and without the mark in turn; the difference of the medians. */
async function costOfMark(db: Kysely<Schema>): Promise<number> {
  const page = (number: number) =>
    Array.from({ length: 100 }, (_, index) => ({
      ...{ coin_symbol: 'LTC', block_id: number, tx_hash: `h${number}-${index}`, tx_time: '2026-10-05 00:00:00' },
      ...{ fee_usd: '1.5', output_total_usd: '2.5', input_count: 1, output_count: 2, size_bytes: 250 },
    }));
  const table = 'raw_blockchain_transactions';
  const key = ['coin_symbol', 'block_id', 'tx_hash', 'tx_time'];
  const times: Record<'with' | 'without', number[]> = { with: [], without: [] };
  for (let number = 0; number < 400; number += 1) {
    const kind = number % 2 === 0 ? 'with' : 'without';
    const rows = page(number);
    const { ms } = await timedExactly(() =>
      db.transaction().execute(async (trx) => {
        await upsertRows(trx, { table, key, rows, logId: 1 });
        if (kind === 'with') await noteChangedUnits(trx, unitsOf(table, rows));
      }),
    );
    times[kind].push(ms);
  }
  return median(times.with) - median(times.without);
}

async function timedExactly(work: () => Promise<unknown>): Promise<{ ms: number }> {
  const from = performance.now();
  await work();
  return { ms: performance.now() - from };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

/** What is not as it should be; undefined: all is. */
async function proveFullDisk(
  db: Kysely<Schema>,
  backup: (
    kind: 'full' | 'incremental',
    store: ReturnType<typeof createFolderStore>,
  ) => Promise<{ id: string; kind: string }>,
): Promise<string | undefined> {
  const disk = mountSmallDisk(1);
  if (!disk) return 'not tried: no disk can be mounted here';
  try {
    const store = createFolderStore(path.join(disk.folder, 'backups'));
    const first = await backup('full', store);
    await db
      .insertInto('rejected_records')
      .values(
        Array.from({ length: 30 }, () => ({
          ...{ log_id: 1, source: 'proof', data_type: 'blocks', reason: 'none' },
          raw: randomBytes(48_000).toString('base64'),
        })),
      )
      .execute();
    const failed = await backup('full', store).then(
      () => 'the backup did not fail',
      (error: NodeJS.ErrnoException) => (error.code === 'ENOSPC' ? undefined : `it failed with ${error.message}`),
    );
    if (failed !== undefined) return failed;
    if ((await store.list()).join() !== first.id) return 'not only the first backup is left';
    disk.resize(20);
    const next = await backup('incremental', store);
    return next.kind === 'incremental' ? await verdictOn(store, next.id) : 'the next one is no incremental one';
  } finally {
    disk.unmount();
  }
}

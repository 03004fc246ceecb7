import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { sql, type Kysely } from 'kysely';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { findDatabase } from '../../workers/stack/database';
import { fullReads, planOf, shownQueries } from '../db/plans';
import type { ProofTools } from './proof';

// What `cli show` asks, on a year of quarter-hours of 50 assets: 1.75 million rows in each of the two tables. The plans
// of a smaller table are in test/db/views.test.ts.

const assets = 50;
const slots = 365 * 96;
const slotsAtOnce = 3_504;

/** Slower than this, and a person waits. */
const slowMs = 2_000;

export async function proveViews({ say, cleanup }: ProofTools) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cryptoflow-views-'));
  cleanup.add(async () => rmSync(folder, { recursive: true, force: true }));
  const [dataDir, ownTmp] = [path.join(folder, 'data'), path.join(folder, 'tmp')];
  mkdirSync(ownTmp);
  const own = await findDatabase({
    ...{ dataDir, interactive: false, commandPath: process.env.PATH ?? '', say, cleanup },
    // a MariaDB that starts deletes the temporary tables that it finds in a shared folder, others' too
    extraServerArgs: [
      ...['--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=512M', `--tmpdir=${ownTmp}`],
    ],
  });
  const further = (process.env.TEST_DATABASE_URLS ?? '').split(',').filter(Boolean);
  const servers = [];
  const problems: string[] = [];
  for (const url of [own.url, ...further]) {
    const found = await measure(url, say, cleanup);
    servers.push(found.figures);
    problems.push(...found.problems);
  }
  return { figures: { rows: assets * slots, servers }, problems };
}

async function measure(serverUrl: string, say: ProofTools['say'], cleanup: ProofTools['cleanup']) {
  const name = `views_${randomBytes(4).toString('hex')}`;
  const server = openDatabase(serverUrl, { poolSize: 1 });
  await server.pool.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const { db, close } = openDatabase(url.href);
  const drop = cleanup.add(async () => {
    await close();
    await server.pool.query(`DROP DATABASE ${name}`);
    await server.close();
  });
  await migrateToLatest(db);
  const { rows: versions } = await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db);
  const version = versions[0]!.version;
  const began = performance.now();
  await fill(db);
  say(`${version}: filled in ${Math.round((performance.now() - began) / 1_000)} s`);

  const problems: string[] = [];
  const queries: Record<string, number> = {};
  for (const [what, query, { months }] of shownQueries) {
    const full = fullReads(await planOf(db, query), months);
    for (const { table } of full) problems.push(`${version}: ${what} reads all of ${table}`);
    const start = performance.now();
    await query.execute(db);
    const ms = Math.round(performance.now() - start);
    queries[what] = ms;
    if (ms > slowMs) problems.push(`${version}: ${what} took ${ms} ms`);
    say(`${version}: ${what}  ${ms} ms`);
  }
  await drop();
  return { figures: { version, queries }, problems };
}

async function fill(db: Kysely<Schema>): Promise<void> {
  // slots back from now, in the order in which they would have come
  for (let from = slots; from > 0; from -= slotsAtOnce) {
    await sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, active_addresses, transaction_count, transaction_volume,
        block_height, circulating_supply, total_supply, total_value_locked, data_source, data_quality_score, log_id)
      WITH digits (i) AS (SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL
          SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9),
        ages (n) AS (SELECT ${sql.lit(from)} - (a.i * 1000 + b.i * 100 + c.i * 10 + d.i) FROM digits a, digits b, digits c, digits d)
      SELECT asset.symbol, asset.coin_id, FROM_UNIXTIME(FLOOR(UNIX_TIMESTAMP() / 900) * 900) - INTERVAL 15 * n MINUTE,
        600000 - n, 400000 - n % 1000, 8000000 + n, 900000 - n, 19000000, 19500000, 100000000 + n, 'coingecko,coinmetrics',
        IF(n % 2, 0.95, 0.75), 1
      FROM ages CROSS JOIN (SELECT symbol, coin_id FROM crypto_assets ORDER BY coin_id LIMIT ${sql.lit(assets)}) asset
      WHERE n > ${sql.lit(from - slotsAtOnce)} ORDER BY n DESC`.execute(db);
  }
  await sql`INSERT INTO crypto_sentiment_data (symbol, coin_id, timestamp_iso, reddit_subscribers, data_quality_score, log_id)
    SELECT symbol, coin_id, timestamp_iso, transaction_count, data_quality_score, 1 FROM onchain_data ORDER BY id`.execute(
    db,
  );
  for (const table of ['onchain_data', 'crypto_sentiment_data']) await sql.raw(`ANALYZE TABLE ${table}`).execute(db);
}

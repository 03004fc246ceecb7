import { Client, Connection } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import type { ActivityDeps } from '../../activities/deps';
import { createRedact } from '../../activities/failures';
import { createHealthActivities } from '../../activities/health';
import { createAgent } from '../../activities/http';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { databaseOpener } from '../../workers/context';
import { databases, freshDatabase } from '../databases';
import { freshNamespace, temporalAddress } from '../product';

const dayMs = 86_400_000;
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
/** the UTC day `ago` days before today */
const day = (ago: number) => new Date(midnight - ago * dayMs).toISOString().slice(0, 10);
const noon = `${day(0)}T12:00:00Z`;
const secret = 'key-that-nobody-may-see';

let connection: Connection;
let client: Client;
beforeAll(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
  client = new Client({ connection, namespace: await freshNamespace(connection) });
});
afterAll(async () => connection.close());

describe.each(databases())('health on $name', (server) => {
  let db: Kysely<Schema>;
  let deps: ActivityDeps;
  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    await migrateToLatest(db);
    const config = readConfig({ DATABASE_URL: database.url });
    const { sources, settings } = config;
    const openDatabase = databaseOpener(config);
    deps = { db, openDatabase, client, agent: createAgent(), sources, settings, redact: createRedact([secret]) };
  });
  afterAll(async () => deps.agent.close());
  beforeEach(async () => {
    const tables = ['data_ingestion_logs', 'source_budgets', 'raw_blockchain_blocks', 'raw_blockchain_transactions'];
    tables.push('raw_market_prices_volumes', 'onchain_data', 'crypto_sentiment_data');
    for (const table of tables) await sql`DELETE FROM ${sql.table(table)}`.execute(db);
    await sql`UPDATE coin_metadata SET ingestion_enabled = (symbol IN ('BTC', 'DOGE')), created_at = ${day(100)}`.execute(
      db,
    );
  });

  const report = (now = noon, more: Partial<ActivityDeps> = {}) =>
    createHealthActivities({ ...deps, ...more }).checkHealth({ now });
  const check = async (name: string, now?: string, more?: Partial<ActivityDeps>) => {
    const { status, message } = (await report(now, more)).checks.find((each) => each.name === name)!;
    return `${status}: ${message}`;
  };

  /** A row of the log, of now. */
  async function log(dataset: string, coinId: string, date: string, status: string, message: string | null = null) {
    const [source, dataType] = dataset.split('.');
    const key = `${dataset}/${coinId}/${date}`;
    const errorType = status === 'failed' ? 'Unavailable' : null;
    await sql`INSERT INTO data_ingestion_logs (source, data_type, coin_id, target_date, run_key, status, started_at, error_type,
        error_message, workflow_id, first_execution_run_id, run_id, triggered_by)
      VALUES (${source}, ${dataType}, ${coinId}, ${date}, ${key}, ${status}, UTC_TIMESTAMP(6), ${errorType},
        ${message}, ${`ingest/${key}`}, UUID(), UUID(), 'test')`.execute(db);
  }
  const daily = ['blockchair.blocks', 'blockchair.transactions', 'blockchair.addresses', 'coingecko.prices'];
  const logAll = async (date: string, datasets = daily) => {
    for (const dataset of datasets)
      for (const coin of ['bitcoin', 'dogecoin']) await log(dataset, coin, date, 'success');
  };
  const block = (height: number, time: string, symbol = 'BTC') =>
    sql`INSERT INTO raw_blockchain_blocks (coin_symbol, block_id, block_hash, block_time, log_id)
      VALUES (${symbol}, ${height}, ${`h${height}`}, ${time}, 1)`.execute(db);
  const transaction = (height: number, time: string, symbol = 'BTC') =>
    sql`INSERT INTO raw_blockchain_transactions (coin_symbol, block_id, tx_hash, tx_time, log_id)
      VALUES (${symbol}, ${height}, ${`t${height}`}, ${time}, 1)`.execute(db);
  const price = (coinId: string, date: string, usd: string) =>
    sql`INSERT INTO raw_market_prices_volumes (coin_id, price_date, price_usd, log_id) VALUES (${coinId}, ${date}, ${usd}, 1)`.execute(
      db,
    );
  const budget = (source: string) =>
    sql`INSERT INTO source_budgets (source, requests_per_minute) VALUES (${source}, 30)`.execute(db);

  test('a database without any run is critical, and says what to do', async () => {
    const { status, checks, problems } = await report();
    expect(status).toBe('critical');
    expect(problems).toContain(
      'critical: freshness: no run was ever logged: nothing is ingested yet. Start it: npm run cli -- run dailyIngestion --wait (or Start Workflow dailyIngestion in the Temporal UI)',
    );
    expect(checks.map(({ name, status: found }) => `${name} ${found}`)).toEqual([
      'lost runs ok',
      'partitions ok',
      'freshness critical',
      'gaps in dates ok',
      'empty days ok',
      'blocks ok',
      'transactions ok',
      'prices ok',
      'slots ok',
      'gaps in slots ok',
      'on-chain values ok',
      'quality ok',
      'conflicts ok',
      'recent runs ok',
      'sources ok',
      'schedules warning',
      'table sizes ok',
    ]);
    expect(checks.find(({ name }) => name === 'quality')!.message).toBe('not collected yet');
    expect(checks.at(-1)!.message).toMatch(/^\w+ [\d.]+ MB \(about \d+ rows\), /);
  });

  describe('freshness', () => {
    test('yesterday is due at 06:00, the day before until then', async () => {
      await logAll(day(2));
      await log('blockchair.addresses', 'bitcoin', day(2), 'skipped', 'no addresses are watched');
      expect(await check('freshness', `${day(0)}T05:59:59Z`)).toBe(
        `ok: ${day(2)} is there: blockchair.blocks of bitcoin, dogecoin; blockchair.transactions of bitcoin, dogecoin; blockchair.addresses of bitcoin, dogecoin; coingecko.prices of bitcoin, dogecoin`,
      );
      expect(await check('freshness', `${day(0)}T06:00:00Z`)).toMatch(
        `warning: ${day(1)} is missing: blockchair.blocks of bitcoin, dogecoin; `,
      );
    });

    test('a run that waits for its file is under way; the day before it must be there', async () => {
      await logAll(day(2));
      await logAll(day(1), daily.slice(1));
      for (const coin of ['bitcoin', 'dogecoin']) await log('blockchair.blocks', coin, day(1), 'running');
      expect(await check('freshness')).toMatch(
        /^ok: .* is there: blockchair.transactions of .*\. under way: blockchair.blocks of bitcoin, dogecoin$/,
      );
      await sql`DELETE FROM data_ingestion_logs WHERE target_date = ${day(2)}`.execute(db);
      await logAll(day(3));
      expect(await check('freshness')).toMatch(
        `warning: ${day(1)} is missing: blockchair.blocks of bitcoin, dogecoin; `,
      );
    });

    test('what is late is named with the first reason and the backfill that mends it', async () => {
      await logAll(day(3));
      await logAll(day(1), daily.slice(1));
      await log('blockchair.blocks', 'dogecoin', day(1), 'success');
      await log('blockchair.blocks', 'bitcoin', day(1), 'failed', `blockchair 503\n on /blocks?key=${secret}`);
      expect(await check('freshness')).toBe(
        `warning: ${day(1)} is missing: blockchair.blocks of bitcoin; the oldest ends on ${day(3)}; the first is failed: blockchair 503 on /blocks?key=***. ` +
          `Mend it: start backfill {"from":"${day(2)}","to":"${day(1)}","coins":["bitcoin"],"datasets":["blockchair.blocks"]}`,
      );
    });

    test('skipped and partial runs are said, and are not late', async () => {
      await logAll(day(1), daily.slice(0, 1));
      await log('blockchair.transactions', 'bitcoin', day(1), 'success');
      await log('blockchair.transactions', 'dogecoin', day(1), 'partial', '500 of 900 rows of the day are here');
      for (const coin of ['bitcoin', 'dogecoin']) {
        await log('blockchair.addresses', coin, day(1), 'skipped', 'no addresses are watched');
        await log('coingecko.prices', coin, day(1), 'success');
      }
      expect(await check('freshness')).toMatch(
        /^ok: .*\. skipped: blockchair.addresses of bitcoin, dogecoin \(no addresses are watched\)\. only in part: blockchair.transactions of dogecoin \(500 of 900 rows of the day are here\)$/,
      );
    });

    test('empty where rows are expected is critical, unless the coin is new', async () => {
      await logAll(day(1));
      await sql`UPDATE coin_metadata SET ingestion_enabled = 1, created_at = ${noon.slice(0, 10)} WHERE symbol = 'ETH'`.execute(
        db,
      );
      expect(await check('freshness')).toMatch(/^ok: .*not due yet: blockchair.blocks of ethereum; /);
      await sql`UPDATE coin_metadata SET created_at = ${day(1)} WHERE symbol = 'ETH'`.execute(db);
      expect(await check('freshness')).toBe(
        `critical: nothing in 60 days, though ${day(1)} is due: ${daily.map((dataset) => `${dataset} of ethereum`).join('; ')}; ` +
          'it was not even tried: see the schedule daily-ingestion and whether a worker runs. ' +
          `Mend it: start backfill ${JSON.stringify({ from: day(1), to: day(1), coins: ['ethereum'], datasets: daily })}`,
      );
    });
  });

  test('gaps between dates that are there', async () => {
    for (const ago of [9, 8, 4, 1]) await log('coingecko.prices', 'bitcoin', day(ago), 'success');
    await log('coingecko.prices', 'bitcoin', day(7), 'failed');
    await log('coingecko.prices', 'bitcoin', day(5), 'skipped');
    await log('coingecko.prices', 'bitcoin', day(3), 'partial');
    await log('coingecko.prices', 'bitcoin', day(2), 'running');
    // only the present is known of addresses
    for (const ago of [9, 1]) await log('blockchair.addresses', 'bitcoin', day(ago), 'success');
    expect(await check('gaps in dates')).toBe(
      `warning: dates missing between others that are there: coingecko.prices bitcoin ${day(7)}, coingecko.prices bitcoin ${day(6)}. ` +
        `Mend it: start backfill {"from":"${day(7)}","to":"${day(6)}","coins":["bitcoin"],"datasets":["coingecko.prices"]}`,
    );
  });

  test('a success whose table has no row of that day', async () => {
    for (const ago of [2, 1]) for (const dataset of daily) await log(dataset, 'bitcoin', day(ago), 'success');
    for (const ago of [2, 1]) await block(10 - ago, `${day(ago)} 00:00:00`);
    await transaction(8, `${day(2)} 23:59:59.999`);
    for (const ago of [2, 1]) await price('bitcoin', day(ago), '1');
    expect(await check('empty days')).toBe(
      `critical: the log says success but the table has no row: blockchair.transactions bitcoin ${day(1)}. ` +
        `Fetch again: start dailyIngestion {"date":"${day(1)}","coins":["bitcoin"],"datasets":["blockchair.transactions"]}`,
    );
    await transaction(9, `${day(1)} 00:00:00`);
    expect(await check('empty days')).toBe('ok: 6 successes of 7 days have their rows');
  });

  test('heights without a block, in days that are complete', async () => {
    for (const ago of [4, 3, 2]) await log('blockchair.blocks', 'bitcoin', day(ago), 'success');
    for (const height of [1, 2, 3]) await block(height, `${day(4)} 0${height}:00:00`);
    // 5 belongs to the day before it, by its time
    await block(4, `${day(3)} 00:00:05`);
    await block(5, `${day(4)} 23:59:58`);
    await block(6, `${day(3)} 12:00:00`);
    expect(await check('blocks')).toMatch(/^ok: no height is missing/);
    await block(9, `${day(3)} 12:30:00`);
    // 10 may lie in the day after, which is not there yet
    await block(11, `${day(2)} 23:30:00`);
    const found = `warning: heights without a block: bitcoin 7 to 8 (${day(3)}). Fetch again: start dailyIngestion {"date":"${day(3)}","coins":["bitcoin"],"datasets":["blockchair.blocks"]}`;
    expect(await check('blocks')).toBe(found);
    await log('blockchair.blocks', 'bitcoin', day(1), 'success');
    expect(await check('blocks')).toMatch(`bitcoin 7 to 8 (${day(3)}), bitcoin 10 (${day(3)}). Fetch`);
    await sql`UPDATE data_ingestion_logs SET status = 'partial' WHERE target_date = ${day(3)}`.execute(db);
    expect(await check('blocks')).toMatch(/^ok/);
  });

  test('transactions whose block is not there', async () => {
    const orphans = (...which: string[]) =>
      `warning: transactions whose block is not there: ${which.join(', ')}. Fetch the blocks: start dailyIngestion {"date":"${day(2)}","coins":["bitcoin"],"datasets":["blockchair.blocks"]}`;
    for (const height of [1, 4]) await block(height, `${day(2)} 0${height}:00:00`);
    for (const height of [1, 4]) await transaction(height, `${day(2)} 0${height}:00:00`);
    expect(await check('transactions')).toBe('ok: all of 3 days have their block');
    await transaction(3, `${day(2)} 03:00:00`);
    await transaction(9, `${day(1)} 09:00:00`);
    expect(await check('transactions')).toBe(orphans(`bitcoin 3 (${day(2)})`, `bitcoin 9 (${day(1)})`));
    await log('blockchair.blocks', 'bitcoin', day(1), 'running');
    expect(await check('transactions')).toBe(orphans(`bitcoin 3 (${day(2)})`));
    await sql`DELETE FROM raw_blockchain_blocks`.execute(db);
    expect(await check('transactions')).toBe(
      orphans(`bitcoin 1 (${day(2)})`, `bitcoin 3 (${day(2)})`, `bitcoin 4 (${day(2)})`),
    );
  });

  test('prices that cannot be', async () => {
    await price('bitcoin', day(0), '0.000000000001');
    expect(await check('prices')).toMatch(/^ok/);
    await price('bitcoin', day(1), '0');
    await price('dogecoin', day(-1), '0.1');
    expect(await check('prices')).toMatch(
      `critical: prices that cannot be: bitcoin ${day(1)} 0 USD, dogecoin ${day(-1)} 0.1 USD. See which run`,
    );
  });

  test('partitions are made ahead; rows outside all months are told', async () => {
    expect(await check('partitions', '2029-11-30T00:00:00Z')).toMatch(
      /^ok: made crypto_sentiment_data.p202911, crypto_sentiment_data.p202912, crypto_sentiment_data.p203001 and 13 more$/,
    );
    expect(await check('partitions', '2029-11-30T00:00:00Z')).toBe('ok: there for 3 months ahead');
    await transaction(1, '2025-01-01 00:00:00');
    expect(await check('partitions')).toMatch(
      /^warning: rows outside every month: raw_blockchain_transactions.p_before; .* SELECT \* FROM raw_blockchain_transactions PARTITION \(p_before\) LIMIT 10/,
    );
  });

  test('recent runs: what failed and was not mended', async () => {
    expect(await check('recent runs')).toBe('ok: 24 h: no run; last hour: 0');
    await log('coingecko.prices', 'bitcoin', day(1), 'failed', 'coingecko 503');
    await log('coingecko.prices', 'bitcoin', day(1), 'success');
    expect(await check('recent runs')).toBe('ok: 24 h: 1 success, 1 failed; last hour: 2');
    for (const ago of [2, 3, 4, 5]) await log('coingecko.prices', 'bitcoin', day(ago), 'failed', `503 ?key=${secret}`);
    const first = [5, 4, 3].map((ago) => `coingecko.prices bitcoin ${day(ago)} (Unavailable: 503 ?key=***)`).join(', ');
    expect(await check('recent runs')).toBe(
      `warning: 24 h: 1 success, 5 failed; last hour: 6. Failed, and not mended since: ${first} and 1 more. What to do stands in each: npm run cli -- logs --status failed`,
    );
  });

  test('sources that cannot work, are paused or nearly used up', async () => {
    await budget('blockchair');
    await budget('coingecko');
    expect(await check('sources')).toMatch(/^ok: blockchair \(keyless\), coingecko \(keyless\), .* can work$/);
    await sql`UPDATE source_budgets SET paused_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, paused_reason = 'over',
      day_quota = 100, day = UTC_DATE(), day_live = 80, day_backfill = 10`.execute(db);
    expect(await check('sources')).toMatch(/^ok/);
    await sql`UPDATE source_budgets SET paused_until = '9999-12-31', paused_reason = 'maintenance',
      day_backfill = 10.5, month_quota = 10, month = '2020-01', month_live = 10 WHERE source = 'blockchair'`.execute(
      db,
    );
    const unusable = new Map(deps.sources).set('coingecko', { ...deps.sources.get('coingecko')!, unusable: 'no key' });
    expect(await check('sources', noon, { sources: unusable })).toBe(
      'warning: coingecko cannot work here: no key. ' +
        'blockchair is paused until someone resumes it (maintenance); to go on now: npm run cli -- sources resume blockchair. ' +
        'blockchair has used 90 % of its quota of today (UTC); then its runs wait for the next, or use a larger plan',
    );
  });

  test('on-chain values and quality, once they are collected', async () => {
    const slot = (hoursAgo: number, columns: Record<string, number>) =>
      sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, log_id, ${sql.join(Object.keys(columns).map((name) => sql.ref(name)))})
        VALUES ('BTC', 'bitcoin', UTC_TIMESTAMP() - INTERVAL ${hoursAgo} HOUR, 1, ${sql.join(Object.values(columns))})`.execute(
        db,
      );
    await slot(30, {
      circulating_supply: 19,
      total_supply: 19,
      max_supply: 21,
      block_height: 100,
      data_quality_score: 1,
    });
    expect(await check('on-chain values')).toMatch(/^ok: supplies, heights and scores of 7 days/);
    expect(await check('quality')).toMatch(/^critical: onchain_data has no row of the last 24 hours/);
    await slot(3, { block_height: 102, data_quality_score: 0.95 });
    // a slot without height is no fall
    await slot(2, { circulating_supply: 1, data_quality_score: 0.5 });
    expect(await check('quality')).toMatch(
      /^ok: 2 rows of 1 coins in 24 h: 50 % high, 0 % medium, 50 % low; \d+ % of all fields/,
    );
    await slot(1, { block_height: 101, circulating_supply: 22, max_supply: 21, data_quality_score: 0.1 });
    await sql`INSERT INTO crypto_sentiment_data (symbol, coin_id, timestamp_iso, data_quality_score, log_id) VALUES ('BTC', 'bitcoin', UTC_TIMESTAMP(), 1.5, 1)`.execute(
      db,
    );
    expect(await check('on-chain values')).toMatch(
      /^warning: falling height of bitcoin broken 1 times since .{16}, score range of bitcoin broken 1 times since .{16}, supply order of bitcoin broken 1 times since /,
    );
    expect(await check('quality')).toMatch(/^warning: quality is low: bitcoin 0\.52; 3 rows/);
  });

  test('a check that cannot be made is critical; the others go on', async () => {
    await logAll(day(1));
    await sql`RENAME TABLE raw_market_prices_volumes TO away`.execute(db);
    const { checks } = await report();
    await sql`RENAME TABLE away TO raw_market_prices_volumes`.execute(db);
    const broken = checks.filter(({ status }) => status === 'critical').map(({ name }) => name);
    expect(broken).toEqual(['empty days', 'prices']);
    expect(checks.find(({ name }) => name === 'prices')!.message).toMatch(
      /^this check could not be made - The schema of the database is not the one .* Run: npm run cli -- migrate/,
    );
  });
});

import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import { slotRunKey } from '../../activities/collect/slot-runs';
import { slotColumn, slotName } from '../../activities/collect/slots';
import type { ActivityDeps } from '../../activities/deps';
import { createRedact } from '../../activities/failures';
import { createHealthActivities } from '../../activities/health';
import { createAgent } from '../../activities/http';
import { migrateToLatest } from '../../db/migrate';
import { endRun, insertRun } from '../../db/queries/ingestion-logs';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { databaseOpener } from '../../workers/context';
import { applySchedules, setPaused } from '../../workers/schedules';
import { databases, freshDatabase } from '../databases';
import { freshNamespace, temporalAddress } from '../product';

// The schedule is there and fires for nobody; slots are two days ahead of it, so that it was there when they were due.

const slotMs = 900_000;
const noon = Math.floor(Date.now() / 86_400_000) * 86_400_000 + 2.5 * 86_400_000;
/** the slot that is `ago` before noon, ISO */
const slot = (ago: number) => new Date(noon - ago * slotMs).toISOString();
/** 12:05: the slot of noon is due */
const now = new Date(noon + 5 * 60_000).toISOString();

let connection: Connection;
let client: Client;
beforeAll(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
  const namespace = await freshNamespace(connection);
  client = new Client({ connection, namespace });
  await applySchedules(client, connection, namespace);
});
afterAll(async () => connection?.close());

describe.each(databases())('health of slots on $name', (server) => {
  let db: Kysely<Schema>;
  let deps: ActivityDeps;
  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    await migrateToLatest(db);
    const { sources, settings } = readConfig({ DATABASE_URL: database.url });
    const openDatabase = databaseOpener({ databaseUrl: database.url });
    deps = { db, openDatabase, client, agent: createAgent(), sources, settings, redact: createRedact([]) };
    await sql`UPDATE crypto_assets SET is_active = (coin_id IN ('bitcoin', 'ethereum')), created_at = '2026-01-01'`.execute(
      db,
    );
  });
  afterAll(async () => deps.agent.close());
  beforeEach(async () => {
    for (const table of ['data_ingestion_logs', 'onchain_data', 'source_observations'])
      await sql`DELETE FROM ${sql.table(table)}`.execute(db);
  });

  const check = async (name: string, at = now) => {
    const { checks } = await createHealthActivities(deps).checkHealth({ now: at });
    const { status, message } = checks.find((each) => each.name === name)!;
    return `${status}: ${message}`;
  };
  const rows = async (ago: readonly number[], coins = ['bitcoin', 'ethereum']) => {
    const all = ago.flatMap((each) => coins.map((coin) => sql`('X', ${coin}, ${slotColumn(slot(each))}, 1)`));
    await sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, log_id) VALUES ${sql.join(all)}`.execute(db);
  };
  const log = async (
    ago: number,
    status: 'success' | 'failed' | 'skipped' | 'running',
    message: string | null = null,
    dataset = 'cryptoflow.onchain_data',
  ) => {
    const [source = '', dataType = ''] = dataset.split('.');
    const runId = randomUUID();
    const logId = await insertRun(db, {
      ...{ source, dataType, coinId: null, coinSymbol: null, targetDate: null, slot: slotColumn(slot(ago)) },
      ...{ runKey: slotRunKey(source, dataType, slot(ago)), workflowId: 'w', runId, firstExecutionRunId: runId },
      ...{ triggeredBy: 'test', expected: null },
    });
    if (status !== 'running') await endRun(db, logId, runId, { status, message });
  };
  const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index);

  test('nothing was ever collected: critical once the first slot is due', async () => {
    expect(await check('slots', new Date().toISOString())).toBe(
      'ok: not collected yet: the schedule collect-onchain-and-sentiment is new',
    );
    expect(await check('slots')).toBe(
      `critical: onchain_data has no row, though ${slotName(slot(0))} is due; ${slotName(slot(0))} was not even tried: see the schedule collect-onchain-and-sentiment and whether a worker runs. ` +
        `Collect it: start collectOnchainAndSentiment {"slot":"${slotName(slot(0))}"}`,
    );
    expect(await check('gaps in slots')).toBe('ok: not collected yet');
    expect(await check('conflicts')).toBe('ok: not collected yet');
  });

  test('the newest slot: due five minutes after it began, critical an hour later, for all assets', async () => {
    await rows(range(3, 1));
    expect(await check('slots', new Date(noon + 299_000).toISOString())).toBe(
      `ok: ${slotName(slot(1))} is there; last hour: 3 slots, 6 rows`,
    );
    await log(0, 'skipped', 'the slot before\nis still being collected');
    expect(await check('slots')).toBe(
      `warning: ${slotName(slot(0))} is due, but the newest slot is ${slotName(slot(1))}, 1 slot before; ${slotName(slot(0))} is skipped: the slot before is still being collected. ` +
        `Collect it: start collectOnchainAndSentiment {"slot":"${slotName(slot(0))}"}`,
    );
    expect(await check('slots', new Date(noon + 3 * slotMs + 300_000).toISOString())).toMatch(
      /^critical: .*4 slots before/,
    );
    await rows([0], ['ethereum']);
    expect(await check('slots')).toMatch(
      `warning: ${slotName(slot(0))} has no row of bitcoin; last hour: 4 slots, 7 rows. Collect it: `,
    );
    await rows([0], ['bitcoin']);
    expect(await check('slots')).toBe(`ok: ${slotName(slot(0))} is there; last hour: 4 slots, 8 rows`);
  });

  test('nobody waits for a slot while the schedule is paused', async () => {
    await rows([9]);
    await setPaused(client, 'collect-onchain-and-sentiment', { note: 'holidays' });
    const found = await check('slots');
    await setPaused(client, 'collect-onchain-and-sentiment', undefined);
    expect(found).toBe(`ok: ${slotName(slot(9))} is the newest: the schedule collect-onchain-and-sentiment is paused`);
    expect(await check('slots')).toMatch(/^critical/);
  });

  test('a source that fails in all slots of an hour is named; one slot of it is said, and no failure to mend', async () => {
    await rows(range(3, 0));
    await log(3, 'success', null, 'coinmetrics.observations');
    await log(2, 'failed', 'coinmetrics 503', 'coinmetrics.observations');
    expect(await check('slots')).toBe(
      `ok: ${slotName(slot(0))} is there; last hour: 4 slots, 8 rows, coinmetrics failed in 1 of 2`,
    );
    expect(await check('recent runs')).toMatch(/^ok/);
    for (const ago of range(3, 0)) await log(ago, 'failed', 'defillama 502', 'defillama.observations');
    expect(await check('slots')).toBe(
      `warning: ${slotName(slot(0))} is there, but of the last hour nothing came from defillama (defillama 502); ` +
        'last hour: 4 slots, 8 rows, defillama failed in 4 of 4, coinmetrics failed in 1 of 2. What failed: npm run cli -- failures --since 1h',
    );
    await log(0, 'failed', 'no space left', 'cryptoflow.onchain_data');
    expect(await check('recent runs')).toMatch(
      `cryptoflow.onchain_data all ${slotName(slot(0))} (failed: no space left)`,
    );
  });

  test('slots of 24 hours that are missing, wholly or for an asset', async () => {
    await rows(range(100, 0).filter((ago) => ![99, 40, 30, 20].includes(ago)));
    await log(40, 'skipped', 'busy');
    await log(20, 'running');
    expect(await check('gaps in slots')).toBe(
      `warning: 2 slots without a row: ${slotName(slot(40))} (skipped: busy), ${slotName(slot(30))} (never tried). ` +
        `Collect it: start collectOnchainAndSentiment {"slot":"${slotName(slot(40))}"}`,
    );
    await rows([40, 30]);
    expect(await check('gaps in slots')).toBe(`ok: none of 95 slots since ${slotName(slot(95))}`);
    await sql`DELETE FROM onchain_data WHERE coin_id = 'ethereum' AND timestamp_iso IN (${slotColumn(slot(7))}, ${slotColumn(slot(5))})`.execute(
      db,
    );
    // a new asset lacks nothing
    await rows([1, 0], ['solana']);
    expect(await check('gaps in slots')).toBe(
      'warning: assets without a row in slots that others have: ethereum in 2. Which: npm run cli -- logs --source cryptoflow',
    );
  });

  test('conflicts between sources in the newest slot', async () => {
    const said = (source: string, fields: Record<string, string>, ago = 0) => {
      const at = new Date(noon - 60_000).toISOString();
      const json = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, [{ value, at }]]));
      return sql`INSERT INTO source_observations (slot, coin_id, source, fields, log_id)
        VALUES (${slotColumn(slot(ago))}, 'bitcoin', ${source}, ${JSON.stringify(json)}, 1)`.execute(db);
    };
    await rows([1, 0]);
    expect(await check('conflicts')).toBe(`ok: no value of ${slotName(slot(0))} was given by two sources`);
    await said('coinmetrics', { hash_rate: '100', transaction_count: '400', transaction_volume: '8', difficulty: '5' });
    await said('blockchaininfo', {
      hash_rate: '101',
      transaction_count: '401',
      transaction_volume: '4',
      difficulty: '5',
    });
    expect(await check('conflicts')).toBe(
      `ok: sources agree on 3 of 4 values of ${slotName(slot(0))}; beyond tolerance: bitcoin transaction_volume (coinmetrics 8, blockchaininfo 4)`,
    );
    await sql`UPDATE source_observations SET fields = REPLACE(fields, '"101"', '"0.101"') WHERE source = 'blockchaininfo'`.execute(
      db,
    );
    expect(await check('conflicts')).toMatch(
      /^warning: sources agree on 2 of 4 .*Who says what: npm run cli -- explain bitcoin \w+$/,
    );
  });
});

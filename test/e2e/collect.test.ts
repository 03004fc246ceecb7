import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'kysely';
import { Agent } from 'undici';
import { createCollectActivities, type OpenedSlot, type SlotResult } from '../../activities/collect';
import { listRuns } from '../../db/queries/ingestion-logs';
import { databaseOpener } from '../../workers/context';
import { databases } from '../databases';
import { failureOf, startProduct, type Product } from '../product';

// One slot after the other through the real workers, against simulated sources.

const slotMs = 900_000;
const slotAt = (ms: number): string => new Date(Math.floor(ms / slotMs) * slotMs).toISOString();
const nameOf = (slot: string): string => `${slot.slice(0, 16)}Z`;
const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

const chosen = [
  'bitcoin',
  'litecoin',
  'dash',
  'ethereum',
  'solana',
  'cosmos',
  'cardano',
  'tether',
  'chainlink',
  'near',
];

describe.each(databases())('the 15-minute collection on $name', (server) => {
  let product: Product;
  let assets: number;
  beforeAll(async () => {
    await untilSlotHasTime();
    product = await startProduct({ server });
    // a dozen is enough to be of every kind
    await sql`UPDATE crypto_assets SET is_active = coin_id IN (${sql.join(chosen)})`.execute(product.db);
    assets = await count(sql`SELECT COUNT(*) AS n FROM crypto_assets WHERE is_active`);
  });
  afterAll(async () => product?.stop());

  const count = async (query: ReturnType<typeof sql<{ n: number }>>) =>
    Number((await query.execute(product.db)).rows[0]!.n);
  const collect = (input: object = {}, id?: string) => product.run<SlotResult>('collectOnchainAndSentiment', input, id);
  const rowsOf = async (table: string, slot: string) =>
    (
      await sql`SELECT * FROM ${sql.table(table)} WHERE timestamp_iso = ${slot.slice(0, 23).replace('T', ' ')} ORDER BY coin_id`.execute(
        product.db,
      )
    ).rows as Record<string, unknown>[];

  test('a live slot has a row for every asset, with values of every source', async () => {
    const result = await collect();
    expect(result).toMatchObject({ status: 'success', isLive: true, assets, message: null });
    expect(result.onchain).toMatchObject({ processed: assets, inserted: assets });
    const slot = `${result.slot.slice(0, -1)}:00.000Z`;
    const rows = await rowsOf('onchain_data', slot);
    expect(rows).toHaveLength(assets);
    const given = Object.keys(rows[0]!).filter((column) => rows.some((row) => row[column] !== null));
    expect(given).toEqual(expect.arrayContaining(['active_addresses', 'hash_rate', 'github_commits_30d']));
    const sources = new Set(rows.flatMap((row) => String(row.data_source).split(',')));
    expect([...sources]).toEqual(expect.arrayContaining(['coinmetrics', 'github']));
    const runs = await listRuns(product.db, { limit: 50 });
    expect(runs.filter(({ status }) => status !== 'success' && status !== 'skipped')).toEqual([]);
  });

  test('the same slot again changes nothing, however often', async () => {
    const slot = slotAt(Date.now());
    await collect({ slot: nameOf(slot) });
    const before = await Promise.all(['onchain_data', 'crypto_sentiment_data'].map((table) => rowsOf(table, slot)));
    const again = await collect({ slot: nameOf(slot) });
    expect(again.onchain).toMatchObject({ inserted: 0 });
    const after = await Promise.all(['onchain_data', 'crypto_sentiment_data'].map((table) => rowsOf(table, slot)));
    const moved = (rows: Record<string, unknown>[][]) =>
      rows.flat().map((row) => `${String(row.coin_id)} ${String(row.id)}`);
    expect(moved(after)).toEqual(moved(before));
  });

  test('what was wrong with the input is said at once', async () => {
    const refused = async (input: object) => (await failureOf(collect(input))).message;
    expect(await refused({ slot: '2026-11-21T10:07Z' })).toContain('not the start of a quarter-hour');
    expect(await refused({ slot: nameOf(slotAt(Date.now() + 86_400_000)) })).toContain('has not begun yet');
    expect(await refused({ coins: ['no-such-coin'] })).toContain('asset "no-such-coin" is unknown');
    expect(await refused({ sources: ['kraken'] })).toContain('source "kraken" is unknown; known: ');
    expect(await refused({ datasets: ['prices'] })).toContain('datasets');
  });

  test('a source that is down costs its own fields only, and the log says so', async () => {
    const undo = product.simulator.fault('defillama', { status: 503 });
    // a slot of its own: without what was known before
    await sql`DELETE FROM source_observations`.execute(product.db);
    await sql`DELETE FROM onchain_data`.execute(product.db);
    const result = await collect();
    undo();
    expect(result.status).toBe('partial');
    expect(result.message).toContain('without defillama');
    const [bitcoin] = (await rowsOf('onchain_data', `${result.slot.slice(0, -1)}:00.000Z`)).filter(
      (row) => row.coin_id === 'bitcoin',
    );
    expect(bitcoin).toMatchObject({ total_value_locked: null });
    // what CoinMetrics said of the days before holds at any time of this one
    expect(bitcoin!.active_addresses).not.toBeNull();
    const [failed] = await listRuns(product.db, { source: 'defillama', status: 'failed', limit: 1 });
    expect(failed).toMatchObject({ errorType: 'Unavailable' });
    expect(failed!.message).toContain('too late for the slot');
  }, 180_000);

  test('two DAGs for one slot at the same time: one collects, both tell', async () => {
    const slot = nameOf(slotAt(Date.now()));
    const undo = product.simulator.fault('coingecko', { latencyMs: 1_000 });
    await sql`UPDATE source_observations SET fields = '{}'`.execute(product.db);
    const [one, other] = await Promise.all([collect({ slot }, 'two-one'), collect({ slot }, 'two-other')]);
    undo();
    expect([one.status, other.status]).toEqual(['success', 'success']);
    const joined = await Promise.all(
      ['two-one', 'two-other'].map(async (id) =>
        ((await product.client.workflow.getHandle(id).fetchHistory()).events ?? []).some(
          (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'awaitRun',
        ),
      ),
    );
    expect(joined.filter(Boolean)).toHaveLength(1);
  });

  test('a live slot that finds an older one still running asks for nothing', async () => {
    await sql`UPDATE source_observations SET fields = '{}'`.execute(product.db);
    const undo = product.simulator.fault('coingecko', { latencyMs: 4_000 });
    const before = product.simulator.requests.length;
    const older = collect({}, 'older-slot');
    while (product.simulator.requests.length === before) await new Promise((resolve) => setTimeout(resolve, 20));
    // the next slot has not begun: its first step is executed as if it had
    const next = slotAt(Date.now() + slotMs);
    const workflowExecution = { workflowId: `collect/${nameOf(next)}`, runId: randomUUID() };
    const { sources, settings } = product.config;
    const openDatabase = databaseOpener(product.config);
    const deps = {
      db: product.db,
      openDatabase,
      client: product.client,
      agent: new Agent(),
      sources,
      settings,
      redact: String,
    };
    const { openSlot } = createCollectActivities(deps);
    const request = {
      slot: next,
      startedAt: next,
      triggeredBy: 'a test',
      firstExecutionRunId: workflowExecution.runId,
    };
    const environment = new MockActivityEnvironment({ workflowExecution });
    const opened = (await environment.run(openSlot, request)) as OpenedSlot;
    expect(opened).toMatchObject({ isLive: true, readings: [] });
    expect(opened.skipped).toContain('is still being collected');
    undo();
    expect((await older).status).toBe('success');
    const [logged] = await listRuns(product.db, { status: 'skipped', source: 'cryptoflow', limit: 1 });
    expect(logged!.message).toBe(opened.skipped);
  });

  test('a slot that is cancelled says so in every run of it', async () => {
    await sql`UPDATE source_observations SET fields = '{}'`.execute(product.db);
    const undo = product.simulator.fault('coingecko', { latencyMs: 5_000 });
    const before = product.simulator.requests.length;
    const handle = await product.client.workflow.start('collectOnchainAndSentiment', {
      ...{ taskQueue: 'cryptoflow', workflowId: 'cancelled-slot', args: [] },
    });
    while (product.simulator.requests.length === before) await new Promise((resolve) => setTimeout(resolve, 20));
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    undo();
    const runs = await listRuns(product.db, { status: 'cancelled', limit: 50 });
    expect(runs.map((run) => `${run.source}.${run.dataType}`)).toEqual(
      expect.arrayContaining(['cryptoflow.onchain_data', 'cryptoflow.crypto_sentiment_data', 'coingecko.observations']),
    );
    expect(await listRuns(product.db, { status: 'running', limit: 5 })).toEqual([]);
  });

  test('past slots share one reading of each history', async () => {
    const slots = ['10:00', '10:15', '10:30'].map((time) => `${yesterday}T${time}Z`);
    const results = await Promise.all(slots.map((slot) => collect({ slot })));
    expect(results.map(({ status, message }) => `${status} ${message}`)).toEqual(Array(3).fill('success null'));
    const runs = await listRuns(product.db, { source: 'coinmetrics', date: yesterday, limit: 10 });
    expect(runs.map(({ dataType, status }) => `${dataType} ${status}`)).toEqual(['history success']);
    const [bitcoin] = (await rowsOf('onchain_data', `${yesterday}T10:15:00.000Z`)).filter(
      (row) => row.coin_id === 'bitcoin',
    );
    expect(bitcoin!.active_addresses).not.toBeNull();
  });

  test('a past slot whose day is archived changes nothing any more', async () => {
    const day = new Date(Date.now() - 100 * 86_400_000).toISOString().slice(0, 10);
    const slot = `${day}T10:00Z`;
    const collected = await collect({ slot });
    expect(collected.onchain).toMatchObject({ inserted: assets });
    await product.run('applyRetention', { tables: ['onchain_data', 'crypto_sentiment_data'] });
    const content = async () => [
      await rowsOf('onchain_data', `${slot.slice(0, -1)}:00.000Z`),
      ...(await Promise.all(
        ['onchain_data_aggregated', 'crypto_sentiment_data_aggregated', 'retention_ledger'].map(
          async (table) => (await sql`SELECT * FROM ${sql.table(table)} ORDER BY 1, 2, 3`.execute(product.db)).rows,
        ),
      )),
    ];
    const before = await content();
    expect(before[0]).toEqual([]);
    expect(before[1]!.length).toBeGreaterThan(assets);
    const again = await collect({ slot });
    expect(again).toMatchObject({ status: 'success', onchain: { inserted: 0, updated: 0, unchanged: assets } });
    await product.run('applyRetention', { tables: ['onchain_data', 'crypto_sentiment_data'] });
    expect(await content()).toEqual(before);
  });

  test('a backfill fills the 96 slots of a day', async () => {
    const date = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
    const before = product.simulator.requests.filter(({ source }) => source === 'coingecko').length;
    const result = await product.run('backfill', { workflow: 'collectOnchainAndSentiment', from: date, to: date });
    expect(result).toMatchObject({ status: 'success', dates: { ended: { success: 1 }, rows: 96 * assets } });
    expect(await count(sql`SELECT COUNT(*) AS n FROM onchain_data WHERE DATE(timestamp_iso) = ${date}`)).toBe(
      96 * assets,
    );
    // one request for all dates of an asset
    const asked = product.simulator.requests.filter(({ source }) => source === 'coingecko').length - before;
    expect(asked).toBeLessThanOrEqual(assets);
    const again = await product.run('backfill', { workflow: 'collectOnchainAndSentiment', from: date, to: date });
    expect(again).toMatchObject({ status: 'success' });
  });
});

/** A live slot that ends while it is tested is a past one. */
async function untilSlotHasTime(): Promise<void> {
  const left = slotMs - (Date.now() % slotMs);
  if (left < 15_000) await new Promise((resolve) => setTimeout(resolve, left + 1_000));
}

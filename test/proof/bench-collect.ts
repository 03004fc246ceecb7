import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import { sourceAssets } from '../../activities/assets';
import type { SlotResult } from '../../activities/collect';
import { dueRequests } from '../../activities/collect/due';
import { slotColumn } from '../../activities/collect/slots';
import { parseStored, storedJson } from '../../activities/collect/stored';
import { SourceFailure } from '../../activities/failures';
import { createAgent, createSourceHttp } from '../../activities/http';
import type { Reading, SourceAsset } from '../../activities/observation';
import { sources } from '../../activities/registry';
import type { Source } from '../../activities/source';
import { listAssets } from '../../db/queries/assets';
import { observationsOf, writeObservations } from '../../db/queries/observations';
import type { Schema } from '../../db/schema';
import type { Config } from '../../workers/config';
import { startServers } from '../../workers/stack/stack';
import { installLogger } from '../../workers/worker';
import { startSimulator } from '../simulator';
import { simulatedEnvironment } from '../simulator/environment';
import { extraCoins } from '../simulator/world/more-coins';
import type { BenchTools } from './bench';
import { startFreshProduct } from './fresh-product';

// One slot through the whole product, beside (a) a collector that asks for one asset after the other, one call after the
// other, and (b) the same batch calls one after the other: the same sources, in the same run, with 150 ms of latency and
// the limits that they document. Both are given their parsing for free: neither writes anything.

const latencyMs = 150;
const repetitions = 3;
const slotMs = 900_000;
const aims = {
  slotSeconds50: 3,
  slotSeconds500: 30,
  timesSequential: 10,
  timesBatchSequential: 2,
  activities: 40,
  events: 500,
};

export async function benchCollect({ say, cleanup }: BenchTools) {
  installLogger([], 'ERROR');
  const servers = await startServers('bench', cleanup, say);
  const simulator = await startSimulator({ extraCoins: 500, keys: { coingeckoDemo: ['bench'] } });
  cleanup.add(() => simulator.close());
  for (const { name } of sources) simulator.fault(name, { latencyMs });
  const { db, client, config } = await startFreshProduct({
    ...{ servers, cleanup },
    environment: { ...simulatedEnvironment(simulator), COINGECKO_PLAN: 'demo', COINGECKO_API_KEY: 'bench' },
  });

  await activate(db, 50);
  const batch = await repeat(3, () => batchSequential(db, config));
  say(`the batch calls one after the other: ${batch.toFixed(2)} s`);
  await windowsAreEmpty();
  const sequential = await assetsSequential(db, config);
  say(`one asset after the other: ${sequential.toFixed(1)} s`);
  await windowsAreEmpty();
  // the first slot also asks for single assets, and finds nothing to carry on
  await slotSeconds(db, client);
  const slot50: number[] = [];
  for (let turn = 0; turn < repetitions; turn += 1) {
    await windowsAreEmpty();
    await likeAnyOther(db);
    slot50.push((await slotSeconds(db, client)).seconds);
  }
  const [activities50, historyEvents50] = await historyOf(client);
  say(`50 assets: ${slot50.map((seconds) => seconds.toFixed(2)).join(', ')} s, ${activities50} activities`);
  await addInvented(db);
  await activate(db, 500);
  await windowsAreEmpty();
  await likeAnyOther(db);
  const slot500 = await slotSeconds(db, client);
  const [activities500, historyEvents500] = await historyOf(client);
  say(
    `500 assets: ${slot500.seconds.toFixed(2)} s, ${activities500} activities; ${slot500.result.status} ${slot500.result.message ?? ''}`,
  );

  const figures = {
    slotSeconds50: rounded(median(slot50)),
    slotSeconds500: rounded(slot500.seconds),
    sequentialSeconds50: rounded(sequential),
    batchSequentialSeconds50: rounded(batch),
    ...{ activities50, historyEvents50, activities500, historyEvents500, latencyMs, repetitions },
  };
  return { figures, problems: beyondAims(figures) };
}

function beyondAims(figures: Readonly<Record<string, number>>): string[] {
  const { slotSeconds50 = 0, slotSeconds500 = 0, sequentialSeconds50 = 0, batchSequentialSeconds50 = 0 } = figures;
  const found: string[] = [];
  const check = (isMet: boolean, what: string): void => void (isMet || found.push(what));
  check(slotSeconds50 <= aims.slotSeconds50, `50 assets took ${slotSeconds50} s, the aim is ${aims.slotSeconds50}`);
  check(
    slotSeconds500 <= aims.slotSeconds500,
    `500 assets took ${slotSeconds500} s, the aim is ${aims.slotSeconds500}`,
  );
  check(
    sequentialSeconds50 >= aims.timesSequential * slotSeconds50,
    `less than ${aims.timesSequential} × faster than asset by asset`,
  );
  check(
    batchSequentialSeconds50 >= aims.timesBatchSequential * slotSeconds50,
    `less than ${aims.timesBatchSequential} × faster than the batch calls in turn`,
  );
  check(figures.activities50! <= aims.activities, `${figures.activities50} activities, the aim is ${aims.activities}`);
  check(figures.historyEvents50! <= aims.events, `${figures.historyEvents50} events, the aim is ${aims.events}`);
  return found;
}

/** So many assets, those of the seed first. */
async function activate(db: Kysely<Schema>, most: number): Promise<void> {
  await sql`UPDATE crypto_assets SET is_active = (id IN (SELECT id FROM (SELECT id FROM crypto_assets ORDER BY id LIMIT ${most}) wanted))`.execute(
    db,
  );
}

async function addInvented(db: Kysely<Schema>): Promise<void> {
  const known = new Set((await listAssets(db)).map(({ coinId }) => coinId));
  for (const { id, symbol, name } of extraCoins(500).filter((coin) => !known.has(coin.id))) {
    await db
      .insertInto('crypto_assets')
      .values({ symbol: symbol.toUpperCase(), coin_id: id, name, network_type: 'token', source_ids: null })
      .execute();
  }
}

/** Slots are 15 minutes apart: no permit of the one before is in the way (blockchain.info's are 11 s apart). */
async function windowsAreEmpty(): Promise<void> {
  await sleep(12_000);
}

/** As in any slot but the first: readings of many assets are due, and every single asset has just been asked for. */
async function likeAnyOther(db: Kysely<Schema>): Promise<void> {
  const slot = new Date(Math.floor(Date.now() / slotMs) * slotMs).toISOString();
  const all = await listAssets(db);
  for (const source of sources) {
    const single = Object.entries(source.observe?.readings ?? {}).filter(([, { batch }]) => batch === 1);
    const asked = Object.fromEntries(single.map(([name]) => [name, slot]));
    const known = await observationsOf(db, [slotColumn(slot)], { source: source.name });
    const rows = sourceAssets(source, all).map(({ coinId }) => {
      const fields = known.find((row) => row.coinId === coinId)?.fields;
      const values = fields === undefined ? {} : parseStored(fields).values;
      return { slot: slotColumn(slot), coinId, source: source.name, fields: storedJson({ values, asked }) };
    });
    await db.transaction().execute((trx) => writeObservations(trx, rows, 0));
  }
  await sql`DELETE FROM onchain_data`.execute(db);
  await sql`DELETE FROM crypto_sentiment_data`.execute(db);
}

/** From the start of the DAG to its end, rows written and runs closed. */
async function slotSeconds(db: Kysely<Schema>, client: Client): Promise<{ seconds: number; result: SlotResult }> {
  const left = slotMs - (Date.now() % slotMs);
  if (left < 60_000) await sleep(left + 100);
  const startedAt = performance.now();
  const result: SlotResult = await client.workflow.execute('collectOnchainAndSentiment', {
    ...{ taskQueue: 'cryptoflow', workflowId: `bench-${Date.now()}`, args: [] },
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM onchain_data`.execute(db);
  if (Number(rows[0]!.n) < result.assets) throw new Error(`only ${rows[0]!.n} of ${result.assets} assets have a row`);
  return { seconds, result };
}

/** Activities and events of the newest slot, both workflows. */
async function historyOf(client: Client): Promise<[activities: number, events: number]> {
  let [activities, events] = [0, 0];
  for (const type of ['collectOnchainAndSentiment', 'collectSlot']) {
    for await (const { workflowId, runId } of client.workflow.list({
      query: `WorkflowType = '${type}'`,
      pageSize: 1,
    })) {
      const { events: all = [] } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      activities += (all ?? []).filter((event) => event.activityTaskScheduledEventAttributes).length;
      events += (all ?? []).length;
      break;
    }
  }
  return [activities, events];
}

const agent = createAgent();

async function ask(config: Config, source: Source, reading: string, assets: readonly SourceAsset[]): Promise<void> {
  const connection = config.sources.get(source.name)!;
  const slot = new Date(Math.floor(Date.now() / slotMs) * slotMs).toISOString();
  for (;;) {
    const http = createSourceHttp({
      ...{ agent, connection, dataset: `${source.name}.${reading}` },
      redact: (text) => text,
      permit: async () => {},
    });
    try {
      await source.observe!.readings[reading]!.fetch(http, { assets, slot, plan: connection.plan });
      return;
    } catch (error) {
      if (!(error instanceof SourceFailure) || error.type !== 'RateLimited') throw error;
      await sleep(error.retryAfterMs ?? 1_000);
    }
  }
}

async function batchSequential(db: Kysely<Schema>, config: Config): Promise<number> {
  const all = await listAssets(db);
  const startedAt = performance.now();
  for (const source of sources) {
    const readings: Readonly<Record<string, Reading>> = source.observe?.readings ?? {};
    const due = dueRequests(
      readings,
      sourceAssets(source, all),
      new Date().toISOString(),
      () => undefined,
      1_000,
      undefined,
    );
    for (const { reading, assets } of due) if (readings[reading]!.batch > 1) await ask(config, source, reading, assets);
  }
  return (performance.now() - startedAt) / 1_000;
}

async function assetsSequential(db: Kysely<Schema>, config: Config): Promise<number> {
  const all = (await listAssets(db)).filter(({ isActive }) => isActive);
  const startedAt = performance.now();
  for (const asset of all) {
    for (const source of sources) {
      const own = sourceAssets(source, [asset]);
      for (const [name, reading] of Object.entries(source.observe?.readings ?? {})) {
        // what is asked once a day is not part of a slot here either
        if (own.length === 0 || reading.batch === 1 || reading.covers?.(own[0]!) === false) continue;
        await ask(config, source, name, own);
      }
    }
  }
  return (performance.now() - startedAt) / 1_000;
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number> {
  const taken: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    taken.push(await measure());
    await windowsAreEmpty();
  }
  return median(taken);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

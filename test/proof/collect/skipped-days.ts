import { sql } from 'kysely';
import { fieldNames, fieldOf } from '../../../activities/fields';
import { rules } from '../../../activities/collect/known';
import { parseStored } from '../../../activities/collect/stored';
import type { SlotResult } from '../../../activities/collect';
import type { Cleanup } from '../../../workers/stack/cleanup';
import { startRig, type Rig } from '../faults/rig';
import { startSkippedClock, type SkippedClock } from '../faults/skipped-clock';
import { missProblems, slotProblems, valueProblems } from './slot-problems';

const slotMs = 900_000;

export interface SkippedSlots {
  slots: number;
  assets: number;
  rows: number;
  failedRequests: number;
  requests: number;
  problems: string[];
}

/**
 * So many live slots on a clock that skips, with a share of all requests failing in every way and one source away for a
 * while; then what must hold. At last the same slots again as past ones: where a source has history, both must agree.
 */
export async function collectSkippedSlots(options: {
  databaseServer: string;
  slots: number;
  assets: number;
  failing: number;
  cleanup: Cleanup;
}): Promise<SkippedSlots | { whyNot: string }> {
  const { cleanup } = options;
  const clock = await startSkippedClock(cleanup);
  if ('whyNot' in clock) return clock;
  const world = worldClock(clock);
  const rig = await startRig({
    ...{ databaseServer: options.databaseServer, temporalAddress: clock.address, namespace: clock.namespace, cleanup },
    simulator: { seed: 'slots', now: () => new Date(world.now()) },
  });
  await sql`UPDATE crypto_assets SET is_active = (id IN (SELECT id FROM (SELECT id FROM crypto_assets ORDER BY FIELD(coin_id, 'cardano', 'cosmos', 'solana', 'ethereum', 'bitcoin') DESC, id LIMIT ${options.assets}) few))`.execute(
    rig.db,
  );
  await rig.startWorker().ready();
  breakRequests(rig, options.failing);

  const slots: string[] = [];
  const first = Math.ceil((await clock.environment.currentTimeMs()) / slotMs) * slotMs;
  const away = {
    from: Math.floor(options.slots / 2),
    to: Math.floor(options.slots / 2) + Math.ceil(options.slots / 12),
  };
  let back: (() => void) | undefined;
  let undo: (() => void) | undefined;
  for (let index = 0; index < options.slots; index += 1) {
    if (index === away.from) back = rig.simulator.fault('defillama', { status: 503 });
    if (index === away.to) back?.();
    if (index === Math.floor(options.slots / 3)) undo = await correct(rig);
    await skipTo(clock, first + index * slotMs);
    await world.sync();
    const { slot, isLive } = await collect(rig, `slot-${index}`);
    if (!isLive) throw new Error(`the slot ${slot} was not live: the clock has run away`);
    slots.push(`${slot.slice(0, -1)}:00.000Z`);
  }
  back?.();
  rig.simulator.clearFaults();
  const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM onchain_data`.execute(rig.db);
  const problems = [
    ...(await slotProblems(rig.db, slots)),
    ...(await valueProblems(rig.db, slots)),
    ...(await missProblems(rig.db)),
    ...(await correctionProblems(rig)),
  ];
  const requests = rig.simulator.requests.length;
  const failedRequests = rig.simulator.requests.filter(({ status }) => status !== 200).length;
  problems.push(...(await sourceProblems(rig)), ...(await differencesOfPast(rig, clock, world, slots)));
  undo?.();
  return { slots: slots.length, assets: options.assets, rows: Number(rows[0]!.n), requests, failedRequests, problems };
}

const corrected = '123456';

/** CoinMetrics corrects the day whose values Bitcoin's newest row has. */
async function correct({ db, simulator }: Rig): Promise<() => void> {
  const { rows } = await sql<{ fields: string }>`
    SELECT fields FROM source_observations WHERE coin_id = 'bitcoin' AND source = 'coinmetrics'
    ORDER BY slot DESC LIMIT 1`.execute(db);
  const { values } = parseStored(rows[0]?.fields ?? '{}');
  const at = values.active_addresses?.at(-1)?.at;
  if (at === undefined) throw new Error('CoinMetrics has said nothing of Bitcoin yet');
  const day = new Date(Date.parse(at) - 86_400_000).toISOString().slice(0, 10);
  return simulator.changeRow('coinmetrics/btc', day, { AdrActCnt: corrected });
}

/** Every slot that used the corrected value has the correction, and says by whom. */
async function correctionProblems({ db }: Rig): Promise<string[]> {
  const { rows } = await sql<{ slot: string; value: number | null; run: string }>`
    SELECT row_of.timestamp_iso AS slot, row_of.active_addresses AS value, CONCAT(log.source, '.', log.data_type) AS run
    FROM onchain_data row_of JOIN data_ingestion_logs log ON log.id = row_of.log_id
    WHERE row_of.coin_id = 'bitcoin' AND row_of.active_addresses IS NOT NULL ORDER BY 1`.execute(db);
  const isCorrected = rows.map(({ value }) => String(value) === corrected);
  const rewritten = rows.filter(({ run }) => run === 'coinmetrics.observations').length;
  const notYet = rows.filter((_row, index) => !isCorrected[index]).map(({ slot }) => `${slot}: not corrected`);
  // values of a later day may have come meanwhile; none may stand between corrected ones
  const stale = notYet.length > 0 && isCorrected.lastIndexOf(true) > isCorrected.indexOf(false) ? notYet : [];
  if (!isCorrected.includes(true)) return ['no slot was corrected'];
  return rewritten === 0 ? [...stale, 'no earlier slot names the run that corrected it'] : stale;
}

/** Every source has given something to some row. */
async function sourceProblems({ db }: Rig): Promise<string[]> {
  const { rows } = await sql<{ data_source: string | null }>`SELECT DISTINCT data_source FROM onchain_data`.execute(db);
  const given = new Set(rows.flatMap((row) => (row.data_source ?? '').split(',')));
  return sources.filter((source) => !given.has(source)).map((source) => `${source} is in no row`);
}

const sources = [
  ...['coingecko', 'coinmetrics', 'defillama', 'blockchaininfo', 'ethereum', 'solana', 'cosmos', 'koios', 'github'],
];

/** In equal parts every way in which a request can fail. */
function breakRequests({ simulator }: Rig, share: number): void {
  const ways = [
    { status: 503 },
    { reset: true },
    { truncatedGzip: true },
    { html: true },
    { status: 429, retryAfter: 1 },
  ];
  for (const source of sources)
    for (const way of ways) simulator.fault(source, { ...way, probability: share / ways.length });
}

function worldClock({ environment }: SkippedClock) {
  let [atSync, realAtSync] = [Date.now(), Date.now()];
  return {
    now: () => atSync + (Date.now() - realAtSync),
    async sync() {
      [atSync, realAtSync] = [await environment.currentTimeMs(), Date.now()];
    },
  };
}

async function skipTo({ environment }: SkippedClock, ms: number): Promise<void> {
  const left = ms - (await environment.currentTimeMs());
  if (left > 0) await environment.sleep(left);
}

/** Not through the environment's own client: while that waits the clock may skip years, to the next time-out of anything. */
async function collect({ client }: Rig, workflowId: string, input?: object): Promise<SlotResult> {
  return client.workflow.execute('collectOnchainAndSentiment', {
    ...{ taskQueue: 'cryptoflow', workflowId, args: input ? [input] : [] },
  });
}

/** Days later, without what was observed live: fields of daily sources are the same, of others where both know them. */
async function differencesOfPast(
  rig: Rig,
  clock: SkippedClock,
  world: ReturnType<typeof worldClock>,
  slots: readonly string[],
): Promise<string[]> {
  const live = await rowsOf(rig);
  for (const table of ['onchain_data', 'crypto_sentiment_data', 'source_observations'])
    await sql`DELETE FROM ${sql.table(table)}`.execute(rig.db);
  await skipTo(clock, Date.parse(slots.at(-1)!) + 2 * 86_400_000);
  await world.sync();
  const some = slots.filter((_, index) => index % Math.ceil(slots.length / 8) === 0);
  for (const slot of some) await collect(rig, `past-${slot}`, { slot: `${slot.slice(0, 16)}Z` });
  const past = await rowsOf(rig);
  const daily = fieldNames.filter((name) => fieldOf(name).table === 'onchain_data' && rules[name][0]?.history);
  return [...past].flatMap(([key, row]) =>
    daily.flatMap((name) => {
      const [was, is] = [live.get(key)?.[name] ?? null, row[name] ?? null];
      // daily values are the same at any time; of the others a history has fewer moments
      const isLost = is === null && rules[name][0]?.source === 'coinmetrics';
      if (was === is || was === null || (is === null && !isLost)) return [];
      return [`${key} ${name}: live ${was}, past ${is}`];
    }),
  );
}

async function rowsOf({ db }: Rig): Promise<Map<string, Record<string, string | null>>> {
  const { rows } = await sql<Record<string, string | null>>`SELECT * FROM onchain_data`.execute(db);
  return new Map(rows.map((row) => [`${row.timestamp_iso} ${row.coin_id}`, row]));
}

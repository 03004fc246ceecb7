import { sql } from 'kysely';
import { readObservation, rules } from '../../../activities/collect/known';
import { mergeSlot, type Candidate } from '../../../activities/collect/merge';
import { slotColumn } from '../../../activities/collect/slots';
import { parseStored } from '../../../activities/collect/stored';
import type { SlotResult } from '../../../activities/collect';
import { listAssets } from '../../../db/queries/assets';
import { observationsOf } from '../../../db/queries/observations';
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
  let correction: Correction | undefined;
  for (let index = 0; index < options.slots; index += 1) {
    if (index === away.from) back = rig.simulator.fault('defillama', { status: 503 });
    if (index === away.to) back?.();
    if (index === Math.floor(options.slots / 3)) correction = await correct(rig);
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
    ...(await correctionProblems(rig, correction!)),
  ];
  const requests = rig.simulator.requests.length;
  const failedRequests = rig.simulator.requests.filter(({ status }) => status !== 200).length;
  problems.push(...(await sourceProblems(rig)), ...(await differencesOfPast(rig, clock, world, slots)));
  correction?.undo();
  return { slots: slots.length, assets: options.assets, rows: Number(rows[0]!.n), requests, failedRequests, problems };
}

const corrected = '123456';

/** A day's values of CoinMetrics that were corrected, and from when on they hold. */
interface Correction {
  at: string;
  undo: () => void;
}

/** CoinMetrics corrects the day whose values Bitcoin's newest row has. */
async function correct({ db, simulator }: Rig): Promise<Correction> {
  const { rows } = await sql<{ fields: string }>`
    SELECT fields FROM source_observations WHERE coin_id = 'bitcoin' AND source = 'coinmetrics'
    ORDER BY slot DESC LIMIT 1`.execute(db);
  const { values } = parseStored(rows[0]?.fields ?? '{}');
  const at = values.active_addresses?.at(-1)?.at;
  if (at === undefined) throw new Error('CoinMetrics has said nothing of Bitcoin yet');
  const day = new Date(Date.parse(at) - 86_400_000).toISOString().slice(0, 10);
  return { at, undo: simulator.changeRow('coinmetrics/btc', day, { AdrActCnt: corrected }) };
}

/** Every slot that used the corrected value has the correction, no other has, and it says by whom. */
async function correctionProblems({ db }: Rig, { at }: Correction): Promise<string[]> {
  const { rows } = await sql<{ slot: string; value: number | null; run: string; fields: string }>`
    SELECT made.timestamp_iso AS slot, made.active_addresses AS value, said.fields,
      CONCAT(log.source, '.', log.data_type) AS run
    FROM onchain_data made JOIN data_ingestion_logs log ON log.id = made.log_id
    JOIN source_observations said ON said.slot = made.timestamp_iso AND said.coin_id = made.coin_id
      AND said.source = 'coinmetrics'
    WHERE made.coin_id = 'bitcoin' ORDER BY 1`.execute(db);
  const wrong = rows.flatMap(({ slot, value, fields }) => {
    const used = parseStored(fields).values.active_addresses?.at(-1)?.at;
    const isCorrected = String(value) === corrected;
    return isCorrected === (used === at) ? [] : [`${slot}: ${isCorrected ? '' : 'not '}corrected, uses ${used}`];
  });
  if (!rows.some(({ value }) => String(value) === corrected)) return ['no slot was corrected'];
  const tells = rows.some(({ run }) => run === 'coinmetrics.observations');
  return tells ? wrong : [...wrong, 'no earlier slot names the run that corrected it'];
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

/**
 * Days later, without what was observed live: a value of the same source and the same time is the same, and what
 * CoinMetrics said of a day is there again.
 */
async function differencesOfPast(
  rig: Rig,
  clock: SkippedClock,
  world: ReturnType<typeof worldClock>,
  slots: readonly string[],
): Promise<string[]> {
  const some = slots.filter((_, index) => index % Math.ceil(slots.length / 8) === 0);
  const live = await chosenOf(rig, some);
  for (const table of ['onchain_data', 'crypto_sentiment_data', 'source_observations'])
    await sql`DELETE FROM ${sql.table(table)}`.execute(rig.db);
  await skipTo(clock, Date.parse(slots.at(-1)!) + 2 * 86_400_000);
  await world.sync();
  for (const slot of some) await collect(rig, `past-${slot}`, { slot: `${slot.slice(0, 16)}Z` });
  const past = await chosenOf(rig, some);
  return [...live].flatMap(([key, was]) => {
    const is = past.get(key);
    if (!is) return was.source === 'coinmetrics' ? [`${key}: live ${was.value}, past nothing`] : [];
    const isSame = was.source === is.source && was.at === is.at;
    return isSame && was.value !== is.value ? [`${key}: live ${was.value}, past ${is.value}, both of ${was.at}`] : [];
  });
}

/** The values that the rows have, by slot, asset and field. */
async function chosenOf({ db }: Rig, slots: readonly string[]): Promise<Map<string, Candidate>> {
  const found = new Map<string, Candidate>();
  const assets = (await listAssets(db)).filter(({ isActive }) => isActive);
  for (const slot of slots) {
    const rows = await observationsOf(db, [slotColumn(slot)]);
    for (const { coinId, kind } of assets) {
      const own = rows
        .filter((row) => row.coinId === coinId)
        .map((row) => [row.source, readObservation(row.source, row.fields, slot)] as const);
      const { chosen } = mergeSlot({ kind, observations: new Map(own), slot, rules });
      for (const [field, value] of Object.entries(chosen)) found.set(`${slot} ${coinId} ${field}`, value);
    }
  }
  return found;
}

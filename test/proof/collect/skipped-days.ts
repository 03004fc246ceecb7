import { sql } from 'kysely';
import { fieldNames, fieldOf } from '../../../activities/fields';
import { rules } from '../../../activities/collect/known';
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
  await sql`UPDATE crypto_assets SET is_active = (id IN (SELECT id FROM (SELECT id FROM crypto_assets ORDER BY id LIMIT ${options.assets}) few))`.execute(
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
  for (let index = 0; index < options.slots; index += 1) {
    if (index === away.from) back = rig.simulator.fault('defillama', { status: 503 });
    if (index === away.to) back?.();
    await skipTo(clock, first + index * slotMs);
    await world.sync();
    const { slot, isLive } = await collect(clock, `slot-${index}`);
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
  ];
  const requests = rig.simulator.requests.length;
  const failedRequests = rig.simulator.requests.filter(({ status }) => status !== 200).length;
  problems.push(...(await differencesOfPast(rig, clock, world, slots)));
  return { slots: slots.length, assets: options.assets, rows: Number(rows[0]!.n), requests, failedRequests, problems };
}

/** In equal parts every way in which a request can fail. */
function breakRequests({ simulator }: Rig, share: number): void {
  const sources = [
    'coingecko',
    'coinmetrics',
    'defillama',
    'blockchaininfo',
    'ethereum',
    'solana',
    'cosmos',
    'koios',
    'github',
  ];
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

async function collect({ environment }: SkippedClock, workflowId: string, input?: object): Promise<SlotResult> {
  return environment.client.workflow.execute('collectOnchainAndSentiment', {
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
  for (const slot of some) await collect(clock, `past-${slot}`, { slot: `${slot.slice(0, 16)}Z` });
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

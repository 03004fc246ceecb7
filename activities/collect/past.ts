import { listAssets, type Asset } from '../../db/queries/assets';
import { noCounts, runsEndedWithin, type RunCounts } from '../../db/queries/ingestion-logs';
import { retrying } from '../../db/failures';
import { ensureMonthPartition } from '../../db/partitions';
import { findAsset, sourceAssets } from '../assets';
import type { ActivityDeps } from '../deps';
import { datasets, findSource, queueOf } from '../registry';
import { historySuffix } from './merge';
import { openSlotRun, tableRuns } from './slot-runs';
import { writeAndEnd } from './tables';

// Past slots ask no source for the present: what their sources' histories say of a day is ingested first, by date, with
// the runs that every dataset has. Then the rows of its slots follow from the observations, as for live ones.

/** A history that is to be ingested for a date: one run for all assets, or one request per asset. */
export interface HistoryToRead {
  dataset: string;
  queue: string;
  perCoin: string[] | null;
}

/** A history that was read within this time is not read again: 96 slots of one day share it. */
const isFreshForMs = 3_600_000;

export interface PastDay {
  date: string;
  coins?: string[];
  sources?: string[];
  /** a backfill has asked for many dates of one asset with one request already */
  isWithoutRanges: boolean;
}

/** The assets that are meant: the active ones, or those that are named. Throws BadInput. */
export async function chosenAssets(deps: ActivityDeps, coins: readonly string[] | undefined): Promise<Asset[]> {
  const all = await listAssets(deps.db);
  return coins ? coins.map((name) => findAsset(all, name)) : all.filter(({ isActive }) => isActive);
}

export async function historyToRead(
  deps: ActivityDeps,
  assets: readonly Asset[],
  { date, sources, isWithoutRanges }: PastDay,
): Promise<HistoryToRead[]> {
  const asked = sources?.map(findSource);
  const found: HistoryToRead[] = [];
  for (const { fullName, source, dataset } of datasets) {
    if (!fullName.endsWith(historySuffix) || (asked && !asked.includes(source))) continue;
    if (isWithoutRanges && dataset.range) continue;
    const own = sourceAssets(source, assets).map(({ coinId }) => coinId);
    const coins = dataset.scope === 'all' ? ['all'] : own;
    const keyOf = (coin: string): string => `${fullName}/${coin}/${date}`;
    const fresh = await runsEndedWithin(deps.db, coins.map(keyOf), isFreshForMs);
    const left = coins.filter((coin) => !fresh.has(keyOf(coin)));
    if (left.length === 0 || own.length === 0) continue;
    found.push({ dataset: fullName, queue: queueOf(source), perCoin: dataset.scope === 'all' ? null : left });
  }
  return found;
}

export interface PastDayPlan {
  label: string | null;
  coins: string[];
  history: HistoryToRead[];
}

/** What is to be done for all slots of a date. Throws BadInput for an unknown asset or source. */
export async function planPastDay(deps: ActivityDeps, day: PastDay): Promise<PastDayPlan> {
  const assets = await chosenAssets(deps, day.coins);
  for (const table of [...Object.values(tableRuns), 'source_observations'])
    await retrying(() => ensureMonthPartition(deps.db, table, day.date.slice(0, 7)));
  return {
    label: deps.settings.dataLabel,
    coins: assets.map(({ coinId }) => coinId),
    history: await historyToRead(deps, assets, day),
  };
}

export interface PastSlotsRequest {
  /** ISO, of a day that is over */
  slots: string[];
  coins: string[];
  triggeredBy: string;
  firstExecutionRunId: string;
}

/** Makes the rows of past slots, each with its runs in the log. No lock: the rows of a slot are the same whoever makes them. */
export async function writePastSlots(deps: ActivityDeps, request: PastSlotsRequest): Promise<RunCounts> {
  const { triggeredBy, firstExecutionRunId, coins } = request;
  let total = noCounts;
  for (const slot of request.slots) {
    const of = { slot, triggeredBy, firstExecutionRunId };
    const tables = {
      onchain: await openSlotRun(deps, of, 'cryptoflow', tableRuns.onchain),
      sentiment: await openSlotRun(deps, of, 'cryptoflow', tableRuns.sentiment),
    };
    const counts = await writeAndEnd(deps, { slot, coins, tables, troubles: [] });
    total = Object.fromEntries(
      Object.entries(total).map(([name, count]) => [name, count + counts[name as keyof RunCounts]]),
    ) as unknown as RunCounts;
  }
  return total;
}

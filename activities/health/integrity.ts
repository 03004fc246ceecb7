import { listCoins } from '../../db/queries/coins';
import {
  blockHoles,
  daysWithoutRows,
  impossiblePrices,
  isTableByDay,
  orphanBlocks,
  type BlockHole,
  type CoinDay,
} from '../../db/queries/integrity';
import { datasets } from '../registry';
import { critical, dayFrom, firstFew, ok, warning, type HealthContext } from './check';
import { dailySeries, type Series } from './dates';

const windowDays = 7;
const orphanDays = 3;
/** enough to see what is wrong; the rest is found by the check after the repair */
const mostPerCoin = 100;

/** Bitcoin takes blocks whose time is up to two hours off: around midnight they lie in either day. */
const skewMs = 2 * 3_600_000;

/** A success whose table has no row of that day: rows were lost, or the source says that nothing happened. */
export async function emptyDays(context: HealthContext) {
  const from = dayFrom(context.now, -windowDays);
  const empty: { dataset: string; day: CoinDay }[] = [];
  let looked = 0;
  for (const { named, coin, states } of await dailySeries(context)) {
    if (coin === undefined || !isTableByDay(named.dataset.table)) continue;
    const days = states
      .filter(({ status, date }) => status === 'success' && date >= from)
      .map(({ date }) => ({ coinId: coin.coinId, coinSymbol: coin.symbol, date }));
    looked += days.length;
    const found = await daysWithoutRows(context.deps.db, named.dataset.table, days);
    empty.push(...found.map((day) => ({ dataset: named.fullName, day })));
  }
  if (empty.length === 0) return ok(`${looked} successes of ${windowDays} days have their rows`);
  const what = firstFew(empty.map(({ dataset, day }) => `${dataset} ${day.coinId} ${day.date}`));
  const { dataset, day } = empty[0]!;
  return critical(
    `the log says success but the table has no row: ${what}. Fetch again: ${again(day.date, day.coinId, dataset)}`,
  );
}

/** Heights that are missing between blocks of days that are complete. */
export async function blocks(context: HealthContext) {
  const dataset = datasets.find(({ dataset: { table } }) => table === 'raw_blockchain_blocks')?.fullName ?? 'blocks';
  const series = (await dailySeries(context)).filter(({ named }) => named.dataset.table === 'raw_blockchain_blocks');
  const found: { series: Series; hole: BlockHole }[] = [];
  for (const each of series) {
    const holes = await blockHoles(context.deps.db, each.coin!.symbol, dayFrom(context.now, -windowDays), mostPerCoin);
    found.push(...holes.filter((hole) => isUnexplained(hole, each)).map((hole) => ({ series: each, hole })));
  }
  if (found.length === 0) return ok(`no height is missing in ${windowDays} days of ${series.length} chains`);
  const what = firstFew(
    found.map(({ series: { coin }, hole }) => `${coin!.coinId} ${range(hole)} (${hole.before.slice(0, 10)})`),
  );
  const { series: first, hole } = found[0]!;
  return warning(
    `heights without a block: ${what}. Fetch again: ${again(hole.before.slice(0, 10), first.coin!.coinId, dataset)}`,
  );
}

/** A day beside the hole that was not fetched, or not wholly, explains it; that day is another check's business. */
function isUnexplained(hole: BlockHole, { states }: Series): boolean {
  const times = [timeOf(hole.before), timeOf(hole.after)];
  const last = dayFrom(new Date(Math.max(...times) + skewMs));
  const complete = new Set(states.filter(({ status }) => status === 'success').map(({ date }) => date));
  for (let day = dayFrom(new Date(Math.min(...times) - skewMs)); day <= last; day = dayFrom(day, 1)) {
    if (!complete.has(day)) return false;
  }
  return true;
}

/** Partitioned tables have no foreign keys: transactions whose block is not there. */
export async function transactions(context: HealthContext) {
  const { db } = context.deps;
  const from = dayFrom(context.now, -orphanDays);
  const blockSeries = (await dailySeries(context)).filter(
    ({ named }) => named.dataset.table === 'raw_blockchain_blocks',
  );
  const found: { coinId: string; blockId: number; day: string }[] = [];
  for (const coin of (await listCoins(db)).filter(({ isActive }) => isActive)) {
    const states = blockSeries.find((series) => series.coin?.coinId === coin.coinId)?.states ?? [];
    const running = new Set(states.filter(({ status }) => status === 'running').map(({ date }) => date));
    const orphans = await orphanBlocks(db, coin.symbol, from, mostPerCoin);
    // both datasets are fetched at the same time: the blocks may still come
    found.push(...orphans.filter(({ day }) => !running.has(day)).map((orphan) => ({ coinId: coin.coinId, ...orphan })));
  }
  if (found.length === 0) return ok(`all of ${orphanDays} days have their block`);
  const what = firstFew(found.map(({ coinId, blockId, day }) => `${coinId} ${blockId} (${day})`));
  const dataset = blockSeries[0]?.named.fullName ?? 'blocks';
  return warning(
    `transactions whose block is not there: ${what}. Fetch the blocks: ${again(found[0]!.day, found[0]!.coinId, dataset)}`,
  );
}

export async function prices({ deps, now }: HealthContext) {
  const found = await impossiblePrices(deps.db, dayFrom(now, -windowDays), mostPerCoin);
  if (found.length === 0) return ok(`all of ${windowDays} days are above 0 and none is of the future`);
  const what = firstFew(found.map(({ coinId, date, priceUsd }) => `${coinId} ${date} ${Number(priceUsd)} USD`));
  return critical(
    `prices that cannot be: ${what}. See which run wrote them (log_id in raw_market_prices_volumes), delete the rows, then fetch again: start backfill`,
  );
}

function again(date: string, coinId: string, dataset: string): string {
  return `start dailyIngestion ${JSON.stringify({ date, coins: [coinId], datasets: [dataset] })}`;
}

function range({ first, last }: BlockHole): string {
  return first === last ? String(first) : `${first} to ${last}`;
}

function timeOf(databaseTime: string): number {
  return Date.parse(`${databaseTime.slice(0, 19).replace(' ', 'T')}Z`);
}

import { listCoins, type Coin } from '../../db/queries/coins';
import { coinsAddedOn, hasRuns, runStates, type RunState } from '../../db/queries/health';
import { sourceCoin } from '../coins';
import { datasets, type NamedDataset } from '../registry';
import { brief, count, critical, dayFrom, firstFew, ok, warning, type HealthContext } from './check';

/** How far back dates are compared: older ones are the business of who backfills them. */
const windowDays = 60;

/** The run of 01:00 UTC gets until then before its absence is worth waking someone. */
const dueHour = 6;

/** A dataset for a coin, every day. `states` in the order of dates. */
interface Series {
  named: NamedDataset;
  /** undefined: one run for all coins */
  coin: Coin | undefined;
  states: RunState[];
}

const start = 'npm run cli -- run dailyIngestion --wait (or Start Workflow dailyIngestion in the Temporal UI)';

/** Does every enabled coin have the newest day that it should have, in every daily dataset? */
export async function freshness(context: HealthContext) {
  const { db } = context.deps;
  if (!(await hasRuns(db))) return critical(`no run was ever logged: nothing is ingested yet. Start it: ${start}`);
  const series = await dailySeries(context);
  if (series.length === 0) return warning('no coin is enabled. Enable one: npm run cli -- coins enable bitcoin');
  const due = dayFrom(context.now, context.now.getUTCHours() < dueHour ? -2 : -1);
  const addedOn = await coinsAddedOn(db);
  const newest = new Map(series.map((each) => [each, each.states.findLast(isSettled)]));
  const behind = series.filter((each) => (newest.get(each)?.date ?? '') < due);
  const isNew = ({ coin }: Series) => coin !== undefined && (addedOn.get(coin.coinId) ?? '') > due;
  const never = behind.filter((each) => !newest.get(each) && !isNew(each));
  const late = behind.filter((each) => newest.get(each));

  const notes = [
    ...note('not due yet', behind.filter((each) => !newest.get(each) && isNew(each))),
    ...note('skipped', series.filter((each) => newest.get(each)?.status === 'skipped'), newest),
    ...note('in part', series.filter((each) => newest.get(each)?.status === 'partial'), newest),
  ].join('; ');
  const also = notes === '' ? '' : `. Also ${notes}`;
  if (never.length > 0) {
    const why = never.flatMap(({ states }) => states.at(-1)?.message ?? [])[0];
    const reason = why === undefined ? '' : ` (last reason: ${brief(why)})`;
    return critical(
      `empty: ${names(never)} have no date within ${windowDays} days, due is ${due}${reason}. ${mend(never, due, due)}${also}`,
    );
  }
  if (late.length > 0) {
    const oldest = late.map((each) => newest.get(each)!.date).toSorted()[0]!;
    return warning(
      `${due} is missing: ${firstFew(late.map((each) => `${nameOf(each)} (${lateBecause(each, due)})`))}; ` +
        `the oldest ends on ${oldest}. ${mend(late, dayFrom(oldest, 1), due)}${also}`,
    );
  }
  return ok(`${due} is there for ${count(series.length, 'daily series')}${also}`.replace('seriess', 'series'));
}

/** Is a date missing between the first and the newest success of a series? */
export async function gaps(context: HealthContext) {
  // what only the present is known of cannot be fetched later
  const series = (await dailySeries(context)).filter(({ named }) => named.dataset.history === 'any');
  const holes = series.flatMap((each) => missingDates(each).map((date) => ({ series: each, date })));
  if (holes.length === 0) return ok(`none in ${windowDays} days`);
  const dates = [...new Set(holes.map(({ date }) => date))].toSorted();
  const affected = [...new Set(holes.map((hole) => hole.series))];
  const listed = firstFew(holes.map((hole) => `${nameOf(hole.series)} ${hole.date}`));
  return warning(
    `${count(holes.length, 'run')} missing between dates that are there: ${listed}. ${mend(affected, dates[0]!, dates.at(-1)!)}`,
  );
}

/** All daily datasets × enabled coins that their source has. */
export async function dailySeries({ deps, now }: HealthContext): Promise<Series[]> {
  const coins = (await listCoins(deps.db)).filter((coin) => coin.isActive && coin.ingestionEnabled);
  const series: Series[] = [];
  for (const named of datasets) {
    if (!named.dataset.daily || coins.length === 0) continue;
    const logged = { source: named.source.name, dataType: named.name };
    const states = Map_groupBy(await runStates(deps.db, logged, dayFrom(now, -windowDays), dayFrom(now)));
    if (named.dataset.scope === 'all') series.push({ named, coin: undefined, states: states.get(null) ?? [] });
    else {
      const own = coins.filter((coin) => sourceCoin(named.source, coin));
      series.push(...own.map((coin) => ({ named, coin, states: states.get(coin.coinId) ?? [] })));
    }
  }
  return series;
}

import { listCoins, type Coin } from '../../db/queries/coins';
import { coinsAddedOn, hasRuns, runStates, type RunState } from '../../db/queries/health';
import { sourceCoin } from '../coins';
import { datasets, type NamedDataset } from '../registry';
import { brief, critical, dayFrom, firstFew, ok, warning, type HealthContext } from './check';

/** How far back dates are compared: older ones are the business of who backfills them. */
const windowDays = 60;

/** The run of 01:00 UTC gets until then before its absence is worth waking someone. */
const dueHour = 6;

/** A daily dataset for one coin. */
export interface Series {
  named: NamedDataset;
  /** undefined: one run for all coins */
  coin: Coin | undefined;
  /** of the window, in the order of dates */
  states: RunState[];
}

const known = new WeakMap<HealthContext, Promise<Series[]>>();

/** All daily datasets × the enabled coins that their source has. Read once for all checks that ask. */
export function dailySeries(context: HealthContext): Promise<Series[]> {
  const series = known.get(context) ?? readSeries(context);
  known.set(context, series);
  return series;
}

async function readSeries({ deps, now }: HealthContext): Promise<Series[]> {
  const coins = (await listCoins(deps.db)).filter((coin) => coin.isActive && coin.ingestionEnabled);
  const series: Series[] = [];
  for (const named of datasets) {
    if (!named.dataset.daily || coins.length === 0) continue;
    const logged = { source: named.source.name, dataType: named.name };
    const states = await runStates(deps.db, logged, dayFrom(now, -windowDays), dayFrom(now));
    const own = named.dataset.scope === 'all' ? [undefined] : coins.filter((coin) => sourceCoin(named.source, coin));
    for (const coin of own) {
      series.push({ named, coin, states: states.filter(({ coinId }) => coinId === (coin?.coinId ?? null)) });
    }
  }
  return series;
}

/** Does every series have the newest date that it should have? */
export async function freshness(context: HealthContext) {
  const { db } = context.deps;
  if (!(await hasRuns(db))) {
    return critical(
      'no run was ever logged: nothing is ingested yet. Start it: npm run cli -- run dailyIngestion --wait (or Start Workflow dailyIngestion in the Temporal UI)',
    );
  }
  const all = await dailySeries(context);
  if (all.length === 0) return warning('no coin is enabled. Enable one: npm run cli -- coins enable bitcoin');
  const due = dayFrom(context.now, context.now.getUTCHours() < dueHour ? -2 : -1);
  const addedOn = await coinsAddedOn(db);
  const isNew = ({ coin }: Series) => coin !== undefined && (addedOn.get(coin.coinId) ?? '') > due;

  const notYet = all.filter((series) => !newest(series) && isNew(series));
  const empty = all.filter((series) => !newest(series) && !isNew(series));
  const behind = all.filter((series) => newest(series) && newest(series)!.date < due);
  const underWay = behind.filter((series) => isUnderWay(series, due));
  const late = behind.filter((series) => !underWay.includes(series));
  const also = [
    ...note('not due yet', notYet),
    ...(underWay.length > 0 ? [`. under way: ${listed(underWay)}`] : []),
    ...note('skipped', withNewest(all, 'skipped')),
    ...note('only in part', withNewest(all, 'partial')),
  ].join('');
  if (empty.length > 0) {
    return critical(
      `nothing in ${windowDays} days, though ${due} is due: ${listed(empty)}${whyNot(empty, due)}. ${mend(empty, due, due)}${also}`,
    );
  }
  if (late.length > 0) {
    const last = late.map((series) => newest(series)!.date).toSorted()[0]!;
    return warning(
      `${due} is missing: ${listed(late)}; the oldest ends on ${last}${whyNot(late, due)}. ${mend(late, dayFrom(last, 1), due)}${also}`,
    );
  }
  const there = all.filter((series) => newest(series) && !underWay.includes(series));
  return ok(`${there.length > 0 ? `${due} is there: ${listed(there)}` : `${due} is not there yet`}${also}`);
}

/** Is a date missing between the first and the newest success of a series? */
export async function gaps(context: HealthContext) {
  // what a source only knows of the present cannot be fetched later
  const series = (await dailySeries(context)).filter(({ named }) => named.dataset.history === 'any');
  const affected = series.filter((each) => missingDates(each).length > 0);
  if (affected.length === 0) return ok(`none in the last ${windowDays} days`);
  const missing = affected.flatMap((each) => missingDates(each).map((date) => ({ date, name: nameOf(each) })));
  const dates = missing.map(({ date }) => date).toSorted();
  const what = firstFew(missing.map(({ name, date }) => `${name} ${date}`));
  return warning(`dates missing between others that are there: ${what}. ${mend(affected, dates[0]!, dates.at(-1)!)}`);
}

function isSettled({ status }: RunState): boolean {
  return status === 'success' || status === 'partial' || status === 'skipped';
}

function newest({ states }: Series): RunState | undefined {
  return states.findLast(isSettled);
}

/** A run may wait for its file for hours, and ends by itself when that takes too long. */
function isUnderWay(series: Series, due: string): boolean {
  const running = new Set(series.states.filter(({ status }) => status === 'running').map(({ date }) => date));
  for (let date = dayFrom(newest(series)!.date, 1); date <= due; date = dayFrom(date, 1))
    if (!running.has(date)) return false;
  return true;
}

function withNewest(all: readonly Series[], status: RunState['status']): Series[] {
  return all.filter((series) => newest(series)?.status === status);
}

function missingDates({ states }: Series): string[] {
  const first = states.find(({ status }) => status === 'success')?.date;
  const last = states.findLast(({ status }) => status === 'success')?.date;
  if (first === undefined || last === undefined) return [];
  // a date that is being ingested is not missing
  const present = new Set(
    states.filter((state) => isSettled(state) || state.status === 'running').map(({ date }) => date),
  );
  const dates: string[] = [];
  for (let date = first; date < last; date = dayFrom(date, 1)) if (!present.has(date)) dates.push(date);
  return dates;
}

function nameOf({ named, coin }: Series): string {
  return `${named.fullName} ${coin?.coinId ?? 'all'}`;
}

/** `blockchair.blocks of bitcoin, dogecoin; coingecko.prices of 7 coins` */
function listed(all: readonly Series[]): string {
  const names = [...new Set(all.map(({ named }) => named.fullName))];
  return names
    .map((name) => {
      const coins = all.filter(({ named }) => named.fullName === name).map(({ coin }) => coin?.coinId ?? 'all coins');
      return `${name} of ${coins.length > 3 ? `${coins.length} coins` : coins.join(', ')}`;
    })
    .join('; ');
}

function note(what: string, all: readonly Series[]): string[] {
  if (all.length === 0) return [];
  const reason = newest(all[0]!)?.message;
  return [`. ${what}: ${listed(all)}${reason ? ` (${brief(reason)})` : ''}`];
}

/** What became of the due date where it was tried: the first reason stands for the others. */
function whyNot(all: readonly Series[], due: string): string {
  const state = all.map(({ states }) => states.find(({ date }) => date === due)).find(Boolean);
  if (!state) return '; it was not even tried: see the schedule daily-ingestion and whether a worker runs';
  return `; the first is ${state.status}${state.message === null ? '' : `: ${brief(state.message)}`}`;
}

function mend(all: readonly Series[], from: string, to: string): string {
  const coins = [...new Set(all.flatMap(({ coin }) => coin?.coinId ?? []))];
  const names = [...new Set(all.map(({ named }) => named.fullName))];
  return `Mend it: start backfill ${JSON.stringify({ from, to, ...(coins.length > 0 ? { coins } : {}), datasets: names })}`;
}

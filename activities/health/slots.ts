import { listAssets } from '../../db/queries/assets';
import { observationsOf } from '../../db/queries/observations';
import { activeWithoutRow, rowsBySlot, slotBounds, slotsByCoin, statesOfKeys } from '../../db/queries/slots';
import { readObservation, rules } from '../collect/known';
import { mergeSlot } from '../collect/merge';
import { observationsRun, slotRunKey, tableRuns } from '../collect/slot-runs';
import { slotColumn, slotMs, slotName, slotOfColumn } from '../collect/slots';
import type { StoredObservation } from '../collect/stored';
import type { FieldName } from '../fields';
import { sources } from '../registry';
import { brief, count, critical, dayMs, firstFew, ok, warning, type HealthContext } from './check';
import { describeSchedule } from './schedules';

// Slots are looked at by the dates that are handed in: the newest that is due is the one that began some minutes ago.

/** A live slot waits a minute for its sources; until then its rows are not due. */
const settleMs = 5 * 60_000;

/** So many slots without a row, and someone should get up. */
const criticalSlots = 4;

const lastHourSlots = 4;

export const notCollected = 'not collected yet';
const scheduleId = 'collect-onchain-and-sentiment';

/** The newest slot that should have its rows, ISO. */
function dueSlot(now: Date): string {
  return new Date(Math.floor((now.getTime() - settleMs) / slotMs) * slotMs).toISOString();
}

/** Why no new slot is expected; null: the schedule is there, runs, and was there when the slot was due. */
async function whyNoneIsExpected(context: HealthContext, due: string): Promise<string | null> {
  const schedule = await describeSchedule(context, scheduleId);
  if (schedule === 'unsupported') return 'this server has no schedules';
  if (schedule === 'missing') return `the schedule ${scheduleId} is not there`;
  if (schedule.state.paused) return `the schedule ${scheduleId} is paused`;
  if (schedule.info.createdAt.toISOString() > due) return `the schedule ${scheduleId} is new`;
  return null;
}

/** Is the newest slot that is due there, for all assets, and what was done in the last hour? */
export async function slots(context: HealthContext) {
  const { db } = context.deps;
  const due = dueSlot(context.now);
  const bounds = await slotBounds(db, slotColumn(due));
  const notExpected = await whyNoneIsExpected(context, due);
  if (!bounds) {
    if (notExpected !== null) return ok(`${notCollected}: ${notExpected}`);
    return critical(
      `onchain_data has no row, though ${slotName(due)} is due${await whyNot(context, due)}. ${collect(due)}`,
    );
  }
  const newest = slotOfColumn(bounds.newest);
  const activity = await lastHour(context, due);
  if (newest < due) {
    if (notExpected !== null) return ok(`${slotName(newest)} is the newest: ${notExpected}`);
    const first = new Date(Date.parse(newest) + slotMs).toISOString();
    const missing = (Date.parse(due) - Date.parse(newest)) / slotMs;
    const finding = `${slotName(due)} is due, but the newest slot is ${slotName(newest)}, ${count(missing, 'slot')} before${await whyNot(context, first)}. ${collect(first)}`;
    return missing >= criticalSlots ? critical(finding) : warning(finding);
  }
  const without = await activeWithoutRow(db, slotColumn(due));
  if (without.length > 0 && notExpected === null) {
    return warning(`${slotName(due)} has no row of ${firstFew(without)}; ${activity.summary}. ${collect(due)}`);
  }
  if (activity.silent.length > 0) {
    return warning(
      `${slotName(due)} is there, but of the last hour nothing came from ${firstFew(activity.silent)}; ${activity.summary}. What failed: npm run cli -- failures --since 1h`,
    );
  }
  return ok(`${slotName(due)} is there; ${activity.summary}`);
}

/** What the log and the table say of the slots of an hour. */
async function lastHour({ deps }: HealthContext, due: string): Promise<{ summary: string; silent: string[] }> {
  const of = Array.from({ length: lastHourSlots }, (_, index) =>
    new Date(Date.parse(due) - index * slotMs).toISOString(),
  );
  const rows = await rowsBySlot(deps.db, slotColumn(of.at(-1)!), slotColumn(due));
  const observing = sources.filter(({ observe }) => observe).map(({ name }) => name);
  const states = await statesOfKeys(
    deps.db,
    observing.flatMap((source) => of.map((slot) => slotRunKey(source, observationsRun, slot))),
  );
  const bySource = observing.map((source) => {
    const own = of.flatMap((slot) => states.get(slotRunKey(source, observationsRun, slot)) ?? []);
    return { source, asked: own.length, failed: own.filter(({ status }) => status === 'failed') };
  });
  const troubled = bySource.filter(({ failed }) => failed.length > 0);
  const silent = troubled.filter(({ asked, failed }) => asked > 1 && failed.length === asked);
  const total = rows.reduce((sum, each) => sum + each.rows, 0);
  return {
    summary: [
      `last hour: ${count(rows.length, 'slot')}, ${count(total, 'row')}`,
      ...troubled.map(({ source, asked, failed }) => `${source} failed in ${failed.length} of ${asked}`),
    ].join(', '),
    silent: silent.map(({ source, failed }) => `${source} (${brief(failed[0]!.message)})`),
  };
}

/** What became of a slot that is missing, as far as the log knows. */
async function whyNot({ deps }: HealthContext, slot: string): Promise<string> {
  const key = slotRunKey('cryptoflow', tableRuns.onchain, slot);
  const state = (await statesOfKeys(deps.db, [key])).get(key);
  if (!state) return `; ${slotName(slot)} was not even tried: see the schedule ${scheduleId} and whether a worker runs`;
  return `; ${slotName(slot)} is ${state.status}${state.message === null ? '' : `: ${brief(state.message)}`}`;
}

function collect(slot: string): string {
  return `Collect it: start collectOnchainAndSentiment {"slot":"${slotName(slot)}"}`;
}

/** Is a slot of the last 24 hours missing, wholly or for an asset, between others that are there? */
export async function slotGaps(context: HealthContext) {
  const { db } = context.deps;
  const due = dueSlot(context.now);
  const bounds = await slotBounds(db, slotColumn(due));
  if (!bounds) return ok(notCollected);
  const dayBefore = new Date(Date.parse(due) - dayMs + slotMs).toISOString();
  const first = slotOfColumn(bounds.first);
  const from = first > dayBefore ? first : dayBefore;
  const present = (await rowsBySlot(db, slotColumn(from), slotColumn(due))).map(({ slot }) => slotOfColumn(slot));
  const newest = slotOfColumn(bounds.newest);
  const missing: string[] = [];
  for (let at = Date.parse(from); at < Date.parse(newest); at += slotMs) {
    const slot = new Date(at).toISOString();
    if (!present.includes(slot)) missing.push(slot);
  }
  const states = await statesOfKeys(
    db,
    missing.map((slot) => slotRunKey('cryptoflow', tableRuns.onchain, slot)),
  );
  const stateOf = (slot: string) => states.get(slotRunKey('cryptoflow', tableRuns.onchain, slot));
  // one that is being collected is not missing
  const gone = missing.filter((slot) => stateOf(slot)?.status !== 'running');
  const uneven = (await slotsByCoin(db, slotColumn(from), slotColumn(due))).flatMap((coin) => {
    const [begin, end] = [slotOfColumn(coin.first), slotOfColumn(coin.last)];
    const lacks = present.filter((slot) => slot >= begin && slot <= end).length - coin.rows;
    return lacks > 0 ? [`${coin.coinId} in ${lacks}`] : [];
  });
  if (gone.length === 0 && uneven.length === 0) return ok(`none of ${present.length} slots since ${slotName(from)}`);
  const what = gone.map((slot) => {
    const state = stateOf(slot);
    return `${slotName(slot)} (${state ? `${state.status}: ${brief(state.message)}` : 'never tried'})`;
  });
  return warning(
    [
      ...(gone.length > 0
        ? [`${count(gone.length, 'slot')} without a row: ${firstFew(what)}. ${collect(gone[0]!)}`]
        : []),
      ...(uneven.length > 0
        ? [
            `assets without a row in slots that others have: ${firstFew(uneven)}. Which: npm run cli -- logs --source cryptoflow`,
          ]
        : []),
    ].join('. '),
  );
}

/** More of the compared values than this apart: then it is no matter of single values. */
const conflictShare = 0.25;

/** Where sources differ beyond the tolerance of a field, in the newest slot. */
export async function conflicts({ deps, now }: HealthContext) {
  const bounds = await slotBounds(deps.db, slotColumn(now.toISOString()));
  if (!bounds) return ok(notCollected);
  const slot = slotOfColumn(bounds.newest);
  const assets = await listAssets(deps.db);
  const said = new Map<string, Map<string, StoredObservation>>();
  for (const { coinId, source, fields } of await observationsOf(deps.db, [bounds.newest])) {
    const own = said.get(coinId) ?? new Map<string, StoredObservation>();
    said.set(coinId, own.set(source, readObservation(source, fields, slot)));
  }
  let compared = 0;
  const found: { field: FieldName; text: string }[] = [];
  for (const { coinId, kind } of assets) {
    const merged = mergeSlot({ kind, observations: said.get(coinId) ?? new Map(), slot, rules });
    compared += merged.compared;
    for (const { field, values } of merged.conflicts) {
      const each = values.map(({ source, value }) => `${source} ${Number(Number(value).toPrecision(6))}`).join(', ');
      found.push({ field, text: `${coinId} ${field} (${each})` });
    }
  }
  if (compared === 0) return ok(`no value of ${slotName(slot)} was given by two sources`);
  const summary = `sources agree on ${compared - found.length} of ${compared} values of ${slotName(slot)}`;
  if (found.length === 0) return ok(summary);
  const what = `${summary}; beyond tolerance: ${firstFew(found.map(({ text }) => text))}`;
  if (found.length <= compared * conflictShare) return ok(what);
  const [first] = found[0]!.text.split(' ');
  return warning(`${what}. Who says what: npm run cli -- explain ${first} ${found[0]!.field}`);
}

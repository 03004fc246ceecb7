import type { Transaction } from 'kysely';
import type { Asset } from '../../db/queries/assets';
import { observationsOf, slotBefore, writeObservations } from '../../db/queries/observations';
import type { Schema } from '../../db/schema';
import { fieldNames, type FieldName } from '../fields';
import type { Observation } from '../observation';
import type { Source } from '../source';
import { rules } from './known';
import { historySuffix } from './merge';
import { longestAgeMs } from './rules';
import { slotColumn, slotMs, slotOfColumn } from './slots';
import { combine, parseStored, storedJson, storedOf, type StoredObservation } from './stored';
import { writeSlots } from './write';

// The promise: a source that corrects a value of the last days corrects the rows that used it, and no others; their
// `log_id` is the run that brought the correction. Nothing is rewritten where nothing changed.

/**
 * Compares what a source now says about past moments with what slots before `slot` have stored of the same moments.
 * Returns how many slots and assets were rewritten.
 */
export async function reviseSlots(
  trx: Transaction<Schema>,
  source: Source,
  assets: readonly Asset[],
  observations: readonly Observation[],
  slot: string,
  logId: number,
): Promise<number> {
  let rewritten = 0;
  const probe = probes(trx);
  for (const [coinId, said] of byCoin(observations)) {
    const asset = assets.find((each) => each.coinId === coinId);
    for (const key of asset ? [source.name, `${source.name}${historySuffix}`] : [])
      rewritten += await reviseAsset(trx, probe, { name: source.name, key }, asset!, said, slot, logId);
  }
  return rewritten;
}

function byCoin(observations: readonly Observation[]): Map<string, Observation[]> {
  const groups = new Map<string, Observation[]>();
  for (const each of observations) groups.set(each.coinId, [...(groups.get(each.coinId) ?? []), each]);
  return groups;
}

async function reviseAsset(
  trx: Transaction<Schema>,
  probe: ReturnType<typeof probes>,
  source: { name: string; key: string },
  asset: Asset,
  said: readonly Observation[],
  slot: string,
  logId: number,
): Promise<number> {
  const times = said.flatMap(({ asOf }) => (asOf !== null && asOf < slot ? [asOf] : [])).toSorted();
  const filter = { coinIds: [asset.coinId], source: source.key };
  const changed: string[] = [];
  for (const [index, at] of times.entries()) {
    const end = times[index + 1] ?? slot;
    const news = said.find(({ asOf }) => asOf === at)!;
    // any slot of that time tells whether there is a correction
    const probed = await probe(slotColumn(end), slotColumn(at), source.key);
    const [row] = probed === undefined ? [] : await observationsOf(trx, [probed], filter);
    if (row && differs(parseStored(row.fields), news)) changed.push(at);
  }
  if (changed.length === 0) return 0;
  const until = Math.min(Date.parse(slot), Date.parse(times.at(-1)!) + longestAgeMs(rules, source.name));
  const slots = slotsBetween(Date.parse(changed[0]!), until);
  const rows = await observationsOf(trx, slots.map(slotColumn), filter);
  const corrected = rows.flatMap((row) => {
    const [own, ownSlot] = [parseStored(row.fields), slotOfColumn(row.slot)];
    const news = said.filter((each) => changed.includes(each.asOf ?? '') && differs(own, each));
    if (news.length === 0) return [];
    const known = news.reduce((all, each) => combine(all, onlyKnownTimes(own, each), ownSlot), own);
    return [{ ...row, fields: storedJson(known) }];
  });
  await writeObservations(trx, corrected, logId);
  await writeSlots(
    trx,
    corrected.map((row) => slotOfColumn(row.slot)),
    [asset],
    { onchain: logId, sentiment: logId },
  );
  return corrected.length;
}

/** `slotBefore`, asked once for all assets: a source gives them values of the same times. */
function probes(trx: Transaction<Schema>) {
  const known = new Map<string, Promise<string | undefined>>();
  return (before: string, since: string, key: string): Promise<string | undefined> => {
    const what = `${before} ${since} ${key}`;
    const found = known.get(what) ?? slotBefore(trx, before, since, key);
    known.set(what, found);
    return found;
  };
}

/** Whether one of the values of the same moment is another one now. */
function differs(own: StoredObservation, news: Observation): boolean {
  return fieldNames.some((name) => {
    const before = own.values[name]?.find(({ at }) => at === news.asOf);
    const now = news.fields[name];
    return before !== undefined && now !== undefined && before.value !== now.value;
  });
}

/** A correction changes what a slot knew; it does not tell it what came later. */
function onlyKnownTimes(own: StoredObservation, news: Observation): StoredObservation {
  const names = (Object.keys(news.fields) as FieldName[]).filter((name) =>
    own.values[name]?.some(({ at }) => at === news.asOf),
  );
  const fields = Object.fromEntries(names.map((name) => [name, news.fields[name]!]));
  return storedOf({ ...news, fields }, news.asOf!);
}

function slotsBetween(fromMs: number, untilMs: number): string[] {
  const slots: string[] = [];
  for (let at = Math.ceil(fromMs / slotMs) * slotMs; at < untilMs; at += slotMs) slots.push(new Date(at).toISOString());
  return slots;
}

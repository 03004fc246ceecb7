import type { Transaction } from 'kysely';
import type { RunCounts } from '../../db/queries/ingestion-logs';
import { observationsOf, writeObservations, type ObservationRow } from '../../db/queries/observations';
import type { Schema } from '../../db/schema';
import type { FieldName } from '../fields';
import type { Observation } from '../observation';
import { rules } from './known';
import { sourceOfKey } from './merge';
import { slotColumn, slotOfColumn, slotsOf } from './slots';
import { carried, combine, nothingStored, parseStored, storedJson, storedOf, type StoredObservation } from './stored';

/**
 * Spreads what a source's history says of a day over the day's slots: each knows the newest value of every field that is
 * not after it and young enough. `key` is the dataset's full name (`coinmetrics.history`).
 */
export async function writeHistory(
  trx: Transaction<Schema>,
  key: string,
  date: string,
  observations: readonly Observation[],
  logId: number,
): Promise<Omit<RunCounts, 'processed' | 'rejected'>> {
  const source = sourceOfKey(key);
  const ageOf = (name: FieldName): number => rules[name].find((each) => each.source === source)?.maxAgeMs ?? 0;
  const slots = slotsOf(date);
  const coinIds = [...new Set(observations.map(({ coinId }) => coinId))];
  const before = await observationsOf(trx, slots.map(slotColumn), { coinIds, source: key });
  const known = new Map(before.map((row) => [`${slotOfColumn(row.slot)} ${row.coinId}`, parseStored(row.fields)]));
  const rows: ObservationRow[] = [];
  for (const coinId of coinIds) {
    // a source that gives no time has no history
    const said = observations.filter((each) => each.coinId === coinId && each.asOf !== null);
    const stored = said.map((each) => storedOf(each, each.asOf!)).toSorted(byTime);
    for (const slot of slots) {
      const upToThen = stored.filter((each) => timeOf(each) <= slot);
      const news = upToThen.reduce((all, each) => combine(all, each, slot), nothingStored);
      const own = combine(known.get(`${slot} ${coinId}`) ?? nothingStored, carried(news, slot, ageOf), slot);
      if (Object.keys(own.values).length === 0) continue;
      rows.push({ slot: slotColumn(slot), coinId, source: key, fields: storedJson(own) });
    }
  }
  return writeObservations(trx, rows, logId);
}

function timeOf({ values }: StoredObservation): string {
  return Object.values(values)[0]?.[0]?.at ?? '';
}

function byTime(one: StoredObservation, other: StoredObservation): number {
  const [a, b] = [timeOf(one), timeOf(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

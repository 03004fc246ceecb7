import type { Rules } from '../../activities/collect/rules';
import { slotMs } from '../../activities/collect/slots';
import type { StoredObservation, StoredValue } from '../../activities/collect/stored';
import { fieldNames, fieldOf, type FieldName } from '../../activities/fields';
import type { Asset } from '../../db/queries/assets';
import type { Random } from '../simulator/world/random';

// Random sources, what they say, and when: more of everything than the real ones, from a seed that a failure names.

export const slot = '2026-11-21T10:15:00.000Z';
export const slotAt = Date.parse(slot);
const sourceNames = ['a', 'b', 'c', 'd'];
const kinds = ['pow', 'pos', 'hybrid', 'token'] as const;
const ages = [slotMs, 30 * 60_000, 2 * 3_600_000, 72 * 3_600_000, 7 * 86_400_000];

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.integer(0, all.length - 1)]!;
}

export function shuffled<T>(random: Random, all: readonly T[]): T[] {
  return all
    .map((each) => [random.word(), each] as const)
    .toSorted(([one], [other]) => one - other)
    .map(([, each]) => each);
}

export function anyAsset(random: Random): Asset {
  const kind = pick(random, kinds);
  return { coinId: 'coin', symbol: 'COIN', name: 'Coin', kind, isActive: true, sourceIds: {} };
}

/** Each field of some of the sources, in any precedence. */
export function anyRules(random: Random): Rules {
  const entries = fieldNames.map((name) => {
    const own = shuffled(random, sourceNames).slice(0, random.integer(0, sourceNames.length));
    const of = own.map((source, index) => {
      const some = fieldOf(name).kinds.filter(() => random.chance(0.9));
      return { source, rank: index + 1, maxAgeMs: pick(random, ages), kinds: some, unit: '', history: true };
    });
    return [name, of] as const;
  });
  return Object.fromEntries(entries) as unknown as Rules;
}

/** Around what a field can be, and beyond: 0, negative, more than 100, of a few sizes, so that sources agree at times. */
function anyValue(random: Random, name: FieldName): string {
  if (random.chance(0.05)) return `-${random.integer(1, 1_000)}`;
  // of no volume there is no ratio: a source that says so takes one away
  if (random.chance(0.05) && name !== 'transaction_volume') return '0';
  const whole = random.integer(1, pick(random, [20, 120, 130, 1_000_000]));
  return fieldOf(name).scale === 0 || random.chance(0.5) ? String(whole) : `${whole}.${random.integer(1, 999)}5`;
}

/** A moment up to eight days before the slot, or in the seconds after it; no two of one list are the same. */
function anyTimes(random: Random, most: number): string[] {
  const times = Array.from({ length: random.integer(1, most) }, () => {
    const back = random.chance(0.15) ? -random.integer(1, 900_000) : random.integer(0, pick(random, ages) * 1.2);
    return new Date(slotAt - back).toISOString();
  });
  return [...new Set(times)].toSorted((one, other) => (one < other ? 1 : -1));
}

export function anyValues(random: Random, name: FieldName, most: number): StoredValue[] {
  return anyTimes(random, most).map((at) => ({ value: anyValue(random, name), at }));
}

export function anyObservation(random: Random, most = 2): StoredObservation {
  const names = fieldNames.filter(() => random.chance(0.6));
  return { values: Object.fromEntries(names.map((name) => [name, anyValues(random, name, most)])), asked: {} };
}

/** By key: some of the sources, of some their history too. */
export function anyObservations(random: Random): Map<string, StoredObservation> {
  const keys = sourceNames.flatMap((name) => [name, `${name}.history`]).filter(() => random.chance(0.45));
  return new Map(keys.map((key) => [key, anyObservation(random)]));
}

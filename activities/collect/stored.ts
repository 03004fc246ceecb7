import { compareDecimals } from '../numbers';
import { fieldOf, type FieldName } from '../fields';
import type { Observation, ObservedValue } from '../observation';

// What `source_observations.fields` holds: what one source has said about one asset, as far as a slot needs it. Two
// values of a field can be there: the newest that the slot may use, and a newer one that came with the answer of a live
// slot a few seconds after it, and counts from the next slot on. Of heights a third: the highest.

/** A value and the moment from which on it holds, ISO with Z. */
export interface StoredValue extends ObservedValue {
  at: string;
}

export interface StoredObservation {
  /** newest first */
  values: Readonly<Partial<Record<FieldName, readonly StoredValue[]>>>;
  /** by reading, the slot in which it was asked for last */
  asked: Readonly<Record<string, string>>;
}

export const nothingStored: StoredObservation = { values: {}, asked: {} };

export function parseStored(json: string): StoredObservation {
  const { asked, ...values } = JSON.parse(json) as Record<string, unknown>;
  return { values, asked: asked ?? {} } as StoredObservation;
}

/** Keys in order, so that the same content is the same text: a rerun that learns nothing changes nothing. */
export function storedJson({ values, asked }: StoredObservation): string {
  const entries = Object.entries(values)
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => [name, list.map(({ value, at, from }) => ({ value, at, ...(from && { from }) }))] as const);
  const all = [...entries, ...(Object.keys(asked).length > 0 ? [['asked', sorted(asked)] as const] : [])];
  return JSON.stringify(Object.fromEntries(all.toSorted(([one], [other]) => (one < other ? -1 : 1))));
}

function sorted(asked: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(asked).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** An observation as it is stored; `answeredAt` is the time of values to which the source gave none. */
export function storedOf({ asOf, fields }: Observation, answeredAt: string): StoredObservation {
  const at = asOf ?? answeredAt;
  const values = Object.entries(fields).map(([name, value]) => [name, [{ ...value, at }]]);
  return { values: Object.fromEntries(values) as StoredObservation['values'], asked: {} };
}

/**
 * What is known when `news` comes to `known`, for a slot: never less than before. Of two statements about the same
 * moment the later one counts.
 */
export function combine(known: StoredObservation, news: StoredObservation, slot: string): StoredObservation {
  const names = new Set([...Object.keys(known.values), ...Object.keys(news.values)] as FieldName[]);
  const values = [...names].map((name) => {
    const later = news.values[name] ?? [];
    const earlier = (known.values[name] ?? []).filter((value) => !later.some((each) => replaces(name, each, value)));
    const still = later.filter(({ at }) => !earlier.some((value) => value.at === at));
    return [name, newest(name, [...still, ...earlier], slot)];
  });
  const asked = { ...known.asked };
  for (const [reading, at] of Object.entries(news.asked)) if (!(asked[reading]! > at)) asked[reading] = at;
  return { values: Object.fromEntries(values) as StoredObservation['values'], asked };
}

function replaces(name: FieldName, news: StoredValue, known: StoredValue): boolean {
  return news.at === known.at && !(fieldOf(name).neverFalls && compareDecimals(news.value, known.value) < 0);
}

/**
 * The newest that came after the slot, and the newest that the slot may use. Of what never falls the highest as well: it
 * is what the slot uses, and when it is too old the newest is still there.
 */
function newest(name: FieldName, all: readonly StoredValue[], slot: string): StoredValue[] {
  const inOrder = all.toSorted((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0));
  const after = inOrder.filter(({ at }) => at > slot).slice(0, 1);
  const before = inOrder.filter(({ at }) => at <= slot);
  const best = fieldOf(name).neverFalls ? highest(before) : undefined;
  return [...after, ...before.slice(0, 1), ...(best && best !== before[0] ? [best] : [])];
}

function highest(values: readonly StoredValue[]): StoredValue | undefined {
  return values.reduce<StoredValue | undefined>(
    (best, each) => (best === undefined || compareDecimals(each.value, best.value) > 0 ? each : best),
    undefined,
  );
}

/** What of an earlier slot is still young enough for `slot`. */
export function carried(
  known: StoredObservation,
  slot: string,
  maxAgeMs: (name: FieldName) => number,
): StoredObservation {
  const values = Object.entries(known.values).map(([key, list]) => {
    const name = key as FieldName;
    const oldest = new Date(Date.parse(slot) - maxAgeMs(name)).toISOString();
    return [
      name,
      newest(
        name,
        list.filter(({ at }) => at >= oldest),
        slot,
      ),
    ];
  });
  return {
    values: Object.fromEntries(values.filter(([, list]) => (list as []).length > 0)) as StoredObservation['values'],
    asked: known.asked,
  };
}

import { compareDecimals, amount, rawText } from './numbers';
import type { FieldName } from './fields';
import type { Observation, ObservedValue } from './observation';
import type { Reject } from './source';

/** Where a source writes the value of a field, and how it becomes one in the field's own unit. */
export interface FieldReader {
  /** the source's name of the value */
  key: string;
  /** plain decimal in the source's unit → the field's unit; left out: the units are the same */
  convert?: (plain: string) => ObservedValue;
  /** the source writes 0 where it does not know */
  zeroIsUnknown?: true;
}

export type FieldReaders = Readonly<Partial<Record<FieldName, FieldReader>>>;

/**
 * The values of one asset in one row of a source, each on its own: what is missing or null is left out, what is no
 * number is a reject and costs that field only.
 */
export function readFields(
  coinId: string,
  row: Readonly<Record<string, unknown>>,
  readers: FieldReaders,
): { fields: Observation['fields']; rejects: Reject[] } {
  const fields: Partial<Record<FieldName, ObservedValue>> = {};
  const rejects: Reject[] = [];
  for (const [name, { key, convert, zeroIsUnknown }] of Object.entries(readers) as [FieldName, FieldReader][]) {
    const raw = row[key];
    if (raw === undefined || raw === null) continue;
    const parsed = amount.safeParse(raw);
    if (!parsed.success) {
      rejects.push({
        key: coinId,
        field: key,
        reason: `${key}: ${parsed.error.issues[0]!.message}`,
        raw: rawText(raw),
      });
      continue;
    }
    if (zeroIsUnknown && compareDecimals(parsed.data, '0') === 0) continue;
    fields[name] = convert ? convert(parsed.data) : { value: parsed.data };
  }
  return { fields, rejects };
}

/** What the dataset `history` of every source is that has one: past slots are filled from it. */
export const pastValues = {
  table: 'source_observations',
  key: ['slot', 'coin_id', 'source'],
  of: 'assets',
  history: 'any',
  daily: false,
  rowName: 'values',
} as const;

/** The fields that are read, for `Reading.gives`. */
export function namesOf(readers: FieldReaders): FieldName[] {
  return Object.keys(readers) as FieldName[];
}

/** ISO with Z and milliseconds; undefined for what is no time. Sources write up to nine decimals. */
export function instant(value: unknown): string | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** By id and in one order, whatever the order they were given in: cursors are made of it. */
export function byCoinId<T extends { coinId: string }>(assets: readonly T[]): T[] {
  return assets.toSorted((one, other) => (one.coinId < other.coinId ? -1 : one.coinId > other.coinId ? 1 : 0));
}

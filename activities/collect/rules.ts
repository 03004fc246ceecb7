import type { NetworkType } from '../../db/queries/coins';
import { fieldNames, fieldOf, type FieldName } from '../fields';
import type { Source } from '../source';
import { derived } from './derive';
import { spanMs } from '../spans';

/** One source of a field: the smallest rank is believed first. */
export interface FieldSource {
  source: string;
  rank: number;
  maxAgeMs: number;
  kinds: readonly NetworkType[];
  unit: string;
  history: boolean;
}

/** What the sources' own statements say about every field: the precedence table (DESIGN.md section 5). */
export type Rules = Readonly<Record<FieldName, readonly FieldSource[]>>;

export function rulesOf(sources: readonly Source[]): Rules {
  const entries = fieldNames.map((name): [FieldName, FieldSource[]] => {
    const named = sources.flatMap((source) => {
      const stated = source.observe?.fields[name];
      if (!stated) return [];
      const { rank, maxAge, unit } = stated;
      const kinds = (stated.kinds ?? fieldOf(name).kinds).filter((kind) => fieldOf(name).kinds.includes(kind));
      return [{ source: source.name, rank, unit, kinds, maxAgeMs: spanMs(maxAge), history: stated.history === true }];
    });
    return [name, named.toSorted((one, other) => one.rank - other.rank || one.source.localeCompare(other.source))];
  });
  return Object.fromEntries(entries) as Record<FieldName, FieldSource[]>;
}

/** The columns of a table that some source, configured here or not, gives for this kind of network; ours included. */
export function applicableColumns(
  rules: Rules,
  table: 'onchain_data' | 'crypto_sentiment_data',
  kind: NetworkType,
): string[] {
  const isGiven = (name: FieldName): boolean => rules[name].some((each) => each.kinds.includes(kind));
  const observed = fieldNames.filter((name) => fieldOf(name).table === table && isGiven(name));
  const ours = derived.filter((each) => each.table === table && each.needs.every(isGiven));
  return [...observed, ...ours.map((each) => each.column)];
}

/** The longest that any value of a source is used; beyond it nothing is carried on. */
export function longestAgeMs(rules: Rules, source: string): number {
  const ages = fieldNames.flatMap((name) => rules[name].filter((each) => each.source === source));
  return Math.max(0, ...ages.map((each) => each.maxAgeMs));
}

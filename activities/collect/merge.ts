import type { NetworkType } from '../../db/queries/coins';
import { roundDecimal } from '../decimals';
import { fieldNames, fieldOf, type FieldName } from '../fields';
import { compareDecimals } from '../numbers';
import type { Rules } from './rules';
import type { StoredObservation, StoredValue } from './stored';

// The promise: what a slot's row says is a pure function of the slot's observations. Whatever order the sources came in,
// the row is the same, and one more source never takes a value away.

/** The key of observations that a source's dataset `history` made; they count as the source's own. */
export const historySuffix = '.history';

export function sourceOfKey(key: string): string {
  return key.endsWith(historySuffix) ? key.slice(0, -historySuffix.length) : key;
}

/** What a source says of a field, and whether a slot may use it. */
export interface Candidate extends StoredValue {
  source: string;
  rank: number;
  /** why it is not used; undefined: it may be */
  refused?: string;
  /** it broke a rule: recorded as rejected */
  isBroken?: true;
}

/** An asset's values in a slot, before our own columns are added. */
export interface Merged {
  chosen: Readonly<Partial<Record<FieldName, Candidate>>>;
  /** all that was said, by precedence: for `cli explain` */
  candidates: Readonly<Partial<Record<FieldName, readonly Candidate[]>>>;
  /** fields on which sources differ by more than their tolerance */
  conflicts: readonly { field: FieldName; values: readonly Candidate[] }[];
  /** fields that two or more sources gave */
  compared: number;
}

export interface MergeInput {
  kind: NetworkType;
  /** by key of the observation */
  observations: ReadonlyMap<string, StoredObservation>;
  /** ISO */
  slot: string;
  rules: Rules;
}

export function mergeSlot(input: MergeInput): Merged {
  const candidates: Partial<Record<FieldName, Candidate[]>> = {};
  for (const name of fieldNames) {
    const found = candidatesOf(name, input);
    if (found.length > 0) candidates[name] = found;
  }
  const chosen: Partial<Record<FieldName, Candidate>> = {};
  for (const name of fieldNames) {
    const best = usable(candidates[name])[0];
    if (best) chosen[name] = best;
  }
  chooseSupply(candidates, chosen);
  const compared = fieldNames.filter((name) => usable(candidates[name]).length > 1);
  const conflicts = compared.flatMap((field) => {
    const values = usable(candidates[field]);
    return differ(values, fieldOf(field).tolerance) ? [{ field, values }] : [];
  });
  return { chosen, candidates, conflicts, compared: compared.length };
}

function usable(candidates: readonly Candidate[] | undefined): Candidate[] {
  return (candidates ?? []).filter(({ refused }) => refused === undefined);
}

/** One candidate a source, the best first: its newest value that the slot may use, else its newest with the reason. */
function candidatesOf(name: FieldName, { kind, observations, slot, rules }: MergeInput): Candidate[] {
  return rules[name].flatMap(({ source, rank, maxAgeMs, kinds }) => {
    const values = [...observations]
      .filter(([key]) => sourceOfKey(key) === source)
      .flatMap(([, stored]) => stored.values[name] ?? []);
    const all = values.map((value): Candidate => {
      const refused = !kinds.includes(kind)
        ? `does not apply to ${kind}`
        : value.at > slot
          ? 'newer than the slot: counts from the next one on'
          : Date.parse(slot) - Date.parse(value.at) > maxAgeMs
            ? 'too old'
            : undefined;
      const rounded = { ...value, value: roundDecimal(value.value, fieldOf(name).scale) };
      const broken = refused === undefined ? ruleBroken(name, rounded.value) : undefined;
      return { ...rounded, source, rank, refused: refused ?? broken, ...(broken ? { isBroken: true } : {}) };
    });
    const best = pick(name, all);
    return best ? [best] : [];
  });
}

function pick(name: FieldName, all: readonly Candidate[]): Candidate | undefined {
  const usableFirst = (one: Candidate, other: Candidate): number =>
    Number(one.refused !== undefined) - Number(other.refused !== undefined);
  const greatestFirst = (one: Candidate, other: Candidate): number =>
    fieldOf(name).neverFalls && one.refused === undefined ? compareDecimals(other.value, one.value) : 0;
  return all.toSorted(
    (one, other) =>
      usableFirst(one, other) ||
      greatestFirst(one, other) ||
      (one.at < other.at ? 1 : one.at > other.at ? -1 : compareDecimals(other.value, one.value)),
  )[0];
}

const mayBeNegative: ReadonlySet<FieldName> = new Set(['supply_inflation_rate', 'reddit_karma_avg_48h']);
const isShare: ReadonlySet<FieldName> = new Set(['staked_percentage', 'sentiment_votes_up']);
/** what would mean nothing as 0 */
const isPositive: ReadonlySet<FieldName> = new Set(['circulating_supply', 'max_supply', 'market_cap', 'realized_cap']);

/** The rules that a value can break on its own, in words. */
function ruleBroken(name: FieldName, value: string): string | undefined {
  const sign = compareDecimals(value, '0');
  if (sign < 0 && !mayBeNegative.has(name)) return `${value} is negative`;
  if (sign === 0 && isPositive.has(name)) return `${value} is not above 0`;
  if (isShare.has(name) && compareDecimals(value, '100') > 0) return `${value} is more than 100 %`;
  return undefined;
}

const supplies = ['circulating_supply', 'total_supply', 'max_supply'] as const;

/**
 * circulating ≤ total ≤ max. Where the best values of each break the order, the next best are tried: as many of the
 * three as possible, and of those the ones with the best precedence. What does not fit is refused.
 */
function chooseSupply(
  candidates: Partial<Record<FieldName, Candidate[]>>,
  chosen: Partial<Record<FieldName, Candidate>>,
): void {
  const options = supplies.map((name) => [...usable(candidates[name]), undefined]);
  let best: (Candidate | undefined)[] = [];
  const walk = (picked: (Candidate | undefined)[]): void => {
    const next = options[picked.length];
    if (next === undefined) {
      if (count(picked) > count(best)) best = picked;
      return;
    }
    const before = picked.findLast((each) => each !== undefined);
    for (const each of next) {
      if (each && before && compareDecimals(before.value, each.value) > 0) continue;
      walk([...picked, each]);
    }
  };
  walk([]);
  supplies.forEach((name, index) => {
    const fits = best[index];
    for (const each of usable(candidates[name])) {
      if (each === fits) break;
      each.refused = `breaks circulating ≤ total ≤ max: ${name} ${each.value}`;
      each.isBroken = true;
    }
    if (fits) chosen[name] = fits;
    else delete chosen[name];
  });
}

function count(picked: readonly (Candidate | undefined)[]): number {
  return picked.filter(Boolean).length;
}

/** Whether any two differ by more than the tolerance, as a share of the larger one. */
function differ(values: readonly Candidate[], tolerance: number): boolean {
  const numbers = values.map(({ value }) => Number(value));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return high - low > tolerance * Math.max(Math.abs(low), Math.abs(high));
}

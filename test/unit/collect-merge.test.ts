import { explainable, explainColumn, tableOfColumn } from '../../activities/collect/explain';
import { derived } from '../../activities/collect/derive';
import { sourceOfKey } from '../../activities/collect/merge';
import { slotRows, type SlotRows } from '../../activities/collect/rows';
import { applicableColumns, type Rules } from '../../activities/collect/rules';
import { qualityScore } from '../../activities/collect/score';
import type { StoredObservation, StoredValue } from '../../activities/collect/stored';
import { fieldNames, fieldOf, type FieldName } from '../../activities/fields';
import { compareDecimals } from '../../activities/numbers';
import type { Asset } from '../../db/queries/assets';
import type { SqlRow } from '../../db/upsert';
import { randomFrom, type Random } from '../simulator/world/random';
import { anyAsset, anyObservation, anyObservations, anyRules, shuffled, slot, slotAt } from './collect-cases';

interface Case {
  seed: string;
  random: Random;
  asset: Asset;
  rules: Rules;
  observations: Map<string, StoredObservation>;
  made: SlotRows;
}

/** The same ones in every run; a failure names its seed. */
const cases: readonly Case[] = Array.from({ length: 300 }, (_, index) => {
  const seed = `merge ${index}`;
  const random = randomFrom(seed);
  const [asset, rules, observations] = [anyAsset(random), anyRules(random), anyObservations(random)];
  return { seed, random, asset, rules, observations, made: slotRows(asset, slot, observations, rules) };
});

const supplies: readonly FieldName[] = ['circulating_supply', 'total_supply', 'max_supply'];
const valueOf = ({ onchain, sentiment }: SlotRows, column: string) => onchain[column] ?? sentiment?.[column] ?? null;
const columns = [
  ...fieldNames.filter((name) => fieldOf(name).table !== 'input'),
  ...derived.map(({ column }) => column),
];

/** What a slot may use of a field, told without the code that decides it: by source, in the order of precedence. */
function usable({ asset, rules, observations }: Case, name: FieldName): { source: string; values: StoredValue[] }[] {
  const isWrong = (value: string): boolean => {
    const number = Number(value);
    if (number < 0) return name !== 'supply_inflation_rate' && name !== 'reddit_karma_avg_48h';
    if (number === 0) return ['circulating_supply', 'max_supply', 'market_cap', 'realized_cap'].includes(name);
    return number > 100 && ['staked_percentage', 'sentiment_votes_up'].includes(name);
  };
  return rules[name].flatMap(({ source, maxAgeMs, kinds }) => {
    const values = [...observations]
      .filter(([key]) => sourceOfKey(key) === source)
      .flatMap(([, { values: all }]) => all[name] ?? [])
      .filter(({ at, value }) => {
        const ageMs = slotAt - Date.parse(at);
        return kinds.includes(asset.kind) && ageMs >= 0 && ageMs <= maxAgeMs && !isWrong(value);
      });
    return values.length > 0 ? [{ source, values }] : [];
  });
}

function each(check: (one: Case) => void): void {
  for (const one of cases) {
    try {
      check(one);
    } catch (error) {
      throw new Error(`with the seed "${one.seed}"`, { cause: error });
    }
  }
}

test('the cases say something: rows that are full, empty and between, conflicts, broken rules', () => {
  const filled = cases.map(({ made }) => columns.filter((column) => valueOf(made, column) !== null).length);
  expect(Math.max(...filled)).toBeGreaterThan(15);
  expect(Math.min(...filled)).toBe(0);
  expect(cases.filter(({ made }) => made.merged.conflicts.length > 0).length).toBeGreaterThan(100);
  const broken = cases.flatMap(({ made }) => Object.values(made.merged.candidates).flat());
  expect(
    new Set(broken.flatMap(({ isBroken, refused }) => (isBroken ? refused!.replaceAll(/[\d.-]+/g, 'N') : []))).size,
  ).toBeGreaterThan(4);
});

test('any order of sources gives the same rows', () => {
  each(({ random, asset, rules, observations, made }) => {
    const again = slotRows(asset, slot, new Map(shuffled(random, [...observations])), rules);
    expect([again.onchain, again.sentiment]).toEqual([made.onchain, made.sentiment]);
  });
});

test('a field is the newest value of its best source that the slot may use; NULL never beats a value', () => {
  each((one) => {
    for (const name of fieldNames) {
      if (supplies.includes(name)) continue;
      const [best] = usable(one, name);
      const chosen = one.made.merged.chosen[name];
      expect([name, chosen?.source]).toEqual([name, best?.source]);
      if (!best || !chosen) continue;
      const newest = best.values
        .map(({ at }) => at)
        .toSorted()
        .at(-1);
      if (!fieldOf(name).neverFalls) expect([name, chosen.at]).toEqual([name, newest]);
      else expect(Number(chosen.value)).toBe(Math.max(...best.values.map(({ value }) => Math.round(Number(value)))));
      if (fieldOf(name).table === 'input') continue;
      expect([name, valueOf(one.made, name)]).toEqual([name, chosen.value]);
    }
  });
});

test('of the supplies as many as fit together are there, in order', () => {
  each((one) => {
    const { chosen } = one.made.merged;
    const own = supplies.flatMap((name) => chosen[name] ?? []);
    own
      .slice(1)
      .forEach((each, index) => expect(compareDecimals(own[index]!.value, each.value)).toBeLessThanOrEqual(0));
    const offered = supplies.map((name) => usable(one, name));
    if (offered.some((all) => all.length > 0)) expect(own.length).toBeGreaterThan(0);
    // where the best of each fit, they are taken
    const best = offered.map(([first]) => first?.source);
    const fits = supplies.every((name) => (one.made.merged.candidates[name] ?? []).every(({ isBroken }) => !isBroken));
    if (fits) expect(supplies.map((name) => chosen[name]?.source)).toEqual(best);
  });
});

test("no field's own time is after its slot, nor older than it may be, nor of another kind of network", () => {
  each(({ asset, rules, made }) => {
    const all = Object.entries(made.merged.chosen) as [FieldName, StoredValue & { source: string }][];
    const wrong = all.filter(([name, { at, source }]) => {
      const stated = rules[name].find((each) => each.source === source)!;
      const isOfKind = fieldOf(name).kinds.includes(asset.kind) && stated.kinds.includes(asset.kind);
      return at > slot || slotAt - Date.parse(at) > stated.maxAgeMs || !isOfKind;
    });
    expect(wrong).toEqual([]);
  });
});

test('adding a source never lowers coverage, nor takes a value away but one of the supplies for another', () => {
  each(({ random, asset, rules, observations, made }) => {
    const said = new Set([...observations.keys()].map(sourceOfKey));
    const absent = ['a', 'b', 'c', 'd'].filter((name) => !said.has(name));
    if (absent.length === 0) return;
    const more = new Map([...observations, [absent[random.integer(0, absent.length - 1)]!, anyObservation(random)]]);
    const then = slotRows(asset, slot, more, rules);
    const gone = columns.filter((column) => valueOf(made, column) !== null && valueOf(then, column) === null);
    expect(gone.filter((column) => !supplies.includes(column as FieldName))).toEqual([]);
    const filled = (rows: SlotRows) => columns.filter((column) => valueOf(rows, column) !== null).length;
    expect(filled(then)).toBeGreaterThanOrEqual(filled(made));
  });
});

test('scores: quality from 0 to 1, which are coverage and conflicts; ours from 0 to 100', () => {
  each(({ asset, rules, made }) => {
    for (const [table, row] of [
      ['onchain_data', made.onchain],
      ['crypto_sentiment_data', made.sentiment],
    ] as const) {
      if (row === null) continue;
      const score = Number(row.data_quality_score);
      expect(score >= 0 && score <= 1).toBe(true);
      const applicable = applicableColumns(rules, table, asset.kind);
      const filled = applicable.filter((column) => (row[column] ?? null) !== null).length;
      expect(score).toBeLessThanOrEqual(Number((filled / Math.max(1, applicable.length)).toFixed(4)));
      for (const column of ['developer_activity_score', 'social_sentiment_score', 'community_score']) {
        const own = row[column] ?? null;
        if (own !== null) expect(Number(own) >= 0 && Number(own) <= 100).toBe(true);
      }
    }
  });
  const full = { a: '1', b: 0 };
  expect(qualityScore(['a', 'b'], full, { compared: 0, conflicts: [] })).toBe('1.0000');
  expect(qualityScore(['a', 'b', 'c'], full, { compared: 4, conflicts: [1] })).toBe('0.5000');
  expect(qualityScore(['a'], full, { compared: 2, conflicts: [1, 2] })).toBe('0.0000');
  expect(qualityScore([], full, { compared: 0, conflicts: [] })).toBe('0');
});

test('data_source names the sources of the values in the row, and no others', () => {
  each(({ made }) => {
    for (const [table, row] of [
      ['onchain_data', made.onchain],
      ['crypto_sentiment_data', made.sentiment],
    ] as const) {
      if (row === null) continue;
      const observed = fieldNames.filter((name) => fieldOf(name).table === table && row[name] !== null);
      const inputs = derived
        .filter((own) => own.table === table && row[own.column] !== null)
        .flatMap(({ needs, uses = [] }) => [...needs, ...uses]);
      const names = [...observed, ...inputs].flatMap((name) => made.merged.chosen[name]?.source ?? []);
      expect(row.data_source).toBe(names.length === 0 ? null : [...new Set(names)].toSorted().join(','));
    }
  });
});

test('what does not apply stays NULL: no hash rate without proof of work, no stake without proof of stake', () => {
  const nullIn = ({ onchain }: { onchain: SqlRow }, names: readonly string[]) =>
    names.filter((name) => onchain[name] !== null);
  each(({ asset: { kind }, made }) => {
    if (kind === 'pos' || kind === 'token') expect(nullIn(made, ['hash_rate', 'difficulty'])).toEqual([]);
    if (kind === 'pow' || kind === 'token')
      expect(nullIn(made, ['staking_yield', 'staked_percentage', 'validator_count'])).toEqual([]);
    if (kind === 'token') expect(nullIn(made, ['block_height', 'total_value_locked'])).toEqual([]);
  });
});

test('no sentiment row where no source gave community data', () => {
  each(({ made: { sentiment } }) => {
    if (sentiment) expect(columns.some((column) => (sentiment[column] ?? null) !== null)).toBe(true);
  });
  expect(cases.some(({ made }) => made.sentiment === null)).toBe(true);
});

test('what is explained of a column is what its row says, and what is used is said once', () => {
  each(({ random, asset, rules, observations, made }) => {
    const names = shuffled(random, explainable).slice(0, 6);
    const explained = names.map((name) => explainColumn(name, { asset, slot, observations, rules, sources: [] }));
    const expected = names.map((name) =>
      tableOfColumn(name) === null ? (made.merged.chosen[name as FieldName]?.value ?? null) : valueOf(made, name),
    );
    expect(explained.map(({ value }) => value)).toEqual(expected);
    for (const { field, said, value } of explained.flatMap(({ fields }) => fields)) {
      expect(said.map(({ source }) => source)).toEqual(rules[field].map(({ source }) => source));
      expect(said.filter(({ isUsed }) => isUsed).map((one) => one.value)).toEqual(value === null ? [] : [value]);
      expect(said.filter(({ isUsed, reason }) => isUsed === (reason !== null))).toEqual([]);
    }
  });
});

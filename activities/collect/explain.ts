import type { Asset } from '../../db/queries/assets';
import { fieldNames, fieldOf, type FieldName } from '../fields';
import type { Source } from '../source';
import { derived, type DerivedColumn } from './derive';
import { historySuffix, type Candidate, type Merged } from './merge';
import { slotRows } from './rows';
import { applicableColumns, type FieldSource, type Rules } from './rules';
import { slotName } from './slots';
import type { StoredObservation } from './stored';

// The promise: what is explained is what was written. The row is made again by the function that the writer uses, from
// the same observations, so no second opinion about precedence or age can creep in.

type Table = 'onchain_data' | 'crypto_sentiment_data';

/** What one source said of a field, and what became of it. */
export interface SaidBySource {
  source: string;
  /** 1 is believed first */
  rank: number;
  /** in the unit of the field; null: nothing is known of it */
  value: string | null;
  /** as the source wrote it, and how it was converted; null: as it is */
  from: string | null;
  /** the value's own time, ISO */
  at: string | null;
  /** at the slot, in seconds; negative: newer than the slot */
  ageSeconds: number | null;
  isUsed: boolean;
  /** why it is not used */
  reason: string | null;
}

export interface ExplainedField {
  field: FieldName;
  unit: string;
  /** by precedence */
  said: SaidBySource[];
  /** what the row gets; null: nothing */
  value: string | null;
  source: string | null;
  /** how far the sources may differ, where they differ by more */
  conflictBeyond: number | null;
}

/** A column of ours, and the fields that it is made of. */
export interface ExplainedColumn {
  column: string;
  /** null: an input of our own columns, which no row holds */
  table: Table | null;
  unit: string;
  value: string | null;
  /** null: the column is an observed field, the only one of `fields` */
  formula: string | null;
  fields: ExplainedField[];
  /** why the column stays empty whatever is said; null: it does not */
  notApplicable: string | null;
}

/** Everything that can be explained: the observed fields and our own columns. */
export const explainable: readonly string[] = [...fieldNames, ...derived.map(({ column }) => column)];

export interface ExplainContext {
  asset: Asset;
  /** ISO */
  slot: string;
  /** by key of the observation */
  observations: ReadonlyMap<string, StoredObservation>;
  rules: Rules;
  sources: readonly Source[];
}

/** Where a column of a slot's row comes from. `name` is one of `explainable`. */
export function explainColumn(name: string, context: ExplainContext): ExplainedColumn {
  const { asset, slot, observations, rules } = context;
  const { onchain, sentiment, merged } = slotRows(asset, slot, observations, rules);
  const own = ownColumn(name);
  const names = own ? [...own.needs, ...(own.uses ?? [])] : [name as FieldName];
  const table = tableOfColumn(name);
  const row = table === 'crypto_sentiment_data' ? sentiment : onchain;
  const stored = table === null ? merged.chosen[name as FieldName]?.value : row?.[name];
  return {
    ...{ column: name, table, unit: own?.unit ?? fieldOf(name as FieldName).unit },
    value: typeof stored === 'string' ? stored : null,
    formula: own?.formula ?? null,
    fields: names.map((field) => explainField(field, merged, context)),
    notApplicable: table === null ? null : notApplicable(name, table, context),
  };
}

/** The table that has it; null: an input, which no row holds. `name` is one of `explainable`. */
export function tableOfColumn(name: string): Table | null {
  const table = ownColumn(name)?.table ?? fieldOf(name as FieldName).table;
  return table === 'input' ? null : table;
}

function ownColumn(name: string): DerivedColumn | undefined {
  return derived.find(({ column }) => column === name);
}

function notApplicable(column: string, table: Table, { asset: { kind }, rules }: ExplainContext): string | null {
  if (applicableColumns(rules, table, kind).includes(column)) return null;
  if (!ownColumn(column) && rules[column as FieldName].length === 0) return 'no source has it';
  return `no source gives it for ${kind}`;
}

function explainField(field: FieldName, merged: Merged, context: ExplainContext): ExplainedField {
  const { rules } = context;
  const chosen = merged.chosen[field];
  const candidates = merged.candidates[field] ?? [];
  return {
    field,
    unit: fieldOf(field).unit,
    said: rules[field].map((stated) => {
      const candidate = candidates.find(({ source }) => source === stated.source);
      return candidate ? saidOf(candidate, chosen, context) : nothingSaid(field, stated, context);
    }),
    value: chosen?.value ?? null,
    source: chosen?.source ?? null,
    conflictBeyond: merged.conflicts.some((conflict) => conflict.field === field) ? fieldOf(field).tolerance : null,
  };
}

function saidOf(candidate: Candidate, chosen: Candidate | undefined, { slot }: ExplainContext): SaidBySource {
  const { source, rank, value, from, at, refused } = candidate;
  const isUsed = candidate === chosen;
  return {
    ...{ source, rank, value, from: from ?? null, at, isUsed },
    ageSeconds: Math.round((Date.parse(slot) - Date.parse(at)) / 1_000),
    reason: isUsed ? null : (refused ?? `${chosen?.source} is believed first`),
  };
}

function nothingSaid(field: FieldName, { source, rank, kinds }: FieldSource, context: ExplainContext): SaidBySource {
  const { kind } = context.asset;
  const nothing = { source, rank, value: null, from: null, at: null, ageSeconds: null, isUsed: false };
  if (!kinds.includes(kind)) return { ...nothing, reason: `does not apply to ${kind}` };
  return { ...nothing, reason: whyNothing(field, source, context) };
}

/** What is known of a source that has no value: whether it was asked, or does not know the asset. */
function whyNothing(field: FieldName, name: string, { asset, observations, sources }: ExplainContext): string {
  const observe = sources.find((each) => each.name === name)?.observe;
  if (observe && observe.idOf(asset) === undefined) return `does not know ${asset.coinId}`;
  const own = observations.get(name);
  const readings = Object.entries(observe?.readings ?? {}).filter(([, { gives }]) => gives.includes(field));
  const answered = readings.flatMap(([reading]) => own?.asked[reading] ?? []).toSorted();
  const last = answered.at(-1);
  if (last !== undefined) return `no value that is young enough; its last answer was in the slot ${slotName(last)}`;
  if (observations.has(`${name}${historySuffix}`)) return 'its history has no value for this slot';
  return own ? 'gave no value yet' : 'nothing of it is stored for this slot';
}

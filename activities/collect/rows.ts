import type { Asset } from '../../db/queries/assets';
import type { SqlRow, SqlValue } from '../../db/upsert';
import { fieldNames, fieldOf, type FieldName } from '../fields';
import { derived } from './derive';
import { mergeSlot, type Candidate, type Merged } from './merge';
import { applicableColumns, type Rules } from './rules';
import { qualityScore } from './score';
import { slotColumn } from './slots';
import type { StoredObservation } from './stored';

type Table = 'onchain_data' | 'crypto_sentiment_data';

/** Columns that no source has; they are there for a source to come. */
const columnsOf = (table: Table): string[] => [
  ...fieldNames.filter((name) => fieldOf(name).table === table),
  ...derived.filter((each) => each.table === table).map(({ column }) => column),
];
const columns = { onchain_data: columnsOf('onchain_data'), crypto_sentiment_data: columnsOf('crypto_sentiment_data') };

export interface SlotRows {
  onchain: SqlRow;
  /** null where no source gave community data */
  sentiment: SqlRow | null;
  merged: Merged;
}

/** The rows of an asset in a slot: nothing but its observations decides what they say. */
export function slotRows(
  { coinId, symbol, kind }: Asset,
  slot: string,
  observations: ReadonlyMap<string, StoredObservation>,
  rules: Rules,
): SlotRows {
  const merged = mergeSlot({ kind, observations, slot, rules });
  const rowOf = (table: Table): SqlRow => {
    const values = valuesOf(table, merged, kind, rules);
    const conflicts = merged.conflicts.filter(({ field }) => fieldOf(field).table === table);
    const compared = fieldNames.filter((name) => fieldOf(name).table === table && given(merged, name) > 1).length;
    return {
      coin_id: coinId,
      symbol,
      timestamp_iso: slotColumn(slot),
      ...values,
      data_source: sourcesOf(table, merged, values),
      data_quality_score: qualityScore(applicableColumns(rules, table, kind), values, { compared, conflicts }),
    };
  };
  const sentiment = rowOf('crypto_sentiment_data');
  const hasSentiment = columns.crypto_sentiment_data.some((column) => sentiment[column] !== null);
  return { onchain: rowOf('onchain_data'), sentiment: hasSentiment ? sentiment : null, merged };
}

function given({ candidates }: Merged, name: FieldName): number {
  return (candidates[name] ?? []).filter(({ refused }) => refused === undefined).length;
}

function valuesOf(table: Table, { chosen }: Merged, kind: Asset['kind'], rules: Rules): Record<string, SqlValue> {
  const texts = Object.fromEntries(Object.entries(chosen).map(([name, { value }]) => [name, value]));
  const applicable = applicableColumns(rules, table, kind);
  return Object.fromEntries(
    columns[table].map((column) => {
      const own = derived.find((each) => each.column === column);
      if (!applicable.includes(column)) return [column, null];
      return [column, own ? own.of(texts) : (texts[column] ?? null)];
    }),
  );
}

/** The sources whose values are in the row, those that our own columns are made of included. */
function sourcesOf(table: Table, { chosen }: Merged, values: Readonly<Record<string, SqlValue>>): string | null {
  const own = derived.filter((each) => each.table === table && values[each.column] !== null);
  const inputs = own.flatMap(({ needs, uses = [] }) => [...needs, ...uses]);
  const used = (Object.entries(chosen) as [FieldName, Candidate][]).filter(
    ([name]) => (fieldOf(name).table === table && values[name] !== null) || inputs.includes(name),
  );
  const names = [...new Set(used.map(([, { source }]) => source))].toSorted();
  return names.length > 0 ? names.join(',') : null;
}

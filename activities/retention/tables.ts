import { families, type Family } from '../../db/families';
import { SourceFailure } from '../failures';

/** What retention looks after, in the order of its work: observations go with the rows that they explain. */
export const retainedTables = [
  'onchain_data',
  'crypto_sentiment_data',
  'source_observations',
  'data_ingestion_logs',
  'source_call_failures',
  'rejected_records',
] as const;

export type RetainedTable = (typeof retainedTables)[number];

/** The tables of an input; all without one. Throws BadInput for a name that is none. */
export function chosenTables(names: readonly string[] | undefined): RetainedTable[] {
  const known: readonly string[] = retainedTables;
  for (const name of names ?? []) {
    if (!known.includes(name))
      throw new SourceFailure('BadInput', `retention knows no table "${name}"; known: ${known.join(', ')}`);
  }
  return retainedTables.filter((table) => names === undefined || names.includes(table));
}

/** The family whose detail the table is; undefined: its rows are only deleted. */
export function familyNamed(table: RetainedTable): Family | undefined {
  return families.find(({ detail }) => detail === table);
}

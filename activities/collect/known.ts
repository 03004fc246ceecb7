import { withFollowing } from '../follow';
import { sources } from '../registry';
import { sourceOfKey } from './merge';
import { rulesOf } from './rules';
import { parseStored, type StoredObservation } from './stored';

/** The rules of the sources that there are. */
export const rules = rulesOf(sources);

/** What a slot's rows are made of: a stored observation, with what follows from it. `key` is its source's. */
export function readObservation(key: string, json: string, slot: string): StoredObservation {
  const stored = parseStored(json);
  const { observe } = sources.find(({ name }) => name === sourceOfKey(key)) ?? {};
  return observe?.follows ? { ...stored, values: withFollowing(observe, stored.values, slot) } : stored;
}

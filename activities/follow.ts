import { divideDecimals, multiplyDecimals } from './decimals';
import type { FieldName } from './fields';
import { compareDecimals } from './numbers';
import type { Following, ObservedValue, Observing } from './observation';

/** Values of one source about one asset, with the moment from which on each holds (ISO); newest first. */
type Values = Readonly<Partial<Record<FieldName, readonly (ObservedValue & { at: string })[]>>>;

/**
 * The values of a source with those that follow from them: made anew from the newest parts that the slot may use, so
 * that nothing is left of parts that are gone. What follows is as old as its oldest part.
 */
export function withFollowing({ follows = {} }: Observing, values: Values, slot: string): Values {
  const result = { ...values };
  for (const [key, { of, by }] of Object.entries(follows)) {
    const name = key as FieldName;
    delete result[name];
    const parts = of.flatMap((part) => {
      const newest = values[part]?.find(({ at }) => at <= slot);
      return newest ? [{ part, ...newest }] : [];
    });
    if (parts.length < of.length) continue;
    const found = by(Object.fromEntries(parts.map(({ part, value }) => [part, value])));
    const oldest = parts.map(({ at }) => at).toSorted()[0]!;
    if (found) result[name] = [{ ...found, at: oldest }];
  }
  return result;
}

/** One field in per cent of another. */
export function percentageOf(part: FieldName, whole: FieldName): Following {
  return {
    of: [part, whole],
    by: ({ [part]: some = '0', [whole]: all = '0' }) =>
      compareDecimals(all, '0') <= 0
        ? undefined
        : { value: divideDecimals(multiplyDecimals(some, '100'), all, 6), from: `${some} of ${all} coins` },
  };
}

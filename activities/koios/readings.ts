import { z } from 'zod';
import { divideDecimals, shiftDecimal } from '../decimals';
import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import { amount, count } from '../numbers';
import type { Observation, ObservedValue, Reading } from '../observation';
import type { SourceRequest } from '../source';

// PostgREST: answers are lists, the newest epoch is asked for by order and limit. Amounts are lovelace, times seconds.

const lovelace = amount.pipe(z.string().regex(/^\d+$/, 'expected whole lovelace'));
/** `block_no` is the older name */
const tip = z
  .object({ block_height: count.nullish(), block_no: count.nullish(), block_time: count })
  .transform(({ block_height, block_no, block_time }) => ({ height: block_height ?? block_no, block_time }))
  .pipe(z.object({ height: z.number('expected a height'), block_time: z.number() }));
const totals = z.object({ supply: lovelace });
const epoch = z.object({
  start_time: count,
  blk_count: count,
  first_block_time: count.nullish(),
  last_block_time: count.nullish(),
  // null before Shelley, and for a while at the start of an epoch
  active_stake: lovelace.nullish(),
});

const newest = { order: 'epoch_no.desc', limit: 1 };

/** One request; its first row is what is wanted. */
function readingOf<T>(
  what: string,
  given: Pick<Reading, 'gives' | 'every'> & {
    request: SourceRequest;
    row: z.ZodType<T>;
    observed: (row: T) => Omit<Observation, 'coinId'>[];
  },
): Reading {
  const rows = z.array(given.row);
  return {
    gives: given.gives,
    every: given.every,
    batch: 10,
    async fetch(http, { assets }) {
      const body = await http.getJson(given.request);
      const answer = rows.safeParse(body);
      if (!answer.success) throw schemaMismatch(`koios ${what}`, answer.error.issues, body);
      const first = answer.data[0];
      if (!first) throw new SourceFailure('Unavailable', `koios ${what}: an empty answer`);
      const observed = given.observed(first);
      const observations = assets.flatMap(({ coinId }) => observed.map((each) => ({ coinId, ...each })));
      return { observations: observations.filter(({ fields }) => Object.keys(fields).length > 0), rejects: [] };
    },
  };
}

const isoOf = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const adaOf = (text: string): ObservedValue => ({ value: shiftDecimal(text, -6), from: `${text} lovelace ÷ 10^6` });

export const readings = {
  tip: readingOf('tip', {
    ...{ gives: ['block_height'], every: '15m', request: { path: '/tip' }, row: tip },
    observed: ({ height, block_time }) => [
      { asOf: isoOf(block_time), fields: { block_height: { value: String(height) } } },
    ],
  }),
  totals: readingOf('totals', {
    ...{ gives: ['issued_supply'], every: '6h', request: { path: '/totals', query: newest }, row: totals },
    observed: ({ supply }) => [{ asOf: null, fields: { issued_supply: adaOf(supply) } }],
  }),
  // transactions and fees of an epoch are those of up to five days: no day's figures are made of them
  epoch: readingOf('epoch_info', {
    ...{ gives: ['block_time_seconds', 'staked_coins'], every: '6h' },
    ...{ request: { path: '/epoch_info', query: newest }, row: epoch },
    observed: ({ start_time, blk_count, first_block_time: first, last_block_time: last, active_stake: stake }) => [
      ...(first && last && last > first && blk_count > 1
        ? [{ asOf: isoOf(last), fields: { block_time_seconds: meanTime(last - first, blk_count - 1) } }]
        : []),
      ...(stake ? [{ asOf: isoOf(start_time), fields: { staked_coins: adaOf(stake) } }] : []),
    ],
  }),
};

function meanTime(seconds: number, blocks: number): ObservedValue {
  return {
    value: divideDecimals(String(seconds), String(blocks), 4),
    from: `${seconds} s ÷ ${blocks} blocks of the epoch`,
  };
}

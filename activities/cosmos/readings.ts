import { z } from 'zod';
import { shiftDecimal } from '../decimals';
import type { FieldName } from '../fields';
import { schemaMismatch } from '../http';
import { amount } from '../numbers';
import type { ObservedValue, Reading, SourceAsset } from '../observation';
import { instant } from '../observed';
import { ask, assetChain } from './chain';

// Amounts are texts in base units (uatom); the chain's books have no time of their own, its blocks have (nanoseconds).

const whole = amount.pipe(z.string().regex(/^\d+$/, 'expected a whole number'));
const time = z.unknown().transform(instant).pipe(z.string('expected a time'));
const header = z.object({ header: z.object({ height: whole, time }) });
// `block` is on its way out since SDK 0.46
const latest = z.union([z.object({ sdk_block: header }), z.object({ block: header })]);
const pool = z.object({ pool: z.object({ bonded_tokens: whole }) });
const supply = z.object({ amount: z.object({ denom: z.string(), amount: whole }) });
const provisions = z.object({ annual_provisions: amount });
const params = z.object({ params: z.object({ community_tax: amount }) });
const validators = z.object({ pagination: z.object({ total: whole }) });

/** One request about one chain that gives one field. */
function readingOf<T>(
  name: FieldName,
  given: {
    every: string;
    path: string;
    query?: (asset: SourceAsset) => Record<string, string>;
    shape: z.ZodType<T>;
    /** undefined: the answer does not say it */
    value: (body: T, asset: SourceAsset) => ObservedValue | undefined;
    asOf?: (body: T) => string;
  },
): Reading {
  return {
    gives: [name],
    batch: 1,
    every: given.every,
    async fetch(http, { assets }) {
      const asset = assets[0]!;
      const body = await http.getJson(ask(assetChain(asset), given.path, given.query?.(asset)));
      const answer = given.shape.safeParse(body);
      if (!answer.success) throw schemaMismatch(`cosmos ${name}`, answer.error.issues, body);
      const value = given.value(answer.data, asset);
      const asOf = given.asOf?.(answer.data) ?? null;
      const observations = value ? [{ coinId: asset.coinId, asOf, fields: { [name]: value } }] : [];
      return { observations, rejects: [] };
    },
  };
}

/** Base units → coins. */
function coins(text: string, asset: SourceAsset): ObservedValue {
  const { denom, decimals } = assetChain(asset);
  return { value: shiftDecimal(text, -decimals), from: `${text} ${denom} ÷ 10^${decimals}` };
}

const headerOf = (body: z.infer<typeof latest>) => ('sdk_block' in body ? body.sdk_block : body.block).header;
const denomOf = (asset: SourceAsset) => ({ denom: assetChain(asset).denom });

export const readings = {
  head: readingOf('block_height', {
    ...{ every: '15m', path: '/cosmos/base/tendermint/v1beta1/blocks/latest', shape: latest },
    value: (body) => ({ value: headerOf(body).height }),
    asOf: (body) => headerOf(body).time,
  }),
  supply: readingOf('total_supply', {
    ...{ every: '6h', path: '/cosmos/bank/v1beta1/supply/by_denom', query: denomOf, shape: supply },
    value: (body, asset) => (body.amount.amount === '0' ? undefined : coins(body.amount.amount, asset)),
  }),
  pool: readingOf('staked_coins', {
    ...{ every: '6h', path: '/cosmos/staking/v1beta1/pool', shape: pool },
    value: (body, asset) => coins(body.pool.bonded_tokens, asset),
  }),
  provisions: readingOf('annual_provisions', {
    ...{ every: '6h', path: '/cosmos/mint/v1beta1/annual_provisions', shape: provisions },
    value: (body, asset) => coins(body.annual_provisions, asset),
  }),
  tax: readingOf('community_tax', {
    ...{ every: '24h', path: '/cosmos/distribution/v1beta1/params', shape: params },
    value: (body) => ({ value: body.params.community_tax }),
  }),
  // the whole list is only counted; a node that does not count says 0
  validators: readingOf('validator_count', {
    ...{ every: '6h', path: '/cosmos/staking/v1beta1/validators', shape: validators },
    query: () => ({ status: 'BOND_STATUS_BONDED', 'pagination.limit': '1', 'pagination.count_total': 'true' }),
    value: (body) => (body.pagination.total === '0' ? undefined : { value: body.pagination.total }),
  }),
};

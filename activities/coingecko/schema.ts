import { z } from 'zod';
import { amount, count } from '../numbers';

const usd = z.object({ usd: amount.nullish() });

/** /coins/{id}/history: `market_data` is missing (not null) for days before the listing. */
export const history = z.object({
  id: z.string(),
  market_data: z.object({ current_price: usd, market_cap: usd, total_volume: usd }).nullish(),
});

const point = z.tuple([count, amount.nullable()]);

/** /coins/{id}/market_chart/range: points of [milliseconds, USD]. */
export const range = z.object({
  prices: z.array(point),
  market_caps: z.array(point),
  total_volumes: z.array(point),
});

/** /coins/markets: only what names a coin. */
export const market = z.object({
  id: z.string().min(1),
  symbol: z.string().min(1),
  name: z.string(),
  market_cap_rank: count.nullable(),
});
export const markets = z.array(z.unknown());
export const withId = z.looseObject({ id: z.string() });

/** /coins/{id}: values are read one by one. Without community data the object is missing, or all of it is null. */
export const details = z.looseObject({
  id: z.string(),
  last_updated: z.string().nullish(),
  community_data: z.record(z.string(), z.unknown()).nullish(),
});

/** /coins/{id}/market_chart/range once more: here of the capitalisation alone, point by point. */
export const capChart = z.object({ market_caps: z.array(z.unknown()) });

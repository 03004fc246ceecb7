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
export const withId = z.object({ id: z.string() });

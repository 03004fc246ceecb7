import { z } from 'zod';
import { count } from '../numbers';

/** /v2/chains: one row per chain. */
export const chains = z.array(z.unknown());
export const chain = z.looseObject({ name: z.string() });

/** /protocols: one row per protocol; `chainTvls` mixes chains with parts of them (`Ethereum-staking`, `borrowed`). */
export const protocols = z.array(z.unknown());
export const protocol = z.object({
  name: z.string(),
  category: z.string().nullish(),
  chainTvls: z.record(z.string(), z.unknown()).nullish(),
});

/** /v2/historicalChainTvl/{chain}: seconds and USD. */
export const chainHistory = z.array(z.unknown());
export const chainPoint = z.looseObject({ date: count });

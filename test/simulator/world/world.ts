import { CHAINS, COINS, type Coin } from './coins';
import { extraCoins, MORE_COINS } from './more-coins';
import { createMarket, type Market } from './prices';
import { type ChainTables, createChainTables } from './tables';

/** Everything the simulated services know: one world for all of them, so that their figures agree. */
export interface World {
  seed: string;
  now(): Date;
  coins: readonly Coin[];
  market: Market;
  /** Tables of a chain by its name in Blockchair's paths. */
  chains: ReadonlyMap<string, ChainTables>;
  /** Fields that replace those of an address' dashboard, by `<chain>/<address>`. */
  addressChanges: Map<string, Record<string, unknown>>;
  /** Fields that replace those of a row of CoinMetrics, by `<asset>/<date>`. */
  metricChanges: Map<string, Record<string, unknown>>;
}

/** Makes the world of a seed. Its contents depend on seed, coin and date alone; `now` only hides what is newer. */
export function createWorld(options: {
  seed: string;
  now: () => Date;
  blocksPerDay: number;
  transactionsPerDay: number;
  extraCoins?: number;
}): World {
  const { seed, now } = options;
  const market = createMarket(seed);
  const chains = new Map([...CHAINS].map(([slug, coin]) => [slug, createChainTables(seed, coin, market, options)]));
  const coins = [...COINS, ...MORE_COINS, ...extraCoins(options.extraCoins ?? 0)];
  return { seed, now, coins, market, chains, addressChanges: new Map(), metricChanges: new Map() };
}

import { noise, seedOf } from './random';
import { DAY_MS, HOUR_MS } from './time';
import type { World } from './world';

/*
 * What networks say about themselves at a moment. Blocks keep the true pace of each chain (the tables of Blockchair's
 * world are thinned), supply is that of the market, and everything else moves slowly around a plausible value.
 */

interface Pace {
  /** Height at this time, and seconds between blocks from then on. */
  at: string;
  height: number;
  seconds: number;
}

const PACES: Readonly<Record<string, Pace>> = {
  ethereum: { at: '2026-11-01T00:00:23Z', height: 26_321_000, seconds: 12 },
  solana: { at: '2026-11-01T00:00:00Z', height: 428_500_000, seconds: 0.402 },
  cardano: { at: '2026-11-01T00:00:00Z', height: 14_260_000, seconds: 20 },
  cosmoshub: { at: '2026-11-01T00:00:00Z', height: 32_400_000, seconds: 5.8 },
  injective: { at: '2026-11-01T00:00:00Z', height: 171_000_000, seconds: 0.65 },
};

export interface Head {
  height: number;
  ms: number;
}

/** The last block of a network at a moment, or so many blocks before it. */
export function headOf(network: string, nowMs: number, blocksBefore = 0): Head {
  const { at, height, seconds } = PACES[network]!;
  const blocks = Math.floor((nowMs - Date.parse(at)) / (seconds * 1_000)) - blocksBefore;
  return { height: height + blocks, ms: Date.parse(at) + Math.floor(blocks * seconds * 1_000) };
}

/** A value that is within `share` of its middle and takes a week to change much. */
export function slowly(world: World, what: string, middle: number, share: number): number {
  const weeks = world.now().getTime() / (7 * DAY_MS);
  return middle * (1 + share * noise(seedOf(`${world.seed}/${what}`), weeks));
}

/** Coins of a network at the start of the hour, in whole coins. */
export function coinsOf(world: World, coinId: string): number {
  const hour = Math.floor(world.now().getTime() / HOUR_MS) * HOUR_MS;
  const coin = world.coins.find(({ id }) => id === coinId);
  return coin ? world.market.supplyAt(coin, hour) : 0;
}

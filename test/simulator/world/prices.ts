import type { Coin } from './coins';
import { noise, seedOf } from './random';
import { DAY_MS, dayNumber } from './time';

/** What the market said about a coin at a moment, in USD. */
export interface Quote {
  price: number;
  marketCap: number;
  volume: number;
}

export interface Market {
  /** The quote of a moment; undefined before the coin was listed and for dead coins. */
  at(coin: Coin, ms: number): Quote | undefined;
  /** The same without overrides: what chains value their rows at, so that one changed price changes one row. */
  fair(coin: Coin, ms: number): Quote | undefined;
  /** Coins in circulation at a moment. */
  supplyAt(coin: Coin, ms: number): number;
  /** Replaces what the quote that begins a UTC day (`YYYY-MM-DD`) says; returns what undoes it. */
  override(coinId: string, date: string, quote: Partial<Quote>): () => void;
}

/** The day on which a coin has about the price of the table. */
const ANCHOR_DAY = dayNumber(Date.parse('2026-11-01'));
const YEARLY_GROWTH = 0.35;

// Noise of these periods (days) with amplitudes that grow like their square root looks like a random walk,
// and any moment can be asked without walking there. The shortest periods divide a day, so midnight is on their grid.
const PERIODS = [1 / 24, 1 / 4, 1, 3, 9, 27, 81, 243, 729];

export function createMarket(seed: string): Market {
  const overrides = new Map<string, Partial<Quote>>();
  const layers = new Map<string, { seed: number; period: number }[]>();
  const volumeSeeds = new Map<string, number>();

  function walk(coin: Coin, day: number): number {
    let own = layers.get(coin.id);
    if (!own) {
      own = PERIODS.map((period) => ({ seed: seedOf(`${seed}/${coin.id}/price/${period}`), period }));
      layers.set(coin.id, own);
    }
    return own.reduce((sum, layer) => sum + noise(layer.seed, day / layer.period) * Math.sqrt(layer.period), 0);
  }

  function volumeSeed(coin: Coin): number {
    const known = volumeSeeds.get(coin.id) ?? seedOf(`${seed}/${coin.id}/volume`);
    volumeSeeds.set(coin.id, known);
    return known;
  }

  function supplyAt(coin: Coin, ms: number): number {
    const years = (ms / DAY_MS - ANCHOR_DAY) / 365;
    const supply = coin.supply * Math.exp(0.01 * Math.min(years, 3));
    return Math.round(Math.min(supply, coin.maxSupply ?? supply));
  }

  function fair(coin: Coin, ms: number): Quote | undefined {
    if (coin.dead || ms < Date.parse(coin.listed)) return undefined;
    const day = ms / DAY_MS;
    // Stable coins do not grow.
    const growth = coin.volatility > 0.001 ? (YEARLY_GROWTH * (day - ANCHOR_DAY)) / 365 : 0;
    const price = coin.price * Math.exp(growth + coin.volatility * (walk(coin, day) - walk(coin, ANCHOR_DAY)));
    const marketCap = price * supplyAt(coin, ms);
    const volume = marketCap * 0.04 * Math.exp(0.5 * noise(volumeSeed(coin), day * 4));
    return { price, marketCap, volume };
  }

  return {
    supplyAt,
    fair,
    at(coin, ms) {
      const quote = fair(coin, ms);
      const day = ms / DAY_MS;
      const override = day === Math.floor(day) ? overrides.get(`${coin.id}/${day}`) : undefined;
      return quote && override ? { ...quote, ...override } : quote;
    },
    override(coinId, date, quote) {
      const key = `${coinId}/${dayNumber(Date.parse(date))}`;
      overrides.set(key, quote);
      return () => void overrides.delete(key);
    },
  };
}

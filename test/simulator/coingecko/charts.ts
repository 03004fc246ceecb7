import type { Coin } from '../world/coins';
import type { Quote } from '../world/prices';
import { mix, seedOf } from '../world/random';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../world/time';
import type { World } from '../world/world';
import { perDollar } from './currencies';

type Point = [ms: number, value: number];

/** The three series of `/market_chart` and `/market_chart/range`; times in milliseconds. */
export interface Chart {
  prices: Point[];
  market_caps: Point[];
  total_volumes: Point[];
}

/**
 * Points from `fromMs` to `toMs`: 5-minutely for the day that ends now, hourly up to 90 days, daily at 00:00 UTC beyond.
 * Finer points carry the value of their hour or five minutes but are stamped seconds to minutes later, as upstream:
 * a day's first point is its 00:00 snapshot without saying exactly 00:00. When the range reaches now, the last point is now.
 */
export function chart(
  world: World,
  coin: Coin,
  currency: string,
  range: { fromMs: number; toMs: number; daily?: boolean },
): Chart {
  const nowMs = world.now().getTime();
  const toMs = Math.min(range.toMs, nowMs);
  const span = range.toMs - range.fromMs;
  // Callers say "now" in whole seconds of their own clock.
  const reachesNow = range.toMs >= nowMs - MINUTE_MS;
  const daily = range.daily === true || span > 90 * DAY_MS;
  const step = daily ? DAY_MS : span <= DAY_MS && reachesNow ? 5 * MINUTE_MS : HOUR_MS;
  const seed = seedOf(`${world.seed}/${coin.id}/stamps`);
  const points: Chart = { prices: [], market_caps: [], total_volumes: [] };

  function add(stampMs: number, quote: Quote | undefined, quotedMs: number): void {
    const rate = quote && perDollar(world, currency, quotedMs);
    if (rate === undefined || !quote) return;
    points.prices.push([stampMs, quote.price * rate]);
    points.market_caps.push([stampMs, quote.marketCap * rate]);
    points.total_volumes.push([stampMs, quote.volume * rate]);
  }

  for (let ms = Math.floor(range.fromMs / step) * step; ms <= toMs; ms += step) {
    const late = daily ? 0 : 1000 + (mix(seed ^ (ms / step)) % Math.floor(step / 12));
    const stampMs = ms + late;
    if (stampMs >= range.fromMs && stampMs <= toMs) add(stampMs, world.market.at(coin, ms), ms);
  }
  if (reachesNow) add(nowMs, world.market.at(coin, nowMs), nowMs);
  return points;
}

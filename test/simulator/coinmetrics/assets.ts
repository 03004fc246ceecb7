import type { Coin } from '../world/coins';
import type { DayMetrics } from '../world/metrics';
import type { World } from '../world/world';

/** What the community plan was refused (403) in 2026. */
export const restricted: ReadonlySet<string> = new Set(['TxTfrValAdjUSD', 'CapRealUSD', 'NVTAdj']);

/** `HashRate` has a unit of each asset's own: hashes of one. */
const HASH_UNITS: Readonly<Record<string, number>> = {
  ...{ dash: 1e9, zec: 1e9, btg: 1e9, vtc: 1e9, xmr: 1e6 },
};

/** Where an asset is on several chains, the name says on which. */
const OWN_NAMES: Readonly<Record<string, string>> = { 'shiba-inu': 'shib_eth' };

/** Coins without a chain that anyone counts. */
const UNKNOWN: ReadonlySet<string> = new Set(['batcat', 'nameless-token', 'departed-coin', 'baby-doge-coin']);

const found = new WeakMap<World, ReadonlyMap<string, Coin>>();

/** The assets that are covered, by the source's id: the ticker, of the first coin that has it. */
export function assetsOf(world: World): ReadonlyMap<string, Coin> {
  const known = found.get(world);
  if (known) return known;
  const covered = world.coins.filter(({ id }) => !UNKNOWN.has(id)).toReversed();
  const assets = new Map(covered.map((coin) => [OWN_NAMES[coin.id] ?? coin.symbol, coin]));
  found.set(world, assets);
  return assets;
}

/** Every metric that the asset has, as text; one that it does not have is missing. */
export function metricsOf(coin: Coin, day: DayMetrics): Readonly<Record<string, string | undefined>> {
  const { difficulty, hashesPerSecond } = day;
  return {
    AdrActCnt: String(day.activeAddresses),
    TxCnt: String(day.transactions),
    TxTfrValAdjUSD: String(day.transferUsd),
    CapMrktCurUSD: String(day.marketCap),
    CapRealUSD: String(day.marketCap / day.mvrv),
    CapMVRVCur: String(day.mvrv),
    NVTAdj: String(day.marketCap / day.transferUsd),
    SplyCur: String(day.supply),
    IssContPctAnn: String(day.inflation),
    PriceUSD: String(day.marketCap / day.supply),
    DiffLast: difficulty === undefined ? undefined : String(difficulty),
    DiffMean: difficulty === undefined ? undefined : String(difficulty),
    HashRate: hashesPerSecond === undefined ? undefined : String(hashesPerSecond / (HASH_UNITS[coin.symbol] ?? 1e12)),
  };
}

import type { SourceAsset, SourceIds } from '../observation';

/**
 * Chains under the names that DeFiLlama gives them. One chain can have several, since the endpoints differ: BNB Chain is
 * `BSC` in /v2/chains and `Binance` in /protocols, so `source_ids` may hold a list, the name of /v2/chains first.
 */
export function chainNames(ids: SourceIds): string[] {
  const given = ids.defillama;
  return given === undefined ? [] : typeof given === 'string' ? [given] : [...given];
}

/** The assets by every name of their chain. */
export function assetsByChain(assets: readonly SourceAsset[]): Map<string, SourceAsset[]> {
  const byName = new Map<string, SourceAsset[]>();
  for (const asset of assets) {
    for (const name of chainNames(asset.sourceIds)) byName.set(name, [...(byName.get(name) ?? []), asset]);
  }
  return byName;
}

import type { Asset } from '../db/queries/assets';
import { SourceFailure } from './failures';
import type { SourceAsset } from './observation';
import type { Source } from './source';

/** The active assets that a source has, under its own names, by coin id. */
export function sourceAssets({ observe }: Source, assets: readonly Asset[]): SourceAsset[] {
  if (!observe) return [];
  return assets.flatMap(({ coinId, symbol, kind, isActive, sourceIds }) => {
    const asset = { coinId, symbol, kind, sourceIds };
    const sourceId = isActive ? observe.idOf(asset) : undefined;
    return sourceId === undefined ? [] : [{ ...asset, sourceId }];
  });
}

/** Finds an asset by its CoinGecko id or its ticker. Throws BadInput naming the candidates. */
export function findAsset(assets: readonly Asset[], name: string): Asset {
  const byId = assets.find((asset) => asset.coinId === name.toLowerCase());
  if (byId) return byId;
  const byTicker = assets.filter((asset) => asset.symbol === name.toUpperCase());
  if (byTicker.length === 1) return byTicker[0]!;
  throw new SourceFailure(
    'BadInput',
    byTicker.length > 1
      ? `asset "${name}" is ambiguous: ${byTicker.map((asset) => asset.coinId).join(' or ')}; give the id`
      : `asset "${name}" is unknown; known: ${assets.map((asset) => asset.coinId).join(', ')}; to add it: npm run cli -- coins add ${name}`,
  );
}

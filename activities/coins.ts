import type { Kysely } from 'kysely';
import { listCoins, type Coin } from '../db/queries/coins';
import type { Schema } from '../db/schema';
import { SourceFailure } from './failures';
import { listAssets } from '../db/queries/assets';
import { findAsset, sourceAssets } from './assets';
import type { NamedDataset } from './registry';
import type { Source, SourceCoin } from './source';

/** Finds a coin by its CoinGecko id or its ticker. Throws BadInput naming the candidates. */
export function findCoin(coins: readonly Coin[], name: string): Coin {
  const byId = coins.find((coin) => coin.coinId === name.toLowerCase());
  if (byId) return byId;
  const byTicker = coins.filter((coin) => coin.symbol === name.toUpperCase());
  if (byTicker.length === 1) return byTicker[0]!;
  if (byTicker.length > 1) {
    throw new SourceFailure(
      'BadInput',
      `coin "${name}" is ambiguous: ${byTicker.map((coin) => coin.coinId).join(' or ')}; give the id`,
    );
  }
  const known = coins.map((coin) => coin.coinId).join(', ');
  throw new SourceFailure(
    'BadInput',
    `coin "${name}" is unknown; known: ${known}; to add it: npm run cli -- coins add ${name}`,
  );
}

export async function resolveCoin(db: Kysely<Schema>, name: string): Promise<Coin> {
  return findCoin(await listCoins(db), name);
}

/** As much of a coin as sources are told. */
export type NamedCoin = Pick<Coin, 'coinId' | 'symbol' | 'blockchairId'>;

/** A coin under the source's own name, or undefined where the source does not have it. */
export function sourceCoin(source: Source, coin: NamedCoin): SourceCoin | undefined {
  if (source.coinColumn === undefined) return undefined;
  const sourceId = source.coinColumn === 'blockchair_id' ? coin.blockchairId : coin.coinId;
  return sourceId === null ? undefined : { coinId: coin.coinId, symbol: coin.symbol, sourceId };
}

/** Whom a run of a dataset is about, and under which name its source knows it; undefined: the source does not. */
export async function resolveSubject(
  db: Kysely<Schema>,
  { source, dataset }: NamedDataset,
  name: string,
): Promise<{ coinId: string; symbol: string; known: SourceCoin | undefined }> {
  if (dataset.of !== 'assets') {
    const coin = await resolveCoin(db, name);
    return { coinId: coin.coinId, symbol: coin.symbol, known: sourceCoin(source, coin) };
  }
  const asset = findAsset(await listAssets(db), name);
  return { coinId: asset.coinId, symbol: asset.symbol, known: sourceAssets(source, [{ ...asset, isActive: true }])[0] };
}

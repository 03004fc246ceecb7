import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema';

/** A coin whose chain or price is ingested. `coinId` is its one name, the CoinGecko id. */
export interface Coin {
  coinId: string;
  symbol: string;
  name: string;
  blockchairId: string | null;
  rank: number | null;
  isActive: boolean;
  ingestionEnabled: boolean;
  lastIngestedDate: string | null;
}

export async function listCoins(db: Kysely<Schema>): Promise<Coin[]> {
  const rows = await db.selectFrom('coin_metadata').selectAll().orderBy('coingecko_id').execute();
  return rows.map((row) => ({
    coinId: row.coingecko_id,
    symbol: row.symbol,
    name: row.name,
    blockchairId: row.blockchair_id,
    rank: row.market_cap_rank,
    isActive: Boolean(row.is_active),
    ingestionEnabled: Boolean(row.ingestion_enabled),
    lastIngestedDate: row.last_ingested_date,
  }));
}

export async function addCoin(
  trx: Transaction<Schema>,
  coin: { coinId: string; symbol: string; name: string; blockchairId: string | null; networkType: 'pow' | 'pos' | 'hybrid' | 'token' },
): Promise<void> {
  await trx
    .insertInto('coin_metadata')
    .values({ coingecko_id: coin.coinId, symbol: coin.symbol, name: coin.name, blockchair_id: coin.blockchairId })
    .execute();
  await trx
    .insertInto('crypto_assets')
    .values({ coin_id: coin.coinId, symbol: coin.symbol, name: coin.name, network_type: coin.networkType })
    .onDuplicateKeyUpdate({ is_active: 1 })
    .execute();
}

/** Enabled coins are ingested every day; an operator's word is kept in `operator_set`, which syncCoins respects. */
export async function setCoinEnabled(trx: Transaction<Schema>, coinId: string, enabled: boolean): Promise<void> {
  await trx
    .updateTable('coin_metadata')
    .set({ ingestion_enabled: enabled ? 1 : 0 })
    .where('coingecko_id', '=', coinId)
    .execute();
  await trx
    .updateTable('crypto_assets')
    .set({ is_active: enabled ? 1 : 0 })
    .where('coin_id', '=', coinId)
    .execute();
}

export interface CoinNews {
  coinId: string;
  symbol: string;
  name: string;
  rank: number | null;
}

/**
 * What a source says about known coins: name and rank, and the ticker only where no other coin has it.
 * Columns that an operator set stay. Returns exact counts.
 */
export async function refreshCoins(trx: Transaction<Schema>, news: readonly CoinNews[]): Promise<{ updated: number; unchanged: number }> {
  let updated = 0;
  for (const coin of news) {
    const row = await trx.selectFrom('coin_metadata').selectAll().where('coingecko_id', '=', coin.coinId).forUpdate().executeTakeFirst();
    if (!row) continue;
    const fixed = new Set((row.operator_set ?? '').split(',').filter(Boolean));
    const change: { name?: string; market_cap_rank?: number | null } = {};
    if (!fixed.has('name') && row.name !== coin.name) change.name = coin.name;
    if (!fixed.has('market_cap_rank') && row.market_cap_rank !== coin.rank) change.market_cap_rank = coin.rank;
    if (Object.keys(change).length === 0) continue;
    updated += 1;
    await trx.updateTable('coin_metadata').set(change).where('coingecko_id', '=', coin.coinId).execute();
    await trx.updateTable('crypto_assets').set(change).where('coin_id', '=', coin.coinId).execute();
  }
  return { updated, unchanged: news.length - updated };
}

/** The newest date for which everything of a coin came; it never goes back. */
export async function advanceLastIngested(db: Kysely<Schema>, coinId: string, date: string): Promise<void> {
  await db
    .updateTable('coin_metadata')
    .set({ last_ingested_date: date })
    .where('coingecko_id', '=', coinId)
    .where((where) => where.or([where('last_ingested_date', 'is', null), where('last_ingested_date', '<', date)]))
    .execute();
}

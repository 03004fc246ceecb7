import type { Kysely } from 'kysely';
import type { Schema } from '../schema';
import type { NetworkType } from './coins';

/** An asset that is collected every 15 minutes. `sourceIds` are the sources' own ids of it, by source. */
export interface Asset {
  coinId: string;
  symbol: string;
  name: string;
  kind: NetworkType;
  isActive: boolean;
  sourceIds: Readonly<Record<string, string | readonly string[]>>;
}

/** All assets, by coin id. */
export async function listAssets(db: Kysely<Schema>): Promise<Asset[]> {
  const rows = await db.selectFrom('crypto_assets').selectAll().orderBy('coin_id').execute();
  return rows.map((row) => ({
    coinId: row.coin_id,
    symbol: row.symbol,
    name: row.name,
    kind: row.network_type,
    isActive: Boolean(row.is_active),
    sourceIds: row.source_ids === null ? {} : (JSON.parse(row.source_ids) as Asset['sourceIds']),
  }));
}

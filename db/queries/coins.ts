import type { Kysely, Transaction, Updateable } from 'kysely';
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

export type NetworkType = 'pow' | 'pos' | 'hybrid' | 'token';

/** A coin as `coins list` shows it: the columns of coin_metadata, and how its network agrees. */
export async function listCoinRows(db: Kysely<Schema>) {
  const rows = await db
    .selectFrom('coin_metadata as coin')
    .leftJoin('crypto_assets as asset', 'asset.coin_id', 'coin.coingecko_id')
    .selectAll('coin')
    .select('asset.network_type')
    .orderBy('coin.coingecko_id')
    .execute();
  return rows.map((row) => ({ ...row, operator_set: [...columnsIn(row.operator_set)] }));
}

/** What an operator says about a coin; what is left out is not said. */
export interface CoinWords {
  symbol?: string;
  name?: string;
  blockchair_id?: string;
  network_type?: NetworkType;
}

/**
 * Ingested daily and collected from now on. `said` are the columns that the operator gave by hand. Returns the network
 * type, which an asset that was there keeps.
 */
export async function addCoin(
  trx: Transaction<Schema>,
  coin: { coinId: string; symbol: string; name: string; blockchairId: string | null; networkType: NetworkType },
  said: CoinWords,
): Promise<NetworkType> {
  const { network_type, ...ofChain } = said;
  await trx
    .insertInto('coin_metadata')
    .values({
      coingecko_id: coin.coinId,
      symbol: coin.symbol,
      name: coin.name,
      blockchair_id: coin.blockchairId,
      operator_set: columnList([], Object.keys(ofChain)),
    })
    .execute();
  const asset = { symbol: said.symbol, name: said.name, network_type };
  await trx
    .insertInto('crypto_assets')
    .values({
      coin_id: coin.coinId,
      symbol: coin.symbol,
      name: coin.name,
      network_type: coin.networkType,
      operator_set: columnList([], namesOf(asset)),
    })
    .onDuplicateKeyUpdate({ is_active: 1 })
    .execute();
  // an asset that was there keeps its values, but not against the operator's word
  await setAsset(trx, coin.coinId, asset);
  const stored = await trx
    .selectFrom('crypto_assets')
    .select('network_type')
    .where('coin_id', '=', coin.coinId)
    .executeTakeFirstOrThrow();
  return stored.network_type;
}

/** Corrects a coin; syncCoins leaves alone what is set here. Its ticker stays: the raw tables know the chain by it. */
export async function correctCoin(
  trx: Transaction<Schema>,
  coinId: string,
  said: Omit<CoinWords, 'symbol'>,
): Promise<void> {
  const { network_type, ...ofChain } = said;
  await setChain(trx, coinId, ofChain);
  await setAsset(trx, coinId, { name: said.name, network_type });
}

/** Enabled coins are ingested every day and collected; a coin out of use comes back with it. */
export async function setCoinEnabled(trx: Transaction<Schema>, coinId: string, enabled: boolean): Promise<void> {
  await setChain(trx, coinId, enabled ? { ingestion_enabled: 1, is_active: 1 } : { ingestion_enabled: 0 });
  await setAsset(trx, coinId, { is_active: enabled ? 1 : 0 });
}

type Settable<Table extends 'coin_metadata' | 'crypto_assets'> = Partial<
  Omit<Updateable<Schema[Table]>, 'operator_set'>
>;

async function setChain(trx: Transaction<Schema>, coinId: string, columns: Settable<'coin_metadata'>): Promise<void> {
  const names = namesOf(columns);
  const row = await trx
    .selectFrom('coin_metadata')
    .select('operator_set')
    .where('coingecko_id', '=', coinId)
    .forUpdate()
    .executeTakeFirst();
  if (!row || names.length === 0) return;
  await trx
    .updateTable('coin_metadata')
    .set({ ...columns, operator_set: columnList(columnsIn(row.operator_set), names) })
    .where('coingecko_id', '=', coinId)
    .execute();
}

async function setAsset(trx: Transaction<Schema>, coinId: string, columns: Settable<'crypto_assets'>): Promise<void> {
  const names = namesOf(columns);
  const row = await trx
    .selectFrom('crypto_assets')
    .select('operator_set')
    .where('coin_id', '=', coinId)
    .forUpdate()
    .executeTakeFirst();
  if (!row || names.length === 0) return;
  await trx
    .updateTable('crypto_assets')
    .set({ ...columns, operator_set: columnList(columnsIn(row.operator_set), names) })
    .where('coin_id', '=', coinId)
    .execute();
}

/** Kysely leaves undefined columns out of an UPDATE, so they are not set by anyone. */
function namesOf(columns: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(columns).filter((name) => columns[name] !== undefined);
}

/** `operator_set` is a JSON array of column names; NULL: an operator has set none. */
function columnsIn(operatorSet: string | null): Set<string> {
  return new Set(operatorSet === null ? [] : (JSON.parse(operatorSet) as string[]));
}

function columnList(before: Iterable<string>, more: readonly string[]): string | null {
  const all = [...new Set([...before, ...more])].toSorted();
  return all.length > 0 ? JSON.stringify(all) : null;
}

export interface CoinNews {
  coinId: string;
  symbol: string;
  name: string;
  rank: number | null;
}

/**
 * What a source says about known coins: name and rank. The ticker stays, as the raw tables know the chain by it.
 * Columns that an operator set stay. Returns exact counts: a coin is updated when one of its two rows changed.
 */
export async function refreshCoins(
  trx: Transaction<Schema>,
  news: readonly CoinNews[],
): Promise<{ updated: number; unchanged: number }> {
  let updated = 0;
  for (const coin of news) {
    const columns = ['name', 'market_cap_rank', 'operator_set'] as const;
    const chain = await trx
      .selectFrom('coin_metadata')
      .select(columns)
      .where('coingecko_id', '=', coin.coinId)
      .forUpdate()
      .executeTakeFirst();
    const asset = await trx
      .selectFrom('crypto_assets')
      .select(columns)
      .where('coin_id', '=', coin.coinId)
      .forUpdate()
      .executeTakeFirst();
    const ofChain = chain && changeOf(chain, coin);
    const ofAsset = asset && changeOf(asset, coin);
    if (ofChain) await trx.updateTable('coin_metadata').set(ofChain).where('coingecko_id', '=', coin.coinId).execute();
    if (ofAsset) await trx.updateTable('crypto_assets').set(ofAsset).where('coin_id', '=', coin.coinId).execute();
    if (ofChain || ofAsset) updated += 1;
  }
  return { updated, unchanged: news.length - updated };
}

interface NamedRow {
  name: string;
  market_cap_rank: number | null;
  operator_set: string | null;
}

/** The columns that the news changes; undefined: none. */
function changeOf(
  row: NamedRow,
  { name, rank }: CoinNews,
): { name?: string; market_cap_rank?: number | null } | undefined {
  const fixed = columnsIn(row.operator_set);
  const change = {
    ...(row.name !== name && !fixed.has('name') ? { name } : {}),
    ...(row.market_cap_rank !== rank && !fixed.has('market_cap_rank') ? { market_cap_rank: rank } : {}),
  };
  return Object.keys(change).length > 0 ? change : undefined;
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

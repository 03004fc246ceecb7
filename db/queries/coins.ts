import type { Kysely, Transaction, Updateable } from 'kysely';
import type { Schema } from '../schema';
import { dropProposals, replaceProposals, type CoinProposal } from './coin-proposals';

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
  /** the sources' own ids of it, as JSON; null removes one, those that are not named stay */
  source_ids?: string;
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
  const ofChain = chainWords(said);
  await trx
    .insertInto('coin_metadata')
    .values({
      coingecko_id: coin.coinId,
      symbol: coin.symbol,
      name: coin.name,
      blockchair_id: coin.blockchairId,
      operator_set: columnList([], namesOf(ofChain)),
    })
    .execute();
  return addAsset(trx, coin, said);
}

/** Collected from now on, and nothing else. Returns the network type, which an asset that was there keeps. */
export async function addAsset(
  trx: Transaction<Schema>,
  coin: { coinId: string; symbol: string; name: string; networkType: NetworkType },
  said: CoinWords,
): Promise<NetworkType> {
  await trx
    .insertInto('crypto_assets')
    .values({ coin_id: coin.coinId, symbol: coin.symbol, name: coin.name, network_type: coin.networkType })
    .onDuplicateKeyUpdate({ is_active: 1 })
    .execute();
  // an asset that was there keeps its values, but not against the operator's word
  await setAsset(trx, coin.coinId, assetWords(said));
  const stored = await trx
    .selectFrom('crypto_assets')
    .select('network_type')
    .where('coin_id', '=', coin.coinId)
    .executeTakeFirstOrThrow();
  return stored.network_type;
}

/** Corrects a coin; syncCoins leaves alone what is set here, a ticker that it is given again included. */
export async function correctCoin(trx: Transaction<Schema>, coinId: string, said: CoinWords): Promise<void> {
  await setChain(trx, coinId, chainWords(said));
  await setAsset(trx, coinId, assetWords(said));
}

function chainWords({ symbol, name, blockchair_id }: CoinWords): Settable<'coin_metadata'> {
  return { symbol, name, blockchair_id };
}

function assetWords({ symbol, name, network_type, source_ids }: CoinWords): Settable<'crypto_assets'> {
  return { symbol, name, network_type, source_ids };
}

/** Enabled coins are ingested every day and collected; a coin out of use comes back with it. */
export async function setCoinEnabled(trx: Transaction<Schema>, coinId: string, enabled: boolean): Promise<void> {
  if (!enabled) await dropProposals(trx, coinId, 'gone');
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
    .select(['operator_set', 'source_ids'])
    .where('coin_id', '=', coinId)
    .forUpdate()
    .executeTakeFirst();
  if (!row || names.length === 0) return;
  if (columns.symbol !== undefined) await dropProposals(trx, coinId, 'ticker');
  await trx
    .updateTable('crypto_assets')
    .set({
      ...columns,
      ...(columns.source_ids && { source_ids: mergedIds(row.source_ids, columns.source_ids) }),
      operator_set: columnList(columnsIn(row.operator_set), names),
    })
    .where('coin_id', '=', coinId)
    .execute();
}

function mergedIds(before: string | null, said: string): string {
  const ids = { ...(JSON.parse(before ?? '{}') as object), ...(JSON.parse(said) as object) };
  return JSON.stringify(Object.fromEntries(Object.entries(ids).filter(([, value]) => value !== null)));
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
 * What a source says about known coins: name and rank. Columns that an operator set stay. The ticker stays too, as the
 * raw tables know the chain by it, and so does a coin whose id is `gone`: both become proposals (coin_proposals).
 * Returns exact counts: a coin is updated when one of its two rows changed.
 */
export async function refreshCoins(
  trx: Transaction<Schema>,
  news: readonly CoinNews[],
  gone: readonly string[] = [],
): Promise<{ updated: number; unchanged: number }> {
  let updated = 0;
  const proposals: CoinProposal[] = [];
  for (const coin of news) {
    const { chain, asset } = await rowsOf(trx, coin.coinId);
    const ofChain = chain && changeOf(chain, coin);
    const ofAsset = asset && changeOf(asset, coin);
    if (ofChain) await trx.updateTable('coin_metadata').set(ofChain).where('coingecko_id', '=', coin.coinId).execute();
    if (ofAsset) await trx.updateTable('crypto_assets').set(ofAsset).where('coin_id', '=', coin.coinId).execute();
    if (ofChain || ofAsset) updated += 1;
    const known = chain ?? asset;
    const isDecided = [chain, asset].some((row) => row && columnsIn(row.operator_set).has('symbol'));
    if (known && known.symbol !== coin.symbol && !isDecided)
      proposals.push({ coinId: coin.coinId, kind: 'ticker', ours: known.symbol, theirs: coin.symbol });
  }
  for (const coinId of gone) {
    const { chain, asset } = await rowsOf(trx, coinId);
    const known = chain ?? asset;
    if (known) proposals.push({ coinId, kind: 'gone', ours: known.symbol, theirs: null });
  }
  await replaceProposals(trx, [...news.map(({ coinId }) => coinId), ...gone], proposals);
  return { updated, unchanged: news.length + gone.length - updated };
}

async function rowsOf(
  trx: Transaction<Schema>,
  coinId: string,
): Promise<{ chain: NamedRow | undefined; asset: NamedRow | undefined }> {
  const columns = ['symbol', 'name', 'market_cap_rank', 'operator_set'] as const;
  const chain = await trx
    .selectFrom('coin_metadata')
    .select(columns)
    .where('coingecko_id', '=', coinId)
    .forUpdate()
    .executeTakeFirst();
  const asset = await trx
    .selectFrom('crypto_assets')
    .select(columns)
    .where('coin_id', '=', coinId)
    .forUpdate()
    .executeTakeFirst();
  return { chain, asset };
}

interface NamedRow {
  symbol: string;
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

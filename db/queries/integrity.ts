import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

// What must hold between the rows of the tables. Every query is bounded by a window of days and walks an index; what
// would read every transaction of the window is asked the other way round, from the blocks.

type Db = Kysely<Schema>;

/** Heights of a chain that have no block although later ones have: from `first` to `last`, both included. */
export interface BlockHole {
  first: number;
  last: number;
  /** times of the blocks around it */
  before: string;
  after: string;
}

/** The holes between the blocks of one coin from the day `from` on, in the order of heights. */
export async function blockHoles(db: Db, coinSymbol: string, from: string, limit: number): Promise<BlockHole[]> {
  const lowest = await firstHeight(db, coinSymbol, from);
  if (lowest === null) return [];
  const { rows } = await sql<BlockHole>`
    WITH steps AS (
      SELECT block_id, block_time, LAG(block_id) OVER w AS previous_id, LAG(block_time) OVER w AS previous_time
      FROM raw_blockchain_blocks WHERE coin_symbol = ${coinSymbol} AND block_id >= ${lowest}
      WINDOW w AS (ORDER BY block_id)
    )
    SELECT previous_id + 1 AS first, block_id - 1 AS last, previous_time AS \`before\`, block_time AS \`after\`
    FROM steps WHERE block_id > previous_id + 1 ORDER BY block_id LIMIT ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, first: Number(row.first), last: Number(row.last) }));
}

async function firstHeight(db: Db, coinSymbol: string, from: string): Promise<number | null> {
  // in the order of times: MIN(block_id) would be looked for from the genesis block on
  const row = await db
    .selectFrom('raw_blockchain_blocks')
    .select('block_id')
    .where('coin_symbol', '=', coinSymbol)
    .where('block_time', '>=', from)
    .orderBy('block_time')
    .limit(1)
    .executeTakeFirst();
  return row?.block_id ?? null;
}

export interface OrphanBlock {
  blockId: number;
  day: string;
}

/**
 * Blocks that transactions of the coin from the day `from` on belong to, but that are not there: in the holes between
 * its blocks and above its newest one. At most `limit`.
 */
export async function orphanBlocks(db: Db, coinSymbol: string, from: string, limit: number): Promise<OrphanBlock[]> {
  const holes = await blockHoles(db, coinSymbol, from, limit);
  const newest = await db
    .selectFrom('raw_blockchain_blocks')
    .select(({ fn }) => fn.max('block_id').as('height'))
    .where('coin_symbol', '=', coinSymbol)
    .executeTakeFirst();
  const earliest = await db
    .selectFrom('raw_blockchain_transactions')
    .select('block_id')
    .where('coin_symbol', '=', coinSymbol)
    .where('tx_time', '>=', from)
    .orderBy('tx_time')
    .limit(1)
    .executeTakeFirst();
  if (!earliest) return [];
  // not from the newest block on where that is old: the transactions between would all be read
  const above = { first: Math.max((newest?.height ?? -1) + 1, earliest.block_id), last: Number.MAX_SAFE_INTEGER };
  const found: OrphanBlock[] = [];
  for (const { first, last } of [...holes, above]) {
    for (let height = first; found.length < limit; height = found.at(-1)!.blockId + 1) {
      const next = await transactionAt(db, coinSymbol, from, height, last);
      if (!next) break;
      found.push(next);
    }
  }
  return found;
}

/** The lowest block from `first` to `last` that has a transaction. */
async function transactionAt(
  db: Db,
  coinSymbol: string,
  from: string,
  first: number,
  last: number,
): Promise<OrphanBlock | undefined> {
  const row = await db
    .selectFrom('raw_blockchain_transactions')
    .select(['block_id', 'tx_time'])
    .where('coin_symbol', '=', coinSymbol)
    .where('block_id', '>=', first)
    .where('block_id', '<=', last)
    // leaves out the partitions before
    .where('tx_time', '>=', from)
    .orderBy('block_id')
    .limit(1)
    .executeTakeFirst();
  return row && { blockId: row.block_id, day: row.tx_time.slice(0, 10) };
}

/** Tables by day: the column of the coin, and that of the time. */
const dayColumns = {
  raw_blockchain_blocks: { coin: 'coin_symbol', time: 'block_time' },
  raw_blockchain_transactions: { coin: 'coin_symbol', time: 'tx_time' },
  raw_market_prices_volumes: { coin: 'coin_id', time: 'price_date' },
} as const;

export type TableByDay = keyof typeof dayColumns;

export function isTableByDay(table: string): table is TableByDay {
  return table in dayColumns;
}

export interface CoinDay {
  coinId: string;
  coinSymbol: string;
  date: string;
}

/** Those of `days` that the table has no row of. */
export async function daysWithoutRows(db: Db, table: TableByDay, days: readonly CoinDay[]): Promise<CoinDay[]> {
  const { coin, time } = dayColumns[table];
  const empty: CoinDay[] = [];
  for (const day of days) {
    // a day at a time: only with constants is it one step into one partition
    const { rows } = await sql`
      SELECT 1 FROM ${sql.table(table)}
      WHERE ${sql.ref(coin)} = ${coin === 'coin_id' ? day.coinId : day.coinSymbol}
        AND ${sql.ref(time)} >= ${day.date} AND ${sql.ref(time)} < ${day.date} + INTERVAL 1 DAY LIMIT 1`.execute(db);
    if (rows.length === 0) empty.push(day);
  }
  return empty;
}

/** Prices from the day `from` on that cannot be: not above 0, or of a day that has not begun. */
export async function impossiblePrices(db: Db, from: string, limit: number) {
  return db
    .selectFrom('raw_market_prices_volumes')
    .select(['coin_id as coinId', 'price_date as date', 'price_usd as priceUsd'])
    .where('price_date', '>=', from)
    .where((where) => where.or([where('price_usd', '<=', '0'), where('price_date', '>', sql<string>`UTC_DATE()`)]))
    .orderBy('price_date')
    .orderBy('coin_id')
    .limit(limit)
    .execute();
}

/** Whether the 15-minute collection has ever written a row. */
export async function hasCollected(db: Db): Promise<boolean> {
  return (await db.selectFrom('onchain_data').select('id').limit(1).executeTakeFirst()) !== undefined;
}

export interface BrokenRule {
  rule: 'supply order' | 'score range' | 'falling height';
  coinId: string;
  rows: number;
  /** first slot that breaks it */
  first: string;
}

/** Rules that rows of `onchain_data` (scores: of `crypto_sentiment_data` too) from the day `from` on break, by coin. */
export async function brokenOnchainRules(db: Db, from: string): Promise<BrokenRule[]> {
  // the limits keep the servers from grouping by an index over all slots, and from counting a table that is all wrong
  const { rows } = await sql<BrokenRule>`
    WITH heights AS (
      SELECT coin_id, timestamp_iso, block_height,
        LAG(block_height) OVER (PARTITION BY coin_id ORDER BY timestamp_iso) AS previous_height
      FROM onchain_data WHERE timestamp_iso >= ${from} AND block_height IS NOT NULL
    ), broken AS (
      (SELECT 'supply order' AS rule, coin_id, timestamp_iso FROM onchain_data WHERE timestamp_iso >= ${from}
        AND (circulating_supply > total_supply OR total_supply > max_supply OR circulating_supply > max_supply) LIMIT 10000)
      UNION ALL
      (SELECT 'score range', coin_id, timestamp_iso FROM onchain_data WHERE timestamp_iso >= ${from}
        AND (data_quality_score < 0 OR data_quality_score > 1) LIMIT 10000)
      UNION ALL
      (SELECT 'score range', coin_id, timestamp_iso FROM crypto_sentiment_data WHERE timestamp_iso >= ${from}
        AND (data_quality_score < 0 OR data_quality_score > 1) LIMIT 10000)
      UNION ALL
      (SELECT 'falling height', coin_id, timestamp_iso FROM heights WHERE block_height < previous_height LIMIT 10000)
    )
    SELECT rule, coin_id AS coinId, COUNT(*) AS \`rows\`, MIN(timestamp_iso) AS first
    FROM broken GROUP BY rule, coin_id ORDER BY rule, coin_id`.execute(db);
  return rows;
}

export interface CollectionQuality {
  coins: number;
  rows: number;
  high: number;
  medium: number;
  low: number;
  /** mean share of columns with a value, 0 to 100 */
  coverage: number | null;
  /** coins whose mean score is below 0.7, worst first */
  poorCoins: { coinId: string; quality: number }[];
}

/** Quality and coverage of the rows of the last 24 hours. */
export async function collectionQuality(db: Db): Promise<CollectionQuality> {
  const byCoin = await db.selectFrom('data_quality_24h').selectAll().execute();
  const { coverage } = await db
    .selectFrom('schema_coverage_24h')
    .select(({ fn }) => fn.avg<string | null>('percentage').as('coverage'))
    .where('table_name', '=', 'onchain_data')
    .executeTakeFirstOrThrow();
  const sum = (of: (row: (typeof byCoin)[number]) => number) => byCoin.reduce((total, row) => total + of(row), 0);
  return {
    coins: byCoin.length,
    rows: sum((row) => row.total_records),
    high: sum((row) => row.high_records),
    medium: sum((row) => row.medium_records),
    low: sum((row) => row.low_records),
    coverage: coverage === null ? null : Number(coverage),
    poorCoins: byCoin
      .flatMap((row) => (row.avg_quality === null ? [] : { coinId: row.coin_id, quality: Number(row.avg_quality) }))
      .filter(({ quality }) => quality < 0.7)
      .toSorted((a, b) => a.quality - b.quality),
  };
}

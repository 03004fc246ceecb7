import type { Kysely } from 'kysely';
import { findAsset } from '../../activities/assets';
import { resolveCoin } from '../../activities/coins';
import { listAssets } from '../../db/queries/assets';
import type { Schema } from '../../db/schema';
import { dailyNetworkMetrics, selectRows, type Selection } from '../../db/queries/views';
import { table, type Cell } from '../output';
import { UsageError, type Command } from './command';

interface View {
  from: keyof Schema;
  /** how the view names a coin */
  coin?: 'coin_id' | 'coin_symbol';
  /** about all assets that are collected, not only those that are ingested daily */
  isOfAssets?: true;
  /** a row of all coins at once would read the whole table */
  needsCoin?: boolean;
  /** all days of all coins would */
  needsCoinOrDays?: boolean;
  /** the time or day that --days looks at */
  time?: string;
  orderBy: Selection['orderBy'];
}

const newest = (column: string) => ({ column, isDescending: true });

/** Everything that can be shown: the views, and the raw tables. */
const views: Readonly<Record<string, View>> = {
  ingestion_state: { from: 'ingestion_state', coin: 'coin_id', time: 'target_date', orderBy: [newest('log_id')] },
  onchain_latest: {
    from: 'onchain_latest',
    coin: 'coin_id',
    isOfAssets: true,
    time: 'timestamp_iso',
    orderBy: [{ column: 'coin_id' }],
  },
  sentiment_latest: {
    from: 'sentiment_latest',
    coin: 'coin_id',
    isOfAssets: true,
    time: 'timestamp_iso',
    orderBy: [{ column: 'coin_id' }],
  },
  data_quality_24h: { from: 'data_quality_24h', coin: 'coin_id', isOfAssets: true, orderBy: [{ column: 'coin_id' }] },
  schema_coverage_24h: { from: 'schema_coverage_24h', orderBy: [{ column: 'table_name' }, { column: 'position' }] },
  network_metrics_daily: {
    from: 'network_metrics_daily',
    coin: 'coin_id',
    isOfAssets: true,
    needsCoinOrDays: true,
    time: 'date',
    orderBy: [newest('date'), { column: 'coin_id' }],
  },
  database_stats: {
    from: 'database_stats',
    coin: 'coin_symbol',
    orderBy: [{ column: 'table_name' }, { column: 'coin_symbol' }],
  },
  blocks: {
    from: 'raw_blockchain_blocks',
    coin: 'coin_symbol',
    needsCoin: true,
    time: 'block_time',
    orderBy: [newest('block_time')],
  },
  transactions: {
    from: 'raw_blockchain_transactions',
    coin: 'coin_symbol',
    needsCoin: true,
    time: 'tx_time',
    orderBy: [newest('tx_time')],
  },
  addresses: {
    from: 'raw_blockchain_addresses',
    coin: 'coin_symbol',
    orderBy: [{ column: 'coin_symbol' }, { column: 'address' }],
  },
  prices: {
    from: 'raw_market_prices_volumes',
    coin: 'coin_id',
    time: 'price_date',
    orderBy: [newest('price_date'), { column: 'coin_id' }],
  },
};

export const show: Command = {
  name: 'show',
  summary: 'rows of a view or a raw table',
  action: {
    says: 'rows of a view or a raw table',
    args: ['<view>'],
    options: {
      coin: { value: '<coin>', says: 'CoinGecko id or ticker' },
      days: { value: '<number>', says: 'today and so many UTC days before' },
      limit: { value: '<number>', says: 'at most so many; 50' },
    },
    notes: [
      'Views',
      ...table(
        Object.entries(views).map(([name, view]) => [
          name,
          [
            view.coin && (view.needsCoin ? '--coin (needed)' : '--coin'),
            view.time && (view.needsCoinOrDays ? '--days (one of them is needed)' : '--days'),
          ]
            .filter(Boolean)
            .join(', '),
        ]),
      ).map((line) => `  ${line}`),
      '',
      'network_metrics_daily of a coin goes back as many days as --limit has rows, unless --days says how many.',
      'People see no column that is empty in all rows shown; --json has them all.',
    ],
    examples: [
      'show ingestion_state --days 7',
      'show network_metrics_daily --coin BTC --days 7',
      'show blocks --coin bitcoin --limit 10 --json',
    ],
    async run(call, connections) {
      const name = call.arg('view');
      const view = Object.hasOwn(views, name) ? views[name]! : undefined;
      if (!view)
        throw new UsageError(`there is no view "${name}" - known: ${Object.keys(views).join(', ')} - correct it`);
      const [coin, days] = [call.text('coin'), call.count('days', { from: 0, to: 36_500 })];
      if (coin !== undefined && !view.coin)
        throw new UsageError(`${name} has no coin to look for - it is about all of them - leave out --coin`);
      if (coin === undefined && view.needsCoin)
        throw new UsageError(
          `${name} needs --coin <coin> - without it the whole table would be read - write: show ${name} --coin bitcoin`,
        );
      if (days !== undefined && !view.time)
        throw new UsageError(`${name} has no time to look for - it is about the present - leave out --days`);
      if (coin === undefined && days === undefined && view.needsCoinOrDays)
        throw new UsageError(
          `${name} needs --coin <coin> or --days <number> - without both every slot would be read - write: show ${name} --days 7`,
        );
      const limit = call.count('limit', { from: 1, to: 1_000_000 }) ?? 50;
      const db = await connections.db();
      const found = coin === undefined ? undefined : await coinOf(db, view, coin);
      // one more, to know whether there are more
      const more = limit + 1;
      const rows = view.needsCoinOrDays
        ? // a row of one coin is a day
          await dailyNetworkMetrics(db, { coinId: found?.coinId, days: days ?? limit, limit: more })
        : await selectRows(db, {
            from: view.from,
            equal: found && view.coin ? { [view.coin]: view.coin === 'coin_id' ? found.coinId : found.symbol } : {},
            since: days !== undefined && view.time ? { column: view.time, days } : undefined,
            orderBy: view.orderBy,
            limit: more,
          });
      const shown = rows.slice(0, limit);
      const lines = shown.length > 0 ? rowLines(shown) : ['no row'];
      return { document: shown, lines: rows.length > limit ? [...lines, `… and more: --limit ${limit * 2}`] : lines };
    },
  },
};

async function coinOf(db: Kysely<Schema>, { isOfAssets }: View, name: string) {
  return isOfAssets ? findAsset(await listAssets(db), name) : resolveCoin(db, name);
}

function rowLines(rows: readonly Record<string, unknown>[]): string[] {
  const all = Object.keys(rows[0] ?? {});
  const columns = all.filter((column) => rows.some((row) => row[column] !== null && row[column] !== ''));
  return table(
    rows.map((row) => columns.map((column) => row[column] as Cell)),
    { header: columns },
  );
}

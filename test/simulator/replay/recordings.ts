/** One recorded answer and the request it belongs to. Files are relative to the folder of recordings. */
export interface Recording {
  source: string;
  /** Matches the whole path below the mount. */
  path: RegExp;
  /** Further conditions on the query. */
  when?: (query: URLSearchParams) => boolean;
  file: string;
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
}

/** A Blockchair table of which some rows are recorded, in one or several answers and daily dumps. */
export interface RecordedTable {
  path: string;
  /** The answer whose context is served; its bytes as they are when nothing is asked for in particular. */
  file: string;
  more: string[];
}

const is =
  (name: string, value: string) =>
  (query: URLSearchParams): boolean =>
    query.get(name) === value;
const isMissing =
  (name: string) =>
  (query: URLSearchParams): boolean =>
    !query.has(name);

const blockchair = (path: RegExp, file: string): Recording => ({
  source: 'blockchair',
  path,
  file: `blockchair/${file}`,
});
const coingecko = (path: RegExp, file: string, rest: Partial<Recording> = {}): Recording => ({
  source: 'coingecko',
  path,
  file: `coingecko/${file}`,
  ...rest,
});

const TWO_ADDRESSES =
  /^\/bitcoin\/dashboards\/addresses\/(1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa,12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX|12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX,1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa)$/;

/** The first one that fits answers. */
export const RECORDINGS: readonly Recording[] = [
  blockchair(/^\/stats$/, 'stats_all__doc.json'),
  blockchair(/^\/range$/, 'range__doc.json'),
  blockchair(/^\/bitcoin\/stats$/, 'bitcoin_stats__doc_2021-07.json'),
  blockchair(/^\/bitcoin\/addresses$/, 'bitcoin_addresses__doc.json'),
  blockchair(/^\/ethereum\/addresses$/, 'ethereum_addresses__doc.json'),
  blockchair(/^\/bitcoin\/addresses\/balances$/, 'bitcoin_addresses_balances__doc.json'),
  blockchair(/^\/bitcoin\/dashboards\/block\/0$/, 'bitcoin_dashboards_block__0_doc.json'),
  blockchair(/^\/ethereum\/dashboards\/block\/2345678$/, 'ethereum_dashboards_block__2345678_doc.json'),
  blockchair(
    /^\/bitcoin\/dashboards\/address\/1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa$/,
    'bitcoin_dashboards_address__1A1zP_doc.json',
  ),
  blockchair(TWO_ADDRESSES, 'bitcoin_dashboards_addresses__two_doc.json'),
  blockchair(
    /^\/litecoin\/dashboards\/address\/ltc1q80nqd53dpl9s0ytgdamwzu8ghtyr0ktespxgpg$/,
    'litecoin_dashboards_address__2019-01.json',
  ),
  blockchair(
    /^\/ethereum\/dashboards\/address\/0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d$/,
    'ethereum_dashboards_address__doc.json',
  ),

  coingecko(/^\/ping$/, 'ping__oas.json'),
  coingecko(/^\/key$/, 'key__oas.json'),
  coingecko(/^\/simple\/supported_vs_currencies$/, 'simple_supported_vs_currencies__2024.json'),
  coingecko(/^\/coins\/list$/, 'coins_list__oas.json'),
  coingecko(/^\/coins\/markets$/, 'error_422__coins_markets_2021_1.json', {
    when: isMissing('vs_currency'),
    status: 422,
  }),
  coingecko(/^\/coins\/markets$/, 'coins_markets__one_2024.json', {
    when: (query) => is('vs_currency', 'usd')(query) && asksFor('bitcoin')(query),
  }),
  coingecko(/^\/coins\/markets$/, 'coins_markets__one_myr_2021.json', {
    when: (query) => is('vs_currency', 'myr')(query) && asksFor('bitcoin')(query),
  }),
  coingecko(/^\/coins\/bitcoin$/, 'coin_by_id__bitcoin_metadata_only_public.json', {
    when: is('market_data', 'false'),
  }),
  coingecko(/^\/coins\/bitcoin$/, 'coin_by_id__full_2021.json'),
  coingecko(/^\/coins\/yearn-finance$/, 'coin_by_id__yearn-finance_metadata_only_public.json'),
  coingecko(/^\/coins\/zksync$/, 'coin_by_id__zksync_metadata_only_pro.json'),
  coingecko(/^\/coins\/[^/]+\/history$/, 'error_422__coin_history_2021_1.json', {
    when: isMissing('date'),
    status: 422,
  }),
  coingecko(/^\/coins\/ethereum\/history$/, 'coin_history__ethereum_01-01-2024_public.json', {
    when: is('date', '01-01-2024'),
  }),
  coingecko(/^\/coins\/binancecoin\/history$/, 'coin_history__binancecoin_29-10-2025_public.json', {
    when: is('date', '29-10-2025'),
  }),
  coingecko(/^\/coins\/[^/]+\/market_chart(\/range)?$/, 'error_422__market_chart_2021_1.json', {
    when: isMissing('vs_currency'),
    status: 422,
  }),
  coingecko(/^\/coins\/[^/]+\/market_chart$/, 'error_10012__range_365_days_2024-04.json', {
    when: is('days', 'max'),
    status: 401,
  }),
  coingecko(/^\/coins\/bitcoin\/market_chart$/, 'market_chart__hourly_2021.json', { when: is('days', '30') }),
  coingecko(/^\/coins\/bitcoin\/market_chart$/, 'market_chart__minutely_2021.json', { when: is('days', '1') }),
  // Kept by its author under ethereum's path; the values are bitcoin's.
  coingecko(/^\/coins\/(bitcoin|ethereum)\/market_chart\/range$/, 'market_chart_range__short_2024.json', {
    when: overlaps(1_711_843_200, 1_711_983_682),
  }),
];

export const RECORDED_TABLES: readonly RecordedTable[] = [
  {
    path: '/bitcoin/blocks',
    file: 'blockchair/bitcoin_blocks__limit1_doc.json',
    more: ['blockchair-dumps/bitcoin_blocks__20090103.tsv', 'blockchair-dumps/bitcoin_blocks__20090109.tsv'],
  },
  {
    path: '/bitcoin/transactions',
    file: 'blockchair/bitcoin_transactions__limit1_doc.json',
    more: [
      'blockchair-dumps/bitcoin_transactions__20090103.tsv',
      'blockchair-dumps/bitcoin_transactions__20090109.tsv',
    ],
  },
  {
    path: '/ethereum/transactions',
    file: 'blockchair/ethereum_transactions__genesis_doc.json',
    more: ['blockchair/ethereum_dashboards_transaction__doc.json'],
  },
  { path: '/ethereum/blocks', file: 'blockchair/ethereum_dashboards_block__2345678_doc.json', more: [] },
  {
    path: '/dash/blocks',
    file: 'blockchair-dumps/dash_blocks__20200312.tsv',
    more: ['blockchair-dumps/dash_blocks__20230831.tsv'],
  },
];

/** Bodies of errors, for the faults that send a status. */
export const RECORDED_ERRORS: readonly { source: string; status: number; file: string }[] = [
  { source: 'blockchair', status: 430, file: 'blockchair/error_430__2019-11_issue154.json' },
  { source: 'coingecko', status: 429, file: 'coingecko/error_429__2022-09_retry-after-119.json' },
  { source: 'coingecko', status: 500, file: 'coingecko/error_500__ohlc_2021.json' },
];

function asksFor(id: string): (query: URLSearchParams) => boolean {
  return (query) => query.get('ids')?.split(',').includes(id) ?? true;
}

function overlaps(fromSeconds: number, toSeconds: number): (query: URLSearchParams) => boolean {
  return (query) => Number(query.get('from')) <= toSeconds && Number(query.get('to')) >= fromSeconds;
}

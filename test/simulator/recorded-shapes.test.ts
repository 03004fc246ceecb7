import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, askJson } from './ask';
import { type Simulator, startSimulator } from './index';
import { isObject } from './json';

/** Recordings lie beside the project, where there are any. */
const PAYLOADS = join(__dirname, '../../../shared/payloads');
const recorded = existsSync(PAYLOADS);
if (!recorded) console.warn(`Simulated and recorded shapes are not compared: there is no ${PAYLOADS}`);

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    now: () => new Date('2026-11-22T15:30:10Z'),
    limits: 'none',
    keys: { coingeckoPro: ['CG-pro'] },
  });
});
afterAll(() => simulator.close());

const ADDRESS = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const TWO = `${ADDRESS},12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX`;
const ETHER_ADDRESS = '0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d';
const LITECOIN_ADDRESS = 'ltc1q80nqd53dpl9s0ytgdamwzu8ghtyr0ktespxgpg';

// Recording, simulated path, and what the recording has that is left out on purpose.
const CASES: [file: string, path: string, without?: string[]][] = [
  ['blockchair/bitcoin_blocks__limit1_doc.json', 'blockchair/bitcoin/blocks?limit=1'],
  [
    'blockchair/bitcoin_blocks__aggregate_full_context_2019-10.json',
    'blockchair/bitcoin/blocks?q=time(2026-11-21)&a=sum(generation)',
  ],
  ['blockchair/bitcoin_transactions__limit1_doc.json', 'blockchair/bitcoin/transactions?limit=1'],
  ['blockchair/ethereum_transactions__genesis_doc.json', 'blockchair/ethereum/transactions?q=time(2016-05-01)&limit=2'],
  [
    'blockchair/bitcoin_dashboards_address__1A1zP_doc.json',
    `blockchair/bitcoin/dashboards/address/${ADDRESS}?limit=1&transaction_details=true`,
  ],
  ['blockchair/bitcoin_dashboards_addresses__two_doc.json', `blockchair/bitcoin/dashboards/addresses/${TWO}?limit=1`],
  [
    'blockchair/litecoin_dashboards_address__2019-01.json',
    `blockchair/litecoin/dashboards/address/${LITECOIN_ADDRESS}`,
    [
      '.context.limit',
      '.context.offset',
      '.context.api.tested_features',
      `.data.${LITECOIN_ADDRESS}.address.scripthash_type`,
    ],
  ],
  [
    'blockchair/ethereum_dashboards_address__doc.json',
    `blockchair/ethereum/dashboards/address/${ETHER_ADDRESS}`,
    [`.data.${ETHER_ADDRESS}.layer_2`],
  ],
  [
    'blockchair/bitcoin_addresses_balances__doc.json',
    `blockchair/bitcoin/addresses/balances?addresses=35hK24tcLEWcgNA4JxpvbkNkoAcDGqQPsP,34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo`,
  ],
  ['blockchair/bitcoin_stats__doc_2021-07.json', 'blockchair/bitcoin/stats'],
  ['coingecko/ping__2024.json', 'coingecko/api/v3/ping'],
  ['coingecko/key__oas.json', 'coingecko-pro/api/v3/key'],
  [
    'coingecko/coins_list__oas.json',
    'coingecko/api/v3/coins/list?include_platform=true',
    ['[].platforms.solana', '[].platforms.ethereum'],
  ],
  ['coingecko/coins_markets__one_2024.json', 'coingecko/api/v3/coins/markets?vs_currency=usd&ids=bitcoin'],
  [
    'coingecko/coin_history__ethereum_01-01-2024_public.json',
    'coingecko-pro/api/v3/coins/ethereum/history?date=01-01-2024&localization=false',
    ['.community_data.twitter_followers'],
  ],
  [
    'coingecko/coin_history__binancecoin_29-10-2025_public.json',
    'coingecko-pro/api/v3/coins/binancecoin/history?date=29-10-2025&localization=false',
  ],
  [
    'coingecko/market_chart_range__short_2024.json',
    'coingecko/api/v3/coins/ethereum/market_chart/range?vs_currency=usd&from=1790000000&to=1790400000',
  ],
  ['coingecko/market_chart__hourly_2021.json', 'coingecko/api/v3/coins/bitcoin/market_chart?vs_currency=usd&days=30'],
  ['coingecko/coins_id__oas.json', 'coingecko/api/v3/coins/bitcoin?localization=false'],
  [
    'coingecko/coin_by_id__bitcoin_metadata_only_public.json',
    'coingecko/api/v3/coins/bitcoin?localization=false&tickers=false&market_data=false&community_data=false&developer_data=false',
  ],
  [
    'coingecko/error_10012__range_365_days_2024-04.json',
    'coingecko/api/v3/coins/bitcoin/market_chart?vs_currency=usd&days=max',
  ],
  ['coingecko/error_422__coin_history_2021_1.json', 'coingecko/api/v3/coins/bitcoin/history'],
  ['defillama/chains__2023_snapshot.json', 'defillama/v2/chains'],
  ['blockchain-info/stats__2019-05-12.json', 'blockchaininfo/stats?format=json'],
  ['blockchain-info/charts_n-transactions__doc.json', 'blockchaininfo/charts/n-transactions?format=json'],
  [
    'coinmetrics/timeseries_asset_metrics__oas_daily_metrics.json',
    'coinmetrics/v4/timeseries/asset-metrics?assets=btc&metrics=PriceUSD&page_size=2&start_time=2026-11-01',
    // not free, and not asked for
    ['.data[].SplyBMXNtv', '.data[].SplyBMXNtv-status', '.data[].SplyBMXNtv-status-time'],
  ],
  [
    'coinmetrics/timeseries_asset_metrics__oas_400.json',
    'coinmetrics/v4/timeseries/asset-metrics?assets=sdvwbtc&metrics=PriceUSD',
  ],
  [
    'coinmetrics/timeseries_asset_metrics__oas_403.json',
    'coinmetrics/v4/timeseries/asset-metrics?assets=btc&metrics=NVTAdj',
  ],
];

// Networks that are asked with a GET, each by the shape that its recording has.
CASES.push(
  ['cosmos/staking_pool__stratos_docs.json', 'cosmos/cosmoshub/cosmos/staking/v1beta1/pool'],
  ['cosmos/mint_annual_provisions__stratos_docs.json', 'cosmos/injective/cosmos/mint/v1beta1/annual_provisions'],
  ['koios/tip__schema_examples.json', 'koios/api/v1/tip'],
  // put together from single examples: amounts are numbers there, and text in answers
  ['koios/totals__schema_examples.json', 'koios/api/v1/totals?limit=1', ['[].']],
  ['koios/epoch_info__schema_examples.json', 'koios/api/v1/epoch_info?order=epoch_no.desc&limit=1'],
);

(recorded ? test : test.skip).each<
  [file: string, source: string, method: string, params: unknown[], without?: string[]]
>([
  [
    'ethereum-rpc/eth_getBlockByNumber__ethereum_publicnode_0x17ee0abfalse.json',
    'ethereum',
    'eth_getBlockByNumber',
    ['latest', false],
    ['.id '],
  ],
  ['ethereum-rpc/eth_blockNumber__ethereum_publicnode_.json', 'ethereum', 'eth_blockNumber', []],
  ['solana-rpc/getHealth__1.json', 'solana', 'getHealth', []],
  ['solana-rpc/getEpochInfo__docs.json', 'solana', 'getEpochInfo', []],
  ['solana-rpc/getRecentPerformanceSamples__2025-04_quicknode.json', 'solana', 'getRecentPerformanceSamples', [4]],
  ['solana-rpc/getSupply__docs.json', 'solana', 'getSupply', []],
])(
  '%s has the same keys and types simulated, asked with a POST',
  async (file, source, method, params, without = []) => {
    const expected: unknown = JSON.parse(readFileSync(join(PAYLOADS, file), 'utf8'));
    const form = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const { body } = await ask(`${simulator.url}/${source}`, { form });
    const found = differences(expected, body, '').filter((text) => !without.some((known) => text.startsWith(known)));
    expect(found).toEqual([]);
  },
);

(recorded ? test : test.skip).each(CASES)(
  '%s has the same keys and types simulated',
  async (file, path, without = []) => {
    const expected: unknown = JSON.parse(readFileSync(join(PAYLOADS, file), 'utf8'));
    const actual = await askJson<unknown>(
      `${simulator.url}/${path}`,
      path.startsWith('coingecko-pro') ? { 'x-cg-pro-api-key': 'CG-pro' } : {},
    );
    const found = differences(expected, actual, '').filter((text) => !without.some((known) => text.startsWith(known)));
    expect(found).toEqual([]);
  },
);

(recorded ? test : test.skip).each([
  ['blockchair/error_430__2019-11_issue154.json', 'blockchair', 430, ['.context.api.tested_features']],
  ['coingecko/error_429__2022-09_retry-after-119.json', 'coingecko', 429, []],
  ['coingecko/error_500__ohlc_2021.json', 'coingecko', 500, []],
])('%s as a fault', async (file, source, status, without) => {
  const expected: unknown = JSON.parse(readFileSync(join(PAYLOADS, file), 'utf8'));
  const remove = simulator.fault(source, { status });
  const actual = await askJson<unknown>(`${simulator.baseUrls[source as 'blockchair' | 'coingecko']}/bitcoin/blocks`);
  remove();
  expect(
    differences(expected, actual, '').filter((text) => !(without as string[]).includes(text.split(' ')[0] ?? '')),
  ).toEqual([]);
});

/** What the recording has and the simulation lacks, or has as another JSON type; and rows' columns it does not have. */
function differences(expected: unknown, actual: unknown, path: string): string[] {
  if (expected === null || actual === null) return [];
  if (typeOf(expected) !== typeOf(actual)) return [`${path} is ${typeOf(actual)}, recorded ${typeOf(expected)}`];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const [one, other] = [merged(expected), merged(actual)];
    return one === undefined || other === undefined ? [] : differences(one, other, `${path}[]`);
  }
  if (!isObject(expected) || !isObject(actual)) return [];
  const missing = Object.entries(expected).flatMap(([key, value]) =>
    key in actual ? differences(value, actual[key], `${path}.${key}`) : [`${path}.${key} is missing`],
  );
  const isRow = path.endsWith('data[]') || path.endsWith('.address');
  const extra = isRow ? Object.keys(actual).filter((key) => !(key in expected)) : [];
  return [...missing, ...extra.map((key) => `${path}.${key} is not recorded`)];
}

/** One object with the keys of all items, values where any item has one; the first item of other arrays. */
function merged(items: unknown[]): unknown {
  if (!items.every(isObject)) return items[0];
  return items.reduce<Record<string, unknown> | undefined>((all, item) => {
    const known = Object.fromEntries(
      Object.entries(item).filter(([key, value]) => value !== null || !(all && key in all)),
    );
    return { ...all, ...known };
  }, undefined);
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

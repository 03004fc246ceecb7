import { pastValues } from '../observed';
import { defineSource } from '../source';
import { judge } from './client';
import { assetsPerRequest, fetchMetrics, fetchMetricsPage } from './metrics';
import { fieldsGiven, maxAgeHours } from './rows';

const field = (rank: number, unit: string) => ({ rank, unit, maxAge: `${maxAgeHours}h`, history: true }) as const;

export const source = defineSource({
  name: 'coinmetrics',
  label: 'CoinMetrics',
  docs: 'https://docs.coinmetrics.io/api/v4',
  licence: 'Coin Metrics Community data, CC BY-NC 4.0: not for commercial use',
  keyUrl: 'https://coinmetrics.io',
  plans: {
    // 10 requests in any 6 seconds
    community: {
      baseUrl: 'https://community-api.coinmetrics.io/v4',
      limits: { perMinute: 100 },
      pagesPerRun: 20,
      says: 'daily network metrics that are free',
    },
    // 6,000 requests in any 20 seconds
    pro: {
      baseUrl: 'https://api.coinmetrics.io/v4',
      limits: { perMinute: 18_000 },
      pagesPerRun: 20,
      key: { in: 'query', name: 'api_key' },
      says: 'daily network metrics of the key',
    },
  },
  defaultPlan: { withoutKey: 'community', withKey: 'pro' },
  judge,
  datasets: {
    history: { ...pastValues, scope: 'all', fetchPage: fetchMetricsPage },
  },
  observe: {
    idOf({ sourceIds: { coinmetrics: id } }) {
      return typeof id === 'string' ? id : id?.[0];
    },
    fields: {
      active_addresses: field(1, 'addresses'),
      transaction_count: field(1, 'transactions'),
      transaction_volume: field(1, 'USD'),
      realized_cap: field(1, 'USD'),
      mvrv_ratio: field(1, 'ratio'),
      nvt_ratio: field(1, 'ratio'),
      hash_rate: field(1, 'TH/s, GH/s or MH/s by asset'),
      difficulty: field(1, "the chain's own"),
      // what is issued is what circulates, where nothing is locked up
      circulating_supply: { ...field(3, 'coins'), kinds: ['pow'] },
      supply_inflation_rate: field(1, '% a year'),
      market_cap: field(1, 'USD'),
    },
    readings: {
      metrics: { gives: fieldsGiven, batch: assetsPerRequest, every: '1h', fetch: fetchMetrics },
    },
    revises: true,
  },
});

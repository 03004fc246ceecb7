import { defineSource } from '../source';
import { fetchCoins } from './coins';
import { judge } from './client';
import { fetchPrice, fetchPriceRange } from './prices';

const publicHost = 'https://api.coingecko.com/api/v3';

export const source = defineSource({
  name: 'coingecko',
  label: 'CoinGecko',
  docs: 'https://docs.coingecko.com',
  licence: 'CoinGecko API terms; attribution required',
  keyUrl: 'https://www.coingecko.com/en/api/pricing',
  coinColumn: 'coingecko_id',
  plans: {
    // shared per IP and changing; 5 to 15 a minute were said in 2024
    keyless: {
      baseUrl: publicHost,
      limits: { perMinute: 10 },
      pagesPerRun: 10,
      historyDays: 365,
      says: 'prices of the last 365 days, slowly',
    },
    demo: {
      baseUrl: publicHost,
      limits: { perMinute: 100, perMonth: 10_000 },
      pagesPerRun: 10,
      key: { in: 'header', name: 'x-cg-demo-api-key' },
      historyDays: 365,
      says: 'prices of the last 365 days',
    },
    // the smallest paid plan; `/key` tells what a key really has
    pro: {
      baseUrl: 'https://pro-api.coingecko.com/api/v3',
      limits: { perMinute: 250, perMonth: 100_000 },
      pagesPerRun: 10,
      key: { in: 'header', name: 'x-cg-pro-api-key' },
      says: 'prices of all years',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'demo' },
  judge,
  datasets: {
    prices: {
      table: 'raw_market_prices_volumes',
      key: ['coin_id', 'price_date'],
      scope: 'coin',
      history: 'any',
      daily: true,
      rowName: 'prices',
      fetchPage: fetchPrice,
      range: { dateColumn: 'price_date', fetch: fetchPriceRange },
    },
    coins: {
      table: 'coin_metadata',
      key: ['coingecko_id'],
      scope: 'all',
      of: 'both',
      history: 'latest',
      daily: false,
      rowName: 'coins',
      fetchPage: fetchCoins,
    },
  },
});

import { namesOf, pastValues } from '../observed';
import { defineSource } from '../source';
import { fetchCoins } from './coins';
import { judge } from './client';
import { detailFields, fetchDetails } from './details';
import { capMaxAgeMinutes, fetchCapPage, fetchCapRange } from './market-caps';
import { fetchMarkets, marketFields, marketsBatch } from './markets';
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
    history: {
      ...pastValues,
      scope: 'coin',
      fetchPage: fetchCapPage,
      // hourly points for up to 90 days, daily ones beyond
      range: { dateColumn: 'slot', maxDays: 90, fetch: fetchCapRange },
    },
  },
  observe: {
    idOf: ({ coinId }) => coinId,
    fields: {
      // an answer is often stamped seconds after the slot: then the slot uses the one before
      circulating_supply: { rank: 1, unit: 'coins', maxAge: '1h' },
      total_supply: { rank: 1, unit: 'coins', maxAge: '1h' },
      max_supply: { rank: 1, unit: 'coins', maxAge: '1h' },
      market_cap: { rank: 2, unit: 'USD', maxAge: `${capMaxAgeMinutes}m`, history: true },
      reddit_subscribers: { rank: 1, unit: 'subscribers', maxAge: '7d' },
      reddit_avg_posts_48h: { rank: 1, unit: 'posts an hour', maxAge: '7d' },
      reddit_avg_comments_48h: { rank: 1, unit: 'comments an hour', maxAge: '7d' },
      telegram_channel_user_count: { rank: 1, unit: 'users', maxAge: '7d' },
      sentiment_votes_up: { rank: 1, unit: '% of votes', maxAge: '7d' },
      watchlist_users: { rank: 1, unit: 'users', maxAge: '7d' },
    },
    readings: {
      markets: { gives: namesOf(marketFields), batch: marketsBatch, every: '15m', fetch: fetchMarkets },
      details: { gives: namesOf(detailFields), batch: 1, every: '24h', fetch: fetchDetails },
    },
  },
});

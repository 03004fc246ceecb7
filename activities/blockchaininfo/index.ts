import { namesOf, pastValues } from '../observed';
import { defineSource } from '../source';
import { dayMaxAgeHours, fetchChart } from './charts';
import { statsFields } from './fields';
import { fetchStats } from './stats';

const ofADay = `${dayMaxAgeHours}h`;

export const source = defineSource({
  name: 'blockchaininfo',
  label: 'BlockchainInfo',
  docs: 'https://www.blockchain.com/explorer/api/charts_api',
  licence: 'Blockchain.com API terms of service',
  plans: {
    // only `/q` states a limit, one request in ten seconds; the others answer abuse with 429
    keyless: {
      baseUrl: 'https://api.blockchain.info',
      limits: { perMinute: 6 },
      pagesPerRun: 10,
      says: 'Bitcoin: hash rate, difficulty, height, transactions',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  datasets: {
    history: { ...pastValues, scope: 'all', fetchPage: fetchChart },
  },
  observe: {
    idOf: ({ coinId }) => (coinId === 'bitcoin' ? 'bitcoin' : undefined),
    fields: {
      hash_rate: { rank: 2, unit: 'GH/s; charts TH/s', maxAge: ofADay, history: true },
      difficulty: { rank: 2, unit: "Bitcoin's own", maxAge: ofADay, history: true },
      // an answer stamped seconds after its slot counts from the next one on: two slots, lest one is left without
      block_height: { rank: 2, unit: 'blocks', maxAge: '30m' },
      block_time_seconds: { rank: 2, unit: 'min', maxAge: '30m' },
      transaction_count: { rank: 2, unit: 'transactions in 24 h', maxAge: ofADay, history: true },
      transaction_volume: { rank: 2, unit: 'USD in 24 h', maxAge: ofADay, history: true },
      circulating_supply: { rank: 2, unit: 'satoshi; charts BTC', maxAge: ofADay, history: true },
    },
    readings: {
      stats: { gives: namesOf(statsFields), batch: 10, every: '15m', fetch: fetchStats },
    },
  },
});

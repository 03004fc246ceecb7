import { percentageOf } from '../follow';
import { defineSource } from '../source';
import { judge } from './client';
import { readings } from './readings';

export const source = defineSource({
  name: 'koios',
  label: 'Koios',
  docs: 'https://api.koios.rest',
  licence: 'CC BY 4.0',
  plans: {
    // 100 requests in 10 s per address, then a minute of 429
    keyless: {
      baseUrl: 'https://api.koios.rest/api/v1',
      limits: { perSecond: 10 },
      pagesPerRun: 10,
      says: 'Cardano: height, block time, what is staked',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  judge,
  datasets: {},
  observe: {
    idOf: ({ sourceIds }) => (sourceIds.koios === 'mainnet' ? 'mainnet' : undefined),
    fields: {
      block_height: { rank: 5, unit: 'blocks', maxAge: '30m' },
      block_time_seconds: { rank: 5, unit: 's, over the epoch', maxAge: '24h' },
      // an epoch of five days, and a day until the next one is there
      staked_percentage: { rank: 3, unit: '%', maxAge: '6d' },
      staked_coins: { rank: 2, unit: 'lovelace', maxAge: '6d' },
      issued_supply: { rank: 1, unit: 'lovelace', maxAge: '6d' },
    },
    readings,
    // the stake that counts in an epoch, of all ADA outside the reserves
    follows: { staked_percentage: percentageOf('staked_coins', 'issued_supply') },
  },
});

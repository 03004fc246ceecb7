import { judge } from '../json-rpc';
import { defineSource } from '../source';
import { fetchHead } from './head';

export const source = defineSource({
  name: 'ethereum',
  label: 'Ethereum',
  docs: 'https://ethereum.org/en/developers/docs/apis/json-rpc/',
  licence: 'public chain data; terms of whose node is asked',
  plans: {
    // public nodes publish no limits; two requests an hour per slot stay far below any that was seen
    keyless: {
      baseUrl: 'https://ethereum-rpc.publicnode.com,https://eth.drpc.org',
      limits: { perMinute: 30 },
      pagesPerRun: 10,
      says: 'Ethereum: height and block time',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  judge,
  datasets: {},
  observe: {
    idOf: ({ sourceIds }) => (sourceIds.ethereum === 'mainnet' ? 'mainnet' : undefined),
    fields: {
      block_height: { rank: 1, unit: 'blocks, hexadecimal', maxAge: '30m' },
      block_time_seconds: { rank: 1, unit: 's between the latest and the finalized block', maxAge: '30m' },
    },
    // who runs the validators is known to consensus nodes only, which this API does not reach
    readings: {
      head: { gives: ['block_height', 'block_time_seconds'], batch: 10, every: '15m', fetch: fetchHead },
    },
  },
});

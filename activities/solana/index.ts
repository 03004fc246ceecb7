import { judge } from '../json-rpc';
import { defineSource } from '../source';
import { fetchHead } from './head';
import { fetchStake } from './stake';

export const source = defineSource({
  name: 'solana',
  label: 'Solana',
  docs: 'https://solana.com/docs/rpc',
  licence: 'public chain data; terms of whose node is asked',
  plans: {
    // 100 requests in 10 s per address, 40 of one method; calls of a batch are thought to count singly
    keyless: {
      baseUrl: 'https://api.mainnet-beta.solana.com,https://solana-rpc.publicnode.com',
      limits: { perSecond: 4 },
      pagesPerRun: 10,
      says: 'Solana: height, block time, supply, validators and what is staked',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  judge,
  datasets: {},
  observe: {
    idOf: ({ sourceIds }) => (sourceIds.solana === 'mainnet-beta' ? 'mainnet-beta' : undefined),
    fields: {
      block_height: { rank: 3, unit: 'blocks', maxAge: '30m' },
      block_time_seconds: { rank: 3, unit: 's a slot, over 15 min', maxAge: '30m' },
      total_supply: { rank: 5, unit: 'lamports', maxAge: '6h' },
      circulating_supply: { rank: 5, unit: 'lamports', maxAge: '6h' },
      validator_count: { rank: 2, unit: 'validators that vote', maxAge: '6h' },
      staked_percentage: { rank: 2, unit: 'lamports', maxAge: '6h' },
    },
    readings: {
      head: { gives: ['block_height', 'block_time_seconds'], batch: 10, every: '15m', fetch: fetchHead },
      // stake changes once an epoch, about two days; the answer has about 1 MB
      stake: {
        gives: ['total_supply', 'circulating_supply', 'validator_count', 'staked_percentage'],
        batch: 10,
        every: '1h',
        fetch: fetchStake,
      },
    },
  },
});

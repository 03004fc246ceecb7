import { defineSource } from '../source';
import { chainOf, judge } from './chain';
import { readings } from './readings';
import { stakedPercentage, stakingYield } from './staking';

const ofADay = '24h';

export const source = defineSource({
  name: 'cosmos',
  label: 'Cosmos',
  docs: 'https://docs.cosmos.network/api',
  licence: 'public chain data; terms of whose nodes are asked',
  plans: {
    // one host before the nodes of every chain: it takes another node when one is down; no limit is published
    keyless: {
      baseUrl: 'https://rest.cosmos.directory',
      limits: { perMinute: 60 },
      pagesPerRun: 10,
      says: 'Cosmos-SDK chains: height, supply, validators, stake and its yield',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  judge,
  datasets: {},
  observe: {
    idOf: ({ sourceIds }) => chainOf(sourceIds)?.name,
    fields: {
      block_height: { rank: 4, unit: 'blocks', maxAge: '30m' },
      total_supply: { rank: 6, unit: 'base units', maxAge: ofADay },
      validator_count: { rank: 1, unit: 'bonded validators', maxAge: ofADay },
      staked_percentage: { rank: 1, unit: '%', maxAge: ofADay },
      // as old as its oldest part, the tax
      staking_yield: { rank: 1, unit: '%', maxAge: '3d' },
      staked_coins: { rank: 1, unit: 'base units', maxAge: ofADay },
      annual_provisions: { rank: 1, unit: 'base units', maxAge: ofADay },
      // asked once a day, and changed by votes only
      community_tax: { rank: 1, unit: 'share', maxAge: '3d' },
    },
    readings,
    follows: { staked_percentage: stakedPercentage, staking_yield: stakingYield },
  },
});

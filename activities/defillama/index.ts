import { namesOf, pastValues } from '../observed';
import { defineSource } from '../source';
import { chainFields, fetchChainHistory, fetchChains, tvlMaxAgeHours } from './chains';
import { judge } from './client';
import { fetchProtocols } from './protocols';

export const source = defineSource({
  name: 'defillama',
  label: 'DeFiLlama',
  docs: 'https://api-docs.defillama.com',
  licence: 'DefiLlama terms of use; free API, attribution asked for',
  plans: {
    // no limit is published for the free API; its own clients ask five times a second
    keyless: {
      baseUrl: 'https://api.llama.fi',
      limits: { perMinute: 300 },
      // the history of a date is a page per chain
      pagesPerRun: 500,
      says: 'value locked and protocols of every chain',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  judge,
  datasets: {
    history: { ...pastValues, scope: 'all', fetchPage: fetchChainHistory },
  },
  observe: {
    idOf({ sourceIds: { defillama: id } }) {
      return typeof id === 'string' ? id : id?.[0];
    },
    fields: {
      total_value_locked: { rank: 1, unit: 'USD', maxAge: `${tvlMaxAgeHours}h`, history: true },
      // asked every hour; one answer may be missed
      defi_protocols_count: { rank: 1, unit: 'protocols above 100,000 USD', maxAge: '3h' },
    },
    readings: {
      chains: { gives: namesOf(chainFields), batch: 1_000, every: '15m', fetch: fetchChains },
      protocols: { gives: ['defi_protocols_count'], batch: 1_000, every: '1h', fetch: fetchProtocols },
    },
  },
});

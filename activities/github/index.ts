import { defineSource } from '../source';
import { judge } from './client';
import { fetchCommits, repositoriesOf } from './commits';

const host = 'https://api.github.com';

export const source = defineSource({
  name: 'github',
  label: 'GitHub',
  docs: 'https://docs.github.com/en/rest/search/search#search-commits',
  licence: 'GitHub terms of service',
  keyUrl: 'https://github.com/settings/tokens',
  plans: {
    keyless: { baseUrl: host, limits: { perMinute: 10 }, pagesPerRun: 10, says: 'commits of the last 30 days' },
    token: {
      baseUrl: host,
      limits: { perMinute: 30 },
      pagesPerRun: 10,
      key: { in: 'header', name: 'authorization', prefix: 'Bearer ' },
      says: 'commits of the last 30 days, faster',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'token' },
  judge,
  datasets: {},
  observe: {
    idOf: ({ sourceIds }) => repositoriesOf(sourceIds).join('+') || undefined,
    fields: { github_commits_30d: { rank: 1, unit: 'commits', maxAge: '7d' } },
    readings: { commits: { gives: ['github_commits_30d'], batch: 1, every: '24h', fetch: fetchCommits } },
  },
});

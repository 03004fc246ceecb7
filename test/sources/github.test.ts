import { source } from '../../activities/github';
import type { SourceHttp } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { answers, asset, assetsOf, failureOf, overHttp } from './asking';
import { sourceAssets } from '../../activities/assets';

const { commits } = source.observe.readings;
const slot = '2026-11-22T15:30:00.000Z';
const fetch = (http: SourceHttp, coinId: string) =>
  commits.fetch(http, { assets: assetsOf(source, coinId), slot, plan: source.plans.keyless });
const found = (total_count: unknown, incomplete_results: unknown = false) => ({
  ...{ total_count, incomplete_results, items: [{}] },
});

test('one search counts the commits of all repositories in the 30 days before the slot', async () => {
  const http = answers(found(42));
  expect(await fetch(http, 'solana')).toEqual({
    observations: [
      {
        coinId: 'solana',
        asOf: slot,
        fields: {
          github_commits_30d: { value: '42', from: 'anza-xyz/agave + solana-labs/solana since 2026-10-23T15:30:00Z' },
        },
      },
    ],
    rejects: [],
  });
  expect(http.asked).toEqual([
    {
      path: '/search/commits',
      query: {
        q: 'repo:anza-xyz/agave repo:solana-labs/solana committer-date:2026-10-23T15:30:00Z..2026-11-22T15:30:00Z',
        per_page: 1,
      },
    },
  ]);
  expect((await fetch(answers(found(0)), 'bitcoin')).observations[0]!.fields).toMatchObject({
    github_commits_30d: { value: '0' },
  });
});

test.each([
  ['a search that ran out of time is too small', found(42, true), 'Unavailable'],
  ['no count', found(undefined), 'SchemaMismatch'],
  ['no word on whether it is complete', found(1, null), 'SchemaMismatch'],
])('%s', async (_title, body, type) => {
  expect(await failureOf(fetch(answers(body), 'bitcoin'))).toMatchObject({ type });
});

test.each([
  [403, 'API rate limit exceeded for 1.2.3.4.', 'RateLimited', 60_000],
  [429, 'You have exceeded a secondary rate limit.', 'RateLimited', 60_000],
  [422, 'Validation Failed', 'NotAvailable', undefined],
  // the common table knows these
  [403, 'Resource not accessible by personal access token', undefined, undefined],
  [401, 'Bad credentials', undefined, undefined],
])('%i "%s"', (status, message, type, retryAfterMs) => {
  const verdict = source.judge(status, { message });
  expect([verdict?.type, verdict?.retryAfterMs]).toEqual([type, retryAfterMs]);
});

describe('against the simulator', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ keys: { github: ['ghp-of-tests-1234'] } });
  });
  afterAll(() => simulator.close());
  const connect = (apiKey?: string) =>
    overHttp(source, simulator.baseUrls.github, apiKey === undefined ? {} : { plan: 'token', apiKey });

  test('ten searches a minute without a token, and with one as many again', async () => {
    const { observations } = await fetch(connect(), 'solana');
    expect(Number(observations[0]!.fields.github_commits_30d!.value)).toBeGreaterThan(0);
    for (let call = 0; call < 9; call++) await fetch(connect(), 'bitcoin');
    expect(await failureOf(fetch(connect(), 'bitcoin'))).toMatchObject({ type: 'RateLimited' });
    await fetch(connect('ghp-of-tests-1234'), 'bitcoin');
    const wrong = await failureOf(fetch(connect('ghp-of-nobody-999'), 'bitcoin'));
    expect(wrong).toMatchObject({ type: 'Unauthorized', details: { status: 401 } });
  });

  test('a repository that is gone will not come back by itself', async () => {
    const assets = sourceAssets(source, [asset('gone', 'GONE', 'pow', { github: 'gone/away' })]);
    const http = connect('ghp-of-tests-1234');
    const asked = commits.fetch(http, { assets, slot, plan: source.plans.token });
    expect(await failureOf(asked)).toMatchObject({ type: 'NotAvailable', details: { status: 422 } });
  });
});

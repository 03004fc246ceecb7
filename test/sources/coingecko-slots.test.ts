import { source } from '../../activities/coingecko';
import { parseJson } from '../../activities/numbers';
import type { Reading } from '../../activities/observation';
import type { RangeContext } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload } from '../payloads';
import { answers, assetsOf, bitcoin, failureOf, overHttp, pageOf } from './asking';

const { markets, details } = source.observe.readings as Record<string, Reading> as {
  markets: Reading;
  details: Reading;
};
const { history } = source.datasets;
const plan = source.plans.demo;
const slot = '2026-11-22T15:30:00.000Z';
const assets = assetsOf(source, 'bitcoin', 'ethereum', 'dash', 'baby-doge-coin');
const [bitcoinAsset] = assetsOf(source, 'bitcoin');

describeRecorded('recorded answers become observations', () => {
  test.each([
    ['coins_markets__oas.json', '2026-05-18T12:49:21.599Z', ['20030493', '20030843', '21000000', '1555886872303']],
    ['coins_markets__one_2024.json', '2024-04-07T16:49:31.736Z', ['19675987', '21000000', '21000000', '1381651251183']],
    [
      'coins_markets__one_usd_2021.json',
      '2021-05-15T15:59:43.867Z',
      ['18710831', '21000000', '21000000', '917825524991'],
    ],
  ])('%s', async (file, asOf, [circulating_supply, total_supply, max_supply, market_cap]) => {
    const http = answers(payload(`coingecko/${file}`));
    expect(await markets.fetch(http, { assets, slot, plan })).toEqual({
      observations: [
        {
          coinId: 'bitcoin',
          asOf,
          fields: {
            circulating_supply: { value: circulating_supply },
            total_supply: { value: total_supply },
            max_supply: { value: max_supply },
            market_cap: { value: market_cap },
          },
        },
      ],
      rejects: [],
    });
    const ids = 'bitcoin,ethereum,dash,baby-doge-coin';
    expect(http.asked).toEqual([{ path: '/coins/markets', query: { vs_currency: 'usd', ids, per_page: 250 } }]);
  });

  test('/coins/{id}: community data and votes, as of the time that the source gives', async () => {
    const http = answers(payload('coingecko/coins_id__oas.json'));
    expect(await details.fetch(http, { assets: [bitcoinAsset!], slot, plan })).toEqual({
      observations: [
        {
          coinId: 'bitcoin',
          asOf: '2024-04-07T15:24:51.021Z',
          fields: {
            sentiment_votes_up: { value: '84.07' },
            watchlist_users: { value: '1541900' },
            reddit_subscribers: { value: '6127543' },
            reddit_avg_posts_48h: { value: '7.333' },
            reddit_avg_comments_48h: { value: '384.667' },
          },
        },
      ],
      rejects: [],
    });
    const off = { localization: 'false', tickers: 'false', market_data: 'false', developer_data: 'false' };
    expect(http.asked).toEqual([
      { path: '/coins/bitcoin', query: { ...off, sparkline: 'false', community_data: 'true' } },
    ]);
  });

  test('an answer without community data has the votes', async () => {
    const http = answers(payload('coingecko/coin_by_id__bitcoin_metadata_only_public.json'));
    const { observations } = await details.fetch(http, { assets: [bitcoinAsset!], slot, plan });
    expect(observations).toEqual([
      {
        coinId: 'bitcoin',
        asOf: '2024-05-30T11:52:02.324Z',
        fields: { sentiment_votes_up: { value: '82.65' }, watchlist_users: { value: '1588545' } },
      },
    ]);
  });

  test('market_chart/range: every point with its own time, none from outside of the date', async () => {
    const body = payload('coingecko/market_chart_range__short_2024.json');
    const page = await history.fetchPage(answers(body), pageOf(source, { coin: bitcoin, date: '2024-04-01' }));
    // the 31st's is older than 75 minutes, and the last one is "now", in the middle of the date
    expect(page).toEqual({
      rows: [],
      rejects: [],
      next: null,
      resume: null,
      observations: [
        { coinId: 'bitcoin', asOf: '2024-04-01T00:00:00.000Z', fields: { market_cap: { value: '1401370211582.37' } } },
        { coinId: 'bitcoin', asOf: '2024-04-01T15:01:22.000Z', fields: { market_cap: { value: '1355701979725.16' } } },
      ],
    });
  });
});

describe('markets', () => {
  const row = (given: object): unknown =>
    parseJson(JSON.stringify({ id: 'bitcoin', symbol: 'btc', last_updated: '2026-11-22T15:29:50.1Z', ...given }));
  const read = async (...rows: unknown[]) => markets.fetch(answers(rows), { assets, slot, plan });

  test('what is missing, null or 0 is left out; no limit is no value', async () => {
    const { observations, rejects } = await read(
      row({ circulating_supply: 5, total_supply: null, max_supply: null, market_cap: 0 }),
      row({ id: 'dash', circulating_supply: 0, total_supply: 0, max_supply: 0, market_cap: null }),
    );
    expect(observations).toEqual([
      { coinId: 'bitcoin', asOf: '2026-11-22T15:29:50.100Z', fields: { circulating_supply: { value: '5' } } },
      { coinId: 'dash', asOf: '2026-11-22T15:29:50.100Z', fields: {} },
    ]);
    expect(rejects).toEqual([]);
  });

  test('large supplies keep their digits', async () => {
    const body = parseJson(
      '[{"id":"baby-doge-coin","last_updated":"2026-11-22T15:29:50Z","total_supply":420000000000000000.5,"market_cap":1.2E+9}]',
    );
    const { observations } = await markets.fetch(answers(body), { assets, slot, plan });
    expect(observations[0]!.fields).toEqual({
      total_supply: { value: '420000000000000000.5' },
      market_cap: { value: '1200000000' },
    });
  });

  test('a value of another type costs that field only, a time that is none the coin, a coin that nobody asked for nothing', async () => {
    const { observations, rejects } = await read(
      row({ circulating_supply: true, market_cap: 7 }),
      row({ id: 'ethereum', last_updated: 'yesterday' }),
      row({ id: 'dash', last_updated: null, market_cap: 1 }),
      row({ id: 'stranger', market_cap: 1 }),
      { symbol: 'x' },
    );
    expect(observations).toEqual([
      { coinId: 'bitcoin', asOf: '2026-11-22T15:29:50.100Z', fields: { market_cap: { value: '7' } } },
    ]);
    expect(rejects).toEqual([
      { key: 'bitcoin', field: 'circulating_supply', reason: 'circulating_supply: expected a number', raw: 'true' },
      { key: 'ethereum', field: 'last_updated', reason: 'last_updated: expected a time', raw: '"yesterday"' },
      { key: null, field: 'id', reason: 'id: a row without an id', raw: '{"symbol":"x"}' },
    ]);
  });

  test('an answer that is no list is told as such', async () => {
    const failure = await failureOf(markets.fetch(answers({ error: 'x' }), { assets, slot, plan }));
    expect(failure.type).toBe('SchemaMismatch');
  });
});

describe('details', () => {
  const read = async (community_data: unknown, more: object = {}) => {
    const body = parseJson(JSON.stringify({ id: 'bitcoin', last_updated: slot, community_data, ...more }));
    return details.fetch(answers(body), { assets: [bitcoinAsset!], slot, plan });
  };

  test('zeros of a subreddit at which the source does not look any more are no measurements', async () => {
    const decayed = { reddit_average_posts_48h: 0, reddit_average_comments_48h: 0, reddit_subscribers: 0 };
    expect((await read({ ...decayed, reddit_accounts_active_48h: null })).observations[0]!.fields).toEqual({});
    expect((await read({ ...decayed, reddit_accounts_active_48h: 0 })).observations[0]!.fields).toEqual({});
    // somebody was there, and wrote nothing
    const quiet = { ...decayed, reddit_subscribers: 5, reddit_accounts_active_48h: 3 };
    expect((await read(quiet)).observations[0]!.fields).toEqual({
      reddit_subscribers: { value: '5' },
      reddit_avg_posts_48h: { value: '0' },
      reddit_avg_comments_48h: { value: '0' },
    });
  });

  test('neither followers on Twitter nor four weeks of commits are taken', async () => {
    const { observations } = await read(
      { twitter_followers: 89_429, telegram_channel_user_count: 12 },
      { developer_data: { commit_count_4_weeks: 108 } },
    );
    expect(observations[0]!.fields).toEqual({ telegram_channel_user_count: { value: '12' } });
  });

  test('without a time there is no observation', async () => {
    expect(await read({ telegram_channel_user_count: 12 }, { last_updated: null })).toEqual({
      observations: [],
      rejects: [],
    });
  });
});

describe('against the simulated service', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z'), limits: 'none' });
  });
  afterAll(() => simulator.close());
  const connect = () => overHttp(source, simulator.baseUrls.coingecko);
  const range = (given: Pick<RangeContext, 'from' | 'to'>) =>
    history.range.fetch(connect(), { coin: bitcoin, today: '2026-11-22', plan, ...given });

  test('90 dates cost one call and have an hourly point for every slot but the first', async () => {
    const before = simulator.requests.length;
    const { observations = [] } = await range({ from: '2026-08-24', to: '2026-11-21' });
    expect(simulator.requests.length - before).toBe(1);
    const times = observations.map(({ asOf }) => Date.parse(asOf!));
    const slots = Array.from({ length: 90 * 96 }, (_, index) => Date.parse('2026-08-24') + index * 900_000);
    const maxAgeMs = 75 * 60_000;
    const without = slots.filter((at) => !times.some((time) => time <= at && at - time <= maxAgeMs));
    expect(without.map((at) => new Date(at).toISOString())).toEqual(['2026-08-24T00:00:00.000Z']);
    expect(Math.max(...times)).toBeLessThan(Date.parse('2026-11-22'));
  });

  test('a date before the listing is not available', async () => {
    const page = pageOf(source, { coin: bitcoin, date: '2012-05-01' });
    const pro = overHttp(source, simulator.baseUrls.coingecko);
    expect((await failureOf(history.fetchPage(pro, page))).type).toBe('NotAvailable');
  });

  test.each([
    [404, 'NotAvailable'],
    [429, 'RateLimited'],
    [500, 'Unavailable'],
  ])('%s is %s', async (status, type) => {
    const remove = simulator.fault('coingecko', { status });
    const failure = await failureOf(details.fetch(connect(), { assets: [bitcoinAsset!], slot, plan }));
    remove();
    expect(failure.type).toBe(type);
  });
});

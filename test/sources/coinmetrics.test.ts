import { source } from '../../activities/coinmetrics';
import { judge } from '../../activities/coinmetrics/client';
import { assetsPerRequest } from '../../activities/coinmetrics/metrics';
import { parseJson } from '../../activities/numbers';
import type { Reading, SourceAsset } from '../../activities/observation';
import type { PageContext } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload } from '../payloads';
import { answers, assetsOf, failureOf, overHttp, pageOf } from './asking';

const { metrics } = source.observe.readings as Record<string, Reading> as { metrics: Reading };
const { history } = source.datasets;
const plan = source.plans.community;
const slot = '2026-11-22T15:30:00.000Z';
const assets = assetsOf(source);
const context = (given: Partial<PageContext> = {}): PageContext =>
  pageOf(source, { coin: assets[0]!, coins: assets, assets, date: '2026-11-20', ...given });
const day = '2026-11-20T00:00:00.000000000Z';
// the day is over, and the values are 15 hours old
const asOf = '2026-11-21T15:00:00.000Z';
const read = (...data: object[]) => metrics.fetch(answers(parseJson(JSON.stringify({ data }))), { assets, slot, plan });

const asked = {
  metrics:
    'AdrActCnt,TxCnt,TxTfrValAdjUSD,CapRealUSD,CapMVRVCur,NVTAdj,SplyCur,IssContPctAnn,CapMrktCurUSD,HashRate,DiffLast,DiffMean',
  frequency: '1d',
  page_size: 10_000,
  paging_from: 'start',
  ignore_unsupported_errors: 'true',
  ignore_forbidden_errors: 'true',
};

test('one request for all assets and metrics, of every day that a slot may still use', async () => {
  const http = answers({ data: [] });
  await metrics.fetch(http, { assets, slot, plan });
  expect(http.asked).toEqual([
    {
      path: '/timeseries/asset-metrics',
      query: { ...asked, assets: 'btc,eth,bnb,dash,xmr,link', start_time: '2026-11-18', end_time: '2026-11-21' },
    },
  ]);
});

describeRecorded('recorded answers', () => {
  test('rows without our metrics say nothing; a token of the next page is not followed by a URL', async () => {
    const body = payload('coinmetrics/timeseries_asset_metrics__oas_daily_metrics.json');
    const page = await history.fetchPage(answers(body), context());
    expect(page).toEqual({
      rows: [],
      rejects: [],
      observations: [],
      next: '|0.MjAyMC0wNi0wN1QwMDowMDowMFo,MjAyMC0wNi0wN1QwMDowMDowMFo',
      resume: null,
    });
    const http = answers({ data: [] });
    expect((await history.fetchPage(http, context({ cursor: page.next }))).next).toBeNull();
    expect(http.asked[0]!.query).toMatchObject({
      assets: 'bnb,btc,link,dash,eth,xmr',
      next_page_token: '0.MjAyMC0wNi0wN1QwMDowMDowMFo,MjAyMC0wNi0wN1QwMDowMDowMFo',
    });
  });

  test.each([
    [400, 'oas_400', 'BadInput', "Bad parameter 'assets'. Value 'sdvwbtc' is not supported."],
    [
      403,
      'oas_403',
      'Unauthorized',
      "Requested metric 'SplyBMXNtv' with frequency '1d' for asset 'btc' is not available with supplied credentials.",
    ],
    [401, 'oas_unauthorized_401', 'Unauthorized', 'Requested resource requires authorization.'],
    [401, 'oas_wrong_credentials_401', 'Unauthorized', 'Supplied credentials are not valid.'],
  ])('%s in its own words: %s', (status, file, type, reason) => {
    expect(judge(status, payload(`coinmetrics/timeseries_asset_metrics__${file}.json`))).toEqual({ type, reason });
  });
});

describe('rows become observations', () => {
  test('of a day, from 15 hours after its end on; per cent stay per cent; text keeps its digits', async () => {
    const { observations, rejects } = await read({
      asset: 'btc',
      time: day,
      AdrActCnt: '721957',
      'AdrActCnt-status': 'reviewed',
      TxCnt: '455123.0',
      TxTfrValAdjUSD: '5123456789.12345678901',
      CapRealUSD: '102712975679.4759794040330498',
      CapMVRVCur: '2.1',
      NVTAdj: '55.5',
      SplyCur: '19999999.12345678',
      IssContPctAnn: '0.8231',
      CapMrktCurUSD: '215697248926.89',
      HashRate: '1070667944.25',
      DiffLast: '146000000000000',
      DiffMean: '145000000000000',
    });
    expect(rejects).toEqual([]);
    expect(observations).toEqual([
      {
        coinId: 'bitcoin',
        asOf,
        fields: {
          active_addresses: { value: '721957' },
          transaction_count: { value: '455123' },
          transaction_volume: { value: '5123456789.12345678901' },
          realized_cap: { value: '102712975679.4759794040330498' },
          mvrv_ratio: { value: '2.1' },
          nvt_ratio: { value: '55.5' },
          circulating_supply: { value: '19999999.12345678' },
          supply_inflation_rate: { value: '0.8231' },
          market_cap: { value: '215697248926.89' },
          hash_rate: { value: '1070667944.25' },
          difficulty: { value: '146000000000000' },
        },
      },
    ]);
  });

  test('hash rates have the unit of their asset, and become TH/s', async () => {
    const { observations } = await read(
      { asset: 'dash', time: day, HashRate: '3500123.4' },
      { asset: 'xmr', time: day, HashRate: '4750.5', DiffMean: '570000000000' },
      // not documented for it
      { asset: 'link', time: day, HashRate: '1' },
      // none since proof of stake
      { asset: 'eth', time: day, HashRate: '0', DiffLast: '0', TxCnt: '1' },
    );
    expect(observations.map(({ coinId, fields }) => [coinId, fields])).toEqual([
      ['dash', { hash_rate: { value: '3500.1234', from: '3500123.4 GH/s ÷ 1000' } }],
      [
        'monero',
        { hash_rate: { value: '0.0047505', from: '4750.5 MH/s ÷ 1000000' }, difficulty: { value: '570000000000' } },
      ],
      ['ethereum', { transaction_count: { value: '1' } }],
    ]);
  });

  test('the free plan has no realized cap, but the ratio that is made of it', async () => {
    const { observations } = await read({ asset: 'btc', time: day, CapMrktCurUSD: '100', CapMVRVCur: '1.5' });
    expect(observations[0]!.fields.realized_cap).toEqual({
      value: '66.67',
      from: 'CapMrktCurUSD 100 ÷ CapMVRVCur 1.5',
    });
    const [alone] = (await read({ asset: 'btc', time: day, CapMrktCurUSD: '100' })).observations;
    expect(alone!.fields.realized_cap).toBeUndefined();
  });

  test('a day that is only priced yet has just that; one without any value is left out', async () => {
    const { observations } = await read(
      { asset: 'btc', time: '2026-11-21T00:00:00.000000000Z', CapMrktCurUSD: '7', AdrActCnt: null, TxCnt: null },
      { asset: 'eth', time: day, AdrActCnt: null },
    );
    expect(observations).toEqual([
      { coinId: 'bitcoin', asOf: '2026-11-22T15:00:00.000Z', fields: { market_cap: { value: '7' } } },
    ]);
  });

  test('what cannot be read costs a field, or a row; a wrong whole is told as such', async () => {
    const { observations, rejects } = await read(
      { asset: 'btc', time: day, TxCnt: 'many', AdrActCnt: '4' },
      { asset: 'btc', time: 'x', TxCnt: '5' },
    );
    expect(observations).toEqual([{ coinId: 'bitcoin', asOf, fields: { active_addresses: { value: '4' } } }]);
    expect(rejects).toEqual([
      { key: 'bitcoin', field: 'TxCnt', reason: 'TxCnt: expected a number, got "many"', raw: '"many"' },
      { key: null, field: 'time', reason: 'row: expected a time', raw: '{"asset":"btc","time":"x","TxCnt":"5"}' },
    ]);
    const failure = await failureOf(metrics.fetch(answers({ rows: [] }), { assets, slot, plan }));
    expect(failure.type).toBe('SchemaMismatch');
  });
});

test('many assets: batches whose URI is short enough, by coin id', async () => {
  const many = Array.from({ length: assetsPerRequest + 1 }, (_, index): SourceAsset => {
    const sourceId = `asset_${String(index).padStart(9, '0')}`;
    return { coinId: `coin-${String(index).padStart(4, '0')}`, symbol: 'X', kind: 'token', sourceId, sourceIds: {} };
  });
  const first = answers({ data: [] });
  const page = await history.fetchPage(first, context({ assets: many }));
  expect(page.next).toBe('coin-0399');
  const query = Object.entries(first.asked[0]!.query!).map(([name, value]): [string, string] => [name, String(value)]);
  const url = new URLSearchParams(query);
  expect(url.toString().length).toBeLessThan(9_800);
  const second = answers({ data: [] });
  expect(await history.fetchPage(second, context({ assets: many, cursor: page.next }))).toMatchObject({ next: null });
  expect(second.asked[0]!.query!.assets).toBe('asset_000000400');
});

describe('against the simulated service', () => {
  let simulator: Simulator;
  let now = '2026-11-22T15:30:10Z';
  beforeAll(async () => {
    simulator = await startSimulator({ now: () => new Date(now) });
  });
  afterAll(() => simulator.close());
  const connect = () => overHttp(source, simulator.baseUrls.coinmetrics);

  test('a slot and its date, asked later, hear the same of every day', async () => {
    const live = (await metrics.fetch(connect(), { assets, slot, plan })).observations;
    now = '2026-11-28T08:00:00Z';
    const past = (await history.fetchPage(connect(), context({ date: '2026-11-22' }))).observations!;
    const order = (all: typeof live) =>
      all.toSorted((one, other) => `${one.coinId} ${one.asOf}`.localeCompare(`${other.coinId} ${other.asOf}`));
    expect(order([...past])).toEqual(order(live));
    expect(live.length).toBe(6 * 4);
    const bitcoin = live.find(({ coinId }) => coinId === 'bitcoin')!.fields;
    // what is not free is left out, and nothing else with it
    expect(bitcoin.nvt_ratio).toBeUndefined();
    expect(bitcoin.realized_cap!.from).toMatch(/^CapMrktCurUSD/);
  });

  test('a correction is heard the next time', async () => {
    const undo = simulator.changeRow('coinmetrics/btc', '2026-11-27', { TxCnt: '7' });
    const { observations } = await metrics.fetch(connect(), { assets, slot: '2026-11-28T08:00:00.000Z', plan });
    undo();
    expect(observations).toContainEqual(
      expect.objectContaining({
        coinId: 'bitcoin',
        asOf: '2026-11-28T15:00:00.000Z',
        fields: expect.objectContaining({ transaction_count: { value: '7' } }) as object,
      }),
    );
  });

  test('an asset that it does not know costs itself only', async () => {
    const some = [{ ...assets[0]!, sourceId: 'sdvwbtc' }, assets[1]!];
    const { observations } = await metrics.fetch(connect(), { assets: some, slot, plan });
    expect(new Set(observations.map(({ coinId }) => coinId))).toEqual(new Set(['ethereum']));
  });

  test.each([
    [429, 'RateLimited'],
    [403, 'Unauthorized'],
    [524, 'Unavailable'],
  ])('%s is %s', async (status, type) => {
    const remove = simulator.fault('coinmetrics', { status });
    const failure = await failureOf(metrics.fetch(connect(), { assets, slot, plan }));
    remove();
    expect(failure.type).toBe(type);
  });
});

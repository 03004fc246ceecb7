import { source } from '../../activities/blockchaininfo';
import { parseJson } from '../../activities/numbers';
import type { Reading } from '../../activities/observation';
import type { PageContext } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload } from '../payloads';
import { answers, assetsOf, failureOf, overHttp, pageOf } from './asking';

const { stats } = source.observe.readings as Record<string, Reading> as { stats: Reading };
const { history } = source.datasets;
const plan = source.plans.keyless;
const slot = '2026-11-22T15:30:00.000Z';
const assets = assetsOf(source);
const context = (given: Partial<PageContext> = {}): PageContext =>
  pageOf(source, { coin: assets[0]!, coins: assets, assets, date: '2015-09-20', ...given });

test('it knows Bitcoin alone', () => {
  expect(assets.map(({ coinId }) => coinId)).toEqual(['bitcoin']);
});

describeRecorded('recorded answers become observations', () => {
  test('stats: units that the names hide, exponents without loss', async () => {
    const http = answers(payload('blockchain-info/stats__2016-09-16_doc.json'));
    expect(await stats.fetch(http, { assets, slot, plan })).toEqual({
      observations: [
        {
          coinId: 'bitcoin',
          asOf: '2016-09-16T14:15:40.000Z',
          fields: {
            hash_rate: { value: '1841098.9266292908', from: '1841098926.6292908 GH/s ÷ 1000' },
            difficulty: { value: '225832872179' },
            block_height: { value: '430098' },
            transaction_count: { value: '233805' },
            block_time_seconds: { value: '495.462', from: '8.2577 min × 60' },
            transaction_volume: { value: '123429768.68108143' },
            circulating_supply: { value: '15876225', from: '1587622500000000 satoshi ÷ 100000000' },
          },
        },
      ],
      rejects: [],
    });
    expect(http.asked).toEqual([{ path: '/stats', query: { format: 'json' } }]);
  });

  test.each([
    ['stats__2017-12-08.json', '2017-12-08T17:58:56.000Z', '12099839.02666', '16728262.5'],
    ['stats__2018-04-21.json', '2018-04-21T03:50:54.000Z', '25956073.041228214', '16989962.5'],
    ['stats__2019-05-12.json', '2019-05-12T07:35:25.000Z', '44977500.72736728', '17695550'],
  ])('%s', async (file, asOf, hashRate, supply) => {
    const { observations } = await stats.fetch(answers(payload(`blockchain-info/${file}`)), { assets, slot, plan });
    expect(observations).toMatchObject([
      { asOf, fields: { hash_rate: { value: hashRate }, circulating_supply: { value: supply } } },
    ]);
  });

  test('a chart: the figure of a day is known at its end', async () => {
    const http = answers(payload('blockchain-info/charts_n-transactions__doc.json'));
    const page = await history.fetchPage(http, context({ date: '2015-09-19', cursor: 'hash-rate' }));
    expect(page).toEqual({
      rows: [],
      rejects: [],
      next: 'n-transactions',
      resume: null,
      observations: [
        { coinId: 'bitcoin', asOf: '2015-09-19T00:00:00.000Z', fields: { transaction_count: { value: '188330' } } },
      ],
    });
    expect(http.asked).toEqual([
      {
        path: '/charts/n-transactions',
        query: { start: '2015-09-17', timespan: '3days', format: 'json', sampled: 'false' },
      },
    ]);
  });
});

describe('stats', () => {
  const read = (text: string) => stats.fetch(answers(parseJson(text)), { assets, slot, plan });

  test('a time that is a float is one; zeros are figures that could not be made; the rest lands', async () => {
    const { observations, rejects } = await read(
      '{"timestamp":1791193160000.0,"hash_rate":0,"difficulty":"x","n_tx":5,"total_fees_btc":-51875000000}',
    );
    expect(observations).toEqual([
      { coinId: 'bitcoin', asOf: '2026-10-05T09:39:20.000Z', fields: { transaction_count: { value: '5' } } },
    ]);
    expect(rejects).toEqual([
      { key: 'bitcoin', field: 'difficulty', reason: 'difficulty: expected a number, got "x"', raw: '"x"' },
    ]);
  });

  test('without its time it is not understood', async () => {
    expect(await failureOf(read('{"n_tx":5}'))).toMatchObject({ type: 'SchemaMismatch' });
  });
});

describe('charts of a date', () => {
  const x = (time: string): number => Date.parse(time) / 1_000;
  const points = (...values: [time: string, y: unknown][]) =>
    answers(parseJson(JSON.stringify({ status: 'ok', values: values.map(([time, y]) => ({ x: x(time), y })) })));

  test('figures of days: those that are over within the date, and what its first slots may still use', async () => {
    const http = points(['2015-09-17', 1], ['2015-09-18', 2], ['2015-09-19', 3.5e3], ['2015-09-20', 4]);
    const page = await history.fetchPage(http, context());
    expect(page.observations).toEqual([
      { coinId: 'bitcoin', asOf: '2015-09-19T00:00:00.000Z', fields: { difficulty: { value: '2' } } },
      { coinId: 'bitcoin', asOf: '2015-09-20T00:00:00.000Z', fields: { difficulty: { value: '3500' } } },
    ]);
  });

  test('the supply is that of a moment, in whole coins', async () => {
    const http = points(['2015-09-20T07:00:00Z', 14_638_250], ['2015-09-21', 14_640_000], ['2015-09-18T21:59:00Z', 1]);
    const page = await history.fetchPage(http, context({ cursor: 'n-transactions' }));
    expect(page).toMatchObject({
      next: null,
      observations: [{ asOf: '2015-09-20T07:00:00.000Z', fields: { circulating_supply: { value: '14638250' } } }],
    });
  });

  test('what cannot be read costs one point', async () => {
    const http = answers({ values: [{ x: x('2015-09-19'), y: true }, { y: 3 }, { x: x('2015-09-18'), y: 0 }] });
    expect(await history.fetchPage(http, context())).toMatchObject({
      observations: [],
      rejects: [
        { key: 'bitcoin', field: 'difficulty', raw: 'true' },
        { key: 'bitcoin', field: 'difficulty', reason: 'difficulty: expected seconds', raw: '{"y":3}' },
      ],
    });
  });
});

describe('against the simulated service', () => {
  let simulator: Simulator;
  let now = '2026-11-21T09:15:05Z';
  beforeAll(async () => {
    simulator = await startSimulator({ now: () => new Date(now), limits: 'none' });
  });
  afterAll(() => simulator.close());
  const connect = () => overHttp(source, simulator.baseUrls.blockchaininfo);

  test('stats and charts agree about every field that has a history', async () => {
    const { observations: live } = await stats.fetch(connect(), { assets, slot, plan });
    now = '2026-11-25T10:00:00Z';
    let cursor: string | null = null;
    const past = [];
    do {
      const page = await history.fetchPage(connect(), context({ date: '2026-11-21', cursor }));
      past.push(...(page.observations ?? []));
      cursor = page.next;
    } while (cursor !== null);
    const valid = past.filter(({ asOf }) => asOf === '2026-11-21T00:00:00.000Z');
    const value = (fields: object): Record<string, number> =>
      Object.fromEntries(Object.entries(fields).map(([name, { value: text }]) => [name, Number(text)]));
    const { block_height: _height, block_time_seconds: _time, ...expected } = value(live[0]!.fields);
    const told = value(Object.assign({}, ...valid.map(({ fields }) => fields)) as object);
    expect(Object.keys(told).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [name, number] of Object.entries(told)) expect(number / expected[name]!).toBeCloseTo(1, 9);
  });

  test.each([
    [429, 'RateLimited'],
    [404, 'NotAvailable'],
    [500, 'Unavailable'],
  ])('%s is %s', async (status, type) => {
    const remove = simulator.fault('blockchaininfo', { status });
    const failure = await failureOf(stats.fetch(connect(), { assets, slot, plan }));
    remove();
    expect(failure.type).toBe(type);
  });
});

import { source } from '../../activities/coingecko';
import { judge } from '../../activities/coingecko/client';
import type { RangeContext } from '../../activities/source';
import { describeRecorded, payload } from '../payloads';
import { answers, bitcoin, coin, ethereum, failureOf, pageOf } from './asking';

const { prices, coins } = source.datasets;
const { keyless, pro } = source.plans;

const rangeOf = (given: Partial<RangeContext> & Pick<RangeContext, 'from' | 'to'>): RangeContext => ({
  coin: bitcoin,
  today: '2026-11-22',
  plan: keyless,
  ...given,
});

describeRecorded('recorded CoinGecko answers become rows', () => {
  test.each([
    [
      'coin_history__ethereum_01-01-2024_public.json',
      ethereum,
      '2024-01-01',
      ['2279.9410085689606', '6715146404.608721', '274292310008.21802'],
    ],
    [
      'coin_history__binancecoin_29-10-2025_public.json',
      coin('binancecoin', 'BNB'),
      '2025-10-29',
      ['1103.595300080196', '3071983545.353561', '152007230183.57797'],
    ],
    [
      'coin_history__ethereum_localized_2024.json',
      bitcoin,
      '2024-01-01',
      ['42074.7071561885', '24832397519.0506', '822933961870.542'],
    ],
    [
      'coins_id_history__oas.json',
      bitcoin,
      '2023-12-30',
      ['42208.202176186474', '14183728910.169804', '827596236151.1959'],
    ],
  ])('%s', async (file, of, date, [price_usd, volume_usd, market_cap_usd]) => {
    const http = answers(payload(`coingecko/${file}`));
    const page = await prices.fetchPage(http, pageOf(source, { coin: of, date }));
    expect(page).toEqual({
      rows: [{ coin_id: of.coinId, price_date: date, price_usd, volume_usd, market_cap_usd }],
      rejects: [],
      next: null,
      resume: null,
      expected: 1,
    });
    const [year, month, day] = date.split('-');
    expect(http.asked).toEqual([
      { path: `/coins/${of.sourceId}/history`, query: { date: `${day}-${month}-${year}`, localization: 'false' } },
    ]);
  });

  test('market_chart/range: only points of 00:00 UTC within the dates; the last point, "now", is none', async () => {
    const http = answers(payload('coingecko/market_chart_range__short_2024.json'));
    const page = await prices.range!.fetch(
      http,
      rangeOf({ from: '2024-03-31', to: '2024-04-01', today: '2024-04-01' }),
    );
    expect(page).toEqual({
      rows: [
        {
          coin_id: 'bitcoin',
          price_date: '2024-03-31',
          price_usd: '69702.3087473573',
          volume_usd: '16408802301.8374',
          market_cap_usd: '1370247487960.09',
        },
        {
          coin_id: 'bitcoin',
          price_date: '2024-04-01',
          price_usd: '71246.9514406015',
          volume_usd: '19723005998.215',
          market_cap_usd: '1401370211582.37',
        },
      ],
      rejects: [],
      next: null,
      resume: null,
      expected: 2,
    });
    const one = await prices.range!.fetch(
      answers(payload('coingecko/market_chart_range__short_2024.json')),
      rangeOf({ from: '2024-04-01', to: '2024-04-01', today: '2024-04-01' }),
    );
    expect(one.rows.map((row) => row.price_date)).toEqual(['2024-04-01']);
  });

  test.each([
    'coins_id_market_chart_range__oas.json',
    'market_chart__hourly_2021.json',
    'market_chart__minutely_2021.json',
  ])('%s: finer points are not taken for the snapshot of a day', async (file) => {
    const http = answers(payload(`coingecko/${file}`));
    const page = await prices.range!.fetch(http, rangeOf({ from: '2021-04-15', to: '2026-05-18', plan: pro }));
    expect(page).toMatchObject({ rows: [], rejects: [], expected: 0 });
  });

  test.each([
    'coins_markets__one_2024.json',
    'coins_markets__one_usd_2021.json',
    'coins_markets__one_myr_2021.json',
    'coins_markets__oas.json',
  ])('%s', async (file) => {
    const http = answers(payload(`coingecko/${file}`));
    const page = await coins.fetchPage(http, pageOf(source, { coin: bitcoin, date: '2026-11-21' }));
    expect(page).toEqual({
      rows: [{ coingecko_id: 'bitcoin', symbol: 'BTC', name: 'Bitcoin', market_cap_rank: 1 }],
      rejects: [],
      next: null,
      resume: null,
      expected: 1,
    });
    expect(http.asked).toEqual([
      { path: '/coins/markets', query: { vs_currency: 'usd', ids: 'bitcoin', per_page: 250 } },
    ]);
  });

  test.each([
    ['error_10012__range_365_days_2024-04.json', 401, 'NotAvailable', 'Your request exceeds the allowed time range.'],
    ['error_422__coin_history_2021_1.json', 422, 'BadInput', 'Missing parameter date'],
    ['error_422__coins_markets_2021_1.json', 422, 'BadInput', 'Missing parameter vs_currency'],
    ['error_422__market_chart_2021_1.json', 422, 'BadInput', 'Missing parameter vs_currency'],
    ['error_422__missing_ids_2021.json', 422, 'BadInput', 'Missing parameter ids'],
  ])('%s with status %i', (file, status, type, begins) => {
    const verdict = judge(status, payload(`coingecko/${file}`));
    expect(verdict).toMatchObject({ type });
    expect(verdict!.reason.startsWith(begins)).toBe(true);
  });
});

describe('prices', () => {
  const history = (market_data: unknown) => ({ id: 'bitcoin', symbol: 'btc', market_data });
  const market = { current_price: { usd: 2, eur: 1 }, market_cap: { usd: 20 }, total_volume: { usd: 5 } };
  const fetch = (body: unknown) =>
    prices.fetchPage(answers(body), pageOf(source, { coin: bitcoin, date: '2026-11-21' }));

  test.each([
    ['a market cap of 0 is an unknown one', { ...market, market_cap: { usd: 0 } }, { market_cap_usd: null }],
    ['a market cap of null', { ...market, market_cap: { usd: null } }, { market_cap_usd: null }],
    ['no market cap in USD', { ...market, market_cap: {} }, { market_cap_usd: null }],
    ['a volume of 0 is a volume', { ...market, total_volume: { usd: 0 } }, { volume_usd: '0' }],
    ['no volume in USD', { ...market, total_volume: { eur: 1 } }, { volume_usd: null }],
    ['a price of 1e-12', { ...market, current_price: { usd: 1e-12 } }, { price_usd: '0.000000000001' }],
    ['fields that nobody knows', { ...market, news: [1] }, {}],
  ])('%s', async (_title, data, expected) => {
    const page = await fetch(history(data));
    expect(page.rejects).toEqual([]);
    expect(page.rows).toEqual([
      {
        coin_id: 'bitcoin',
        price_date: '2026-11-21',
        price_usd: '2',
        volume_usd: '5',
        market_cap_usd: '20',
        ...expected,
      },
    ]);
  });

  test.each([
    ['a price of 0', { ...market, current_price: { usd: 0 } }, 'price_usd', 'price 0 is not above 0'],
    ['a negative price', { ...market, current_price: { usd: -1 } }, 'price_usd', 'price -1 is not above 0'],
    ['a price of null', { ...market, current_price: { usd: null } }, 'price_usd', 'the price is missing'],
    ['no price in USD', { ...market, current_price: { eur: 1 } }, 'price_usd', 'the price is missing'],
    ['a negative volume', { ...market, total_volume: { usd: -5 } }, 'volume_usd', 'volume_usd -5 is negative'],
    [
      'a negative market cap',
      { ...market, market_cap: { usd: -5 } },
      'market_cap_usd',
      'market_cap_usd -5 is negative',
    ],
  ])('%s is rejected', async (_title, data, field, reason) => {
    const page = await fetch(history(data));
    expect(page.rows).toEqual([]);
    expect(page.rejects).toEqual([{ key: 'bitcoin 2026-11-21', field, reason, raw: JSON.stringify(history(data)) }]);
  });

  test.each([
    [
      'market_data.current_price.usd: expected a number, got "a lot"',
      history({ ...market, current_price: { usd: 'a lot' } }),
    ],
    ['market_data.current_price: ', history({ ...market, current_price: undefined })],
    ['market_data: ', history('none')],
    ['id: ', { market_data: market }],
    ['(whole answer): ', []],
  ])('an answer of another shape is a mismatch with its path: %s', async (message, body) => {
    const failure = await failureOf(fetch(body));
    expect(failure.type).toBe('SchemaMismatch');
    expect(failure.message).toContain(`coingecko history: ${message}`);
  });

  test.each([undefined, null])('market_data of %s: the coin was not listed then', async (market_data) => {
    expect(await failureOf(fetch(history(market_data)))).toMatchObject({
      type: 'NotAvailable',
      message: 'coingecko has no price of bitcoin on 2026-11-21: not listed then',
    });
  });

  describe('of many dates', () => {
    const day = (date: string) => Date.parse(date);
    const chart = (points: [number, number | null][], market_caps = points, total_volumes = points) => ({
      prices: points,
      market_caps,
      total_volumes,
    });

    test('gaps in volumes and market caps stay unknown, a gap in prices is rejected for its date', async () => {
      const [first, second, third] = ['2026-11-01', '2026-11-02', '2026-11-03'].map(day) as [number, number, number];
      const body = chart(
        [
          [first, 7],
          [second, null],
          [third, 9],
        ],
        [
          [first, null],
          [second, 5],
        ],
        [
          [first, 0],
          [third, 6],
        ],
      );
      const page = await prices.range!.fetch(answers(body), rangeOf({ from: '2026-11-01', to: '2026-11-03' }));
      expect(page.rows.map((row) => [row.price_date, row.price_usd, row.volume_usd, row.market_cap_usd])).toEqual([
        ['2026-11-01', '7', '0', null],
        ['2026-11-03', '9', '6', null],
      ]);
      expect(page.rejects).toMatchObject([
        { key: 'bitcoin 2026-11-02', field: 'price_usd', reason: 'the price is missing' },
      ]);
    });

    test('a day that comes twice is one row', async () => {
      const body = chart([
        [day('2026-11-01'), 7],
        [day('2026-11-01'), 8],
      ]);
      const page = await prices.range!.fetch(answers(body), rangeOf({ from: '2026-11-01', to: '2026-11-01' }));
      expect(page.rows).toMatchObject([{ price_date: '2026-11-01', price_usd: '8' }]);
      expect(page.expected).toBe(1);
    });

    test('a point of another type is a mismatch with its path', async () => {
      const body = chart([[day('2026-11-01'), 'seven' as never]]);
      const failure = await failureOf(
        prices.range!.fetch(answers(body), rangeOf({ from: '2026-11-01', to: '2026-11-01' })),
      );
      expect(failure).toMatchObject({
        type: 'SchemaMismatch',
        message: expect.stringContaining('prices.0.1: ') as string,
      });
    });

    test.each([
      ['one date', { from: '2026-11-21', to: '2026-11-21' }],
      ['the oldest date of the plan', { from: '2025-11-23', to: '2025-11-23' }],
      ['the whole reach of the plan', { from: '2025-11-23', to: '2026-11-21' }],
      ['a year long ago on a plan without limit', { from: '2019-01-01', to: '2019-12-31', plan: pro }],
    ])('%s: the window gives daily points and stays within what the plan sees', async (_title, dates) => {
      const http = answers(chart([]));
      const context = rangeOf(dates);
      await prices.range!.fetch(http, context);
      const { from, to } = http.asked[0]!.query as { from: number; to: number };
      expect((to - from) / 86_400).toBeGreaterThan(90);
      expect(from * 1_000).toBeLessThanOrEqual(day(dates.from));
      expect(to * 1_000).toBeGreaterThanOrEqual(day(dates.to));
      expect(to * 1_000).toBeLessThanOrEqual(day(context.today));
      if (context.plan.historyDays) expect(from * 1_000).toBeGreaterThan(day(context.today) - 365 * 86_400_000);
    });
  });
});

describe('coins', () => {
  const market = (id: string, more: object = {}) => ({
    id,
    symbol: id.slice(0, 3),
    name: id,
    market_cap_rank: 7,
    ...more,
  });
  const listed = (count: number) =>
    Array.from({ length: count }, (_, index) => coin(`coin-${String(index).padStart(4, '0')}`, 'X'));

  const asking = (...ids: string[]) =>
    pageOf(source, { coin: bitcoin, coins: ids.map((id) => coin(id, 'X')), date: '2026-11-21' });

  test('an id that is asked for and not answered is gone, which its row says; an odd item makes none gone', async () => {
    const page = await coins.fetchPage(answers([market('alive')]), asking('alive', 'matic-network'));
    expect(page).toMatchObject({ rejects: [], expected: 2 });
    expect(page.rows[1]).toEqual({
      ...{ coingecko_id: 'matic-network', symbol: null, name: null, market_cap_rank: null },
    });
    const odd = await coins.fetchPage(answers([market('odd', { id: undefined })]), asking('odd'));
    expect(odd.rows).toEqual([]);
  });

  test('what CoinGecko leaves empty for dead coins is no reason to reject them', async () => {
    const dead = { current_price: null, market_cap: 0, max_supply: null, last_updated: null, roi: null };
    const body = [market('dead', { ...dead, market_cap_rank: null }), market('alive')];
    const page = await coins.fetchPage(answers(body), asking('alive', 'dead'));
    expect(page.rejects).toEqual([]);
    expect(page.rows.map((row) => [row.coingecko_id, row.symbol, row.market_cap_rank])).toEqual([
      ['dead', 'DEA', null],
      ['alive', 'ALI', 7],
    ]);
  });

  test.each([
    ['market_cap_rank', { market_cap_rank: 'first' }],
    ['market_cap_rank', { market_cap_rank: undefined }],
    ['symbol', { symbol: null }],
    ['symbol', { symbol: '' }],
    ['name', { name: 7 }],
    ['id', { id: undefined }],
  ])('a coin with a wrong %s is rejected, the others land: %o', async (field, change) => {
    const body = [market('alive'), market('odd', change)];
    const page = await coins.fetchPage(answers(body), asking('alive', 'odd'));
    expect(page.rows).toHaveLength(1);
    expect(page.rejects).toMatchObject([
      { key: field === 'id' ? null : 'odd', field, reason: expect.stringMatching(`^${field}: `) as string },
    ]);
  });

  test('600 coins take three requests; ids are joined with bare commas', async () => {
    const all = listed(600);
    const asked: string[] = [];
    const left: (number | undefined)[] = [];
    let cursor: string | null = null;
    do {
      const http = answers([]);
      const page = await coins.fetchPage(
        http,
        pageOf(source, { coin: all[0]!, coins: all, date: '2026-11-21', cursor }),
      );
      asked.push(...String(http.asked[0]!.query!.ids).split(','));
      left.push(page.expected);
      cursor = page.next;
    } while (cursor !== null);
    expect(asked).toEqual(all.map((each) => each.sourceId));
    expect(left).toEqual([600, 350, 100]);
  });
});

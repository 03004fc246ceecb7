import { source } from '../../activities/coingecko';
import type { RangeContext } from '../../activities/source';
import { describeRecorded, payloadsFolder } from '../payloads';
import { startSimulator, type Simulator } from '../simulator';
import { bitcoin, coin, ethereum, failureOf, overHttp, pageOf } from './asking';

const { prices, coins } = source.datasets;
const { keyless, pro } = source.plans;

const rangeOf = (given: Partial<RangeContext> & Pick<RangeContext, 'from' | 'to'>): RangeContext => ({
  coin: bitcoin,
  today: '2026-11-22',
  plan: keyless,
  ...given,
});

describe('CoinGecko over HTTP', () => {
  let simulator: Simulator;
  const keys = { demo: 'CG-demo-key-1', pro: 'CG-pro-key-22' };
  const connect = (plan: 'keyless' | 'demo' | 'pro', apiKey?: string) =>
    overHttp(source, plan === 'pro' ? simulator.baseUrls.coingeckoPro : simulator.baseUrls.coingecko, { plan, apiKey });
  beforeAll(async () => {
    simulator = await startSimulator({
      now: () => new Date('2026-11-22T15:30:10Z'),
      limits: 'none',
      keys: { coingeckoDemo: [keys.demo], coingeckoPro: [keys.pro] },
    });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());

  test('a price is the same whether it came alone or with 360 others', async () => {
    const one = await prices.fetchPage(
      connect('demo', keys.demo),
      pageOf(source, { coin: ethereum, date: '2026-08-01' }),
    );
    const many = await prices.range!.fetch(
      connect('demo', keys.demo),
      rangeOf({ coin: ethereum, from: '2025-11-23', to: '2026-11-21', plan: source.plans.demo }),
    );
    expect(many.rows).toHaveLength(364);
    expect(many.rows.find((row) => row.price_date === '2026-08-01')).toEqual(one.rows[0]);
    const short = await prices.range!.fetch(
      connect('pro', keys.pro),
      rangeOf({ coin: ethereum, from: '2026-07-30', to: '2026-08-01', plan: pro }),
    );
    expect(short.rows).toEqual(
      many.rows.filter((row) => ['2026-07-30', '2026-07-31', '2026-08-01'].includes(String(row.price_date))),
    );
  });

  test('what the plan does not see is not available', async () => {
    const context = pageOf(source, { coin: bitcoin, date: '2020-01-01' });
    const failure = await failureOf(prices.fetchPage(connect('keyless'), context));
    expect(failure).toMatchObject({ type: 'NotAvailable', details: { status: 401 } });
    expect(failure.message).toContain('exceeds the allowed time range');
    expect((await prices.fetchPage(connect('pro', keys.pro), context)).rows).toHaveLength(1);
  });

  test('before its listing a coin has no price, and an unknown coin none at all', async () => {
    const early = pageOf(source, { coin: ethereum, date: '2014-01-01' });
    expect(await failureOf(prices.fetchPage(connect('pro', keys.pro), early))).toMatchObject({ type: 'NotAvailable' });
    const unknown = pageOf(source, { coin: coin('no-such-coin', 'NO'), date: '2026-11-01' });
    expect(await failureOf(prices.fetchPage(connect('demo', keys.demo), unknown))).toMatchObject({
      type: 'NotAvailable',
      message: 'coingecko 404 on /coingecko/api/v3/coins/no-such-coin/history: coin not found',
    });
  });

  test.each([
    ['a wrong key', 'demo', 'CG-mistyped-key'],
    ['a demo key on the paid host', 'pro', keys.demo],
    ['a paid key on the free host', 'demo', keys.pro],
    ['no key on the paid host', 'pro', undefined],
  ] as const)('%s', async (_title, plan, apiKey) => {
    const context = pageOf(source, { coin: bitcoin, date: '2026-11-01' });
    const failure = await failureOf(prices.fetchPage(connect(plan, apiKey), context));
    expect(failure.type).toBe('Unauthorized');
    expect(failure.message).toMatch(/key/i);
  });

  test('an empty day, a missing field and another type', async () => {
    const context = pageOf(source, { coin: bitcoin, date: '2026-11-01' });
    simulator.fault('coingecko', { emptyDay: true });
    expect(await failureOf(prices.fetchPage(connect('keyless'), context))).toMatchObject({ type: 'NotAvailable' });
    simulator.clearFaults();
    simulator.fault('coingecko', { missingField: { field: 'usd' } });
    expect(await prices.fetchPage(connect('keyless'), context)).toMatchObject({
      rows: [],
      rejects: [{ field: 'price_usd' }],
    });
    simulator.clearFaults();
    simulator.fault('coingecko', { wrongType: { field: 'usd' } });
    expect(await failureOf(prices.fetchPage(connect('keyless'), context))).toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringContaining('market_data.current_price.usd: expected a number, got') as string,
    });
  });
});

describeRecorded('recorded CoinGecko answers over HTTP (replay)', () => {
  let simulator: Simulator;
  const connect = () => overHttp(source, simulator.baseUrls.coingecko);
  beforeAll(async () => {
    simulator = await startSimulator({ replayFolder: payloadsFolder });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());

  test('a price, coins and a range', async () => {
    const price = await prices.fetchPage(connect(), pageOf(source, { coin: ethereum, date: '2024-01-01' }));
    expect(price.rows).toMatchObject([{ coin_id: 'ethereum', price_usd: '2279.9410085689606' }]);
    const known = await coins.fetchPage(connect(), pageOf(source, { coin: bitcoin, date: '2024-04-07' }));
    expect(known.rows).toEqual([{ coingecko_id: 'bitcoin', symbol: 'BTC', name: 'Bitcoin', market_cap_rank: 1 }]);
    const range = await prices.range!.fetch(
      connect(),
      rangeOf({ from: '2024-03-31', to: '2024-04-01', today: '2024-04-02' }),
    );
    expect(range.rows.map((row) => row.price_usd)).toEqual(['69702.3087473573', '71246.9514406015']);
  });

  test.each([
    [429, 'RateLimited', 'too many requests'],
    [500, 'Unavailable', 'the source is not answering properly'],
  ])('the recorded %i', async (status, type, reason) => {
    simulator.fault('coingecko', { status, retryAfter: 119 });
    const failure = await failureOf(
      prices.fetchPage(connect(), pageOf(source, { coin: ethereum, date: '2024-01-01' })),
    );
    expect(failure).toMatchObject({ type, retryAfterMs: 119_000, details: { status, method: 'GET' } });
    expect(failure.message).toContain(reason);
    expect(failure.details.body).toMatch(/^\{"status":/);
  });
});

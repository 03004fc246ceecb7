import { ask, askJson } from './ask';
import { type Simulator, startSimulator } from './index';

const NOW_MS = Date.parse('2026-11-22T15:30:10Z');
const DAY_S = 86_400;
const MIDNIGHT_S = Date.parse('2026-11-22T00:00:00Z') / 1000;

interface Chart {
  prices: [number, number][];
  market_caps: [number, number][];
  total_volumes: [number, number][];
}
interface Snapshot {
  id: string;
  market_data?: Record<'current_price' | 'market_cap' | 'total_volume', Record<string, number>>;
}

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    now: () => new Date(NOW_MS),
    limits: 'none',
    keys: { coingeckoDemo: ['CG-demo'], coingeckoPro: ['CG-pro'] },
  });
});
afterAll(() => simulator.close());

const PRO = { 'x-cg-pro-api-key': 'CG-pro' };
const free = <T>(path: string): Promise<T> => askJson<T>(`${simulator.baseUrls.coingecko}${path}`);
const paid = <T>(path: string): Promise<T> => askJson<T>(`${simulator.baseUrls.coingeckoPro}${path}`, PRO);
const range = (coin: string, from: number, to: number): string =>
  `/coins/${coin}/market_chart/range?vs_currency=usd&from=${from}&to=${to}`;

test('ping, key and the list of coins', async () => {
  expect(await free('/ping')).toEqual({ gecko_says: '(V3) To the Moon!' });
  expect(await paid('/key')).toMatchObject({ rate_limit_request_per_minute: 500 });
  const coins = await free<{ id: string; symbol: string }[]>('/coins/list');
  expect(coins.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['bitcoin', 'ethereum', 'dogecoin', 'litecoin', 'bitcoin-cash', 'dash', 'zcash']),
  );
  expect(coins.filter(({ symbol }) => symbol === 'btc')).toHaveLength(2);
  expect(coins.some(({ symbol }) => symbol === '')).toBe(true);
});

test('markets: order, pages, unknown ids dropped, nulls for a dead coin', async () => {
  const all = await free<{ id: string; market_cap: number }[]>('/coins/markets?vs_currency=usd&per_page=250');
  expect(all[0]?.id).toBe('bitcoin');
  expect(all.map((row) => row.market_cap)).toEqual(all.map((row) => row.market_cap).toSorted((a, b) => b - a));
  const pages = await Promise.all(
    [1, 2, 3, 4].map((page) => free<{ id: string }[]>(`/coins/markets?vs_currency=usd&per_page=30&page=${page}`)),
  );
  expect(pages.flat().map(({ id }) => id)).toEqual(all.map(({ id }) => id));
  const some = await free<{ id: string }[]>('/coins/markets?vs_currency=usd&ids=zcash,bitcoin,no-such-coin');
  expect(some.map(({ id }) => id)).toEqual(['bitcoin', 'zcash']);
  const [dead] = await free<object[]>('/coins/markets?vs_currency=usd&ids=departed-coin');
  expect(dead).toMatchObject({ current_price: null, market_cap_rank: null, last_updated: null });
});

test('a range beyond 90 days has one point per day at 00:00 UTC, each equal to that day’s snapshot', async () => {
  const from = MIDNIGHT_S - 120 * DAY_S;
  const { prices, market_caps, total_volumes } = await free<Chart>(range('ethereum', from, MIDNIGHT_S));
  expect(prices.map(([ms]) => ms)).toEqual(Array.from({ length: 121 }, (_, day) => (from + day * DAY_S) * 1000));
  for (const index of [0, 60, 119]) {
    const [ms, price] = prices[index] ?? [0, 0];
    const snapshot = await free<Snapshot>(`/coins/ethereum/history?date=${dayText(ms)}&localization=false`);
    expect(snapshot.market_data?.current_price['usd']).toBe(price);
    expect(snapshot.market_data?.market_cap['usd']).toBe(market_caps[index]?.[1]);
    expect(snapshot.market_data?.total_volume['usd']).toBe(total_volumes[index]?.[1]);
  }
  expect(new Set(prices.map(([, price]) => price)).size).toBe(121);
});

test('a range up to 90 days is hourly and stamped late; a day’s first point has the value of its snapshot', async () => {
  const from = MIDNIGHT_S - 5 * DAY_S;
  const { prices } = await free<Chart>(range('bitcoin', from, MIDNIGHT_S - 1));
  expect(prices).toHaveLength(5 * 24);
  const first = prices.find(([ms]) => ms >= (from + DAY_S) * 1000) ?? [0, 0];
  expect(first[0]).toBeGreaterThan((from + DAY_S) * 1000);
  expect(first[0]).toBeLessThan((from + DAY_S) * 1000 + 3_600_000);
  const snapshot = await free<Snapshot>(`/coins/bitcoin/history?date=${dayText(first[0])}`);
  expect(snapshot.market_data?.current_price['usd']).toBe(first[1]);
});

test('a range that reaches now ends now, also in daily mode; the last day alone is 5-minutely', async () => {
  const now = NOW_MS / 1000;
  for (const days of [0.5, 30, 200]) {
    const { prices } = await free<Chart>(range('bitcoin', Math.round(now - days * DAY_S), Math.ceil(now) + 5));
    expect(prices.at(-1)?.[0]).toBe(NOW_MS);
    expect(prices.every(([ms]) => ms <= NOW_MS)).toBe(true);
  }
  const { prices } = await free<Chart>('/coins/bitcoin/market_chart?vs_currency=usd&days=1');
  expect(prices.length).toBeGreaterThan(280);
  const daily = await free<Chart>('/coins/bitcoin/market_chart?vs_currency=usd&days=30&interval=daily');
  expect(daily.prices).toHaveLength(31);
});

test('history before the listing, and before the day’s job ran, has no market_data', async () => {
  expect(await paid<Snapshot>('/coins/solana/history?date=01-01-2020')).not.toHaveProperty('market_data');
  const tomorrow = await free<Snapshot>('/coins/bitcoin/history?date=23-11-2026');
  expect(tomorrow.id).toBe('bitcoin');
  expect(tomorrow).not.toHaveProperty('market_data');
});

test('details leave out what the flags turn off', async () => {
  const flags = 'localization=false&tickers=false&market_data=false&community_data=false&developer_data=false';
  const bare = await free<object>(`/coins/bitcoin?${flags}`);
  for (const field of ['market_data', 'community_data', 'developer_data', 'tickers', 'localization']) {
    expect(bare).not.toHaveProperty(field);
  }
  const whole = await free<{ market_data: { current_price: { usd: number } } }>('/coins/bitcoin');
  const [row] = await free<{ current_price: number }[]>('/coins/markets?vs_currency=usd&ids=bitcoin');
  expect(whole.market_data.current_price.usd).toBe(row?.current_price);
});

test('a changed price changes one day, in history and in ranges, and no chain row', async () => {
  const blocks = `${simulator.baseUrls.blockchair}/bitcoin/blocks?q=time(2026-11-20)&limit=100`;
  const before = await free<Chart>(range('bitcoin', MIDNIGHT_S - 100 * DAY_S, MIDNIGHT_S));
  const rowsBefore = (await ask(blocks)).text;
  const undo = simulator.changeRow('prices/bitcoin', '2026-11-20', { price: 12345.5 });
  const after = await free<Chart>(range('bitcoin', MIDNIGHT_S - 100 * DAY_S, MIDNIGHT_S));
  const changed = after.prices.filter(([, price], index) => price !== before.prices[index]?.[1]);
  expect(changed).toEqual([[Date.parse('2026-11-20T00:00:00Z'), 12345.5]]);
  const snapshot = await free<Snapshot>('/coins/bitcoin/history?date=20-11-2026');
  expect(snapshot.market_data?.current_price['usd']).toBe(12345.5);
  expect((await ask(blocks)).text).toBe(rowsBefore);
  undo();
  expect(await free(range('bitcoin', MIDNIGHT_S - 100 * DAY_S, MIDNIGHT_S))).toEqual(before);
});

test.each([
  ['/coins/markets', 422, { error: 'Missing parameter vs_currency' }],
  ['/coins/bitcoin/history', 422, { error: 'Missing parameter date' }],
  ['/coins/bitcoin/history?date=2026-11-20', 422, { error: 'Invalid date' }],
  ['/coins/bitcoin/history?date=31-02-2026', 422, { error: 'Invalid date' }],
  ['/coins/no-such-coin', 404, { error: 'coin not found' }],
  ['/coins/bitcoin/history?date=01-01-2024', 401, { error: { status: { error_code: 10012 } } }],
  ['/coins/bitcoin/market_chart?vs_currency=usd&days=max', 401, { error: { status: { error_code: 10012 } } }],
  [range('bitcoin', 1_700_000_000, 1_700_100_000), 401, { error: { status: { error_code: 10012 } } }],
  ['/key', 401, { error: { status: { error_code: 10005 } } }],
])('%s is answered with %i', async (path, status, body) => {
  const answer = await ask(`${simulator.baseUrls.coingecko}${path}`);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject(body);
});

test('keys: the right host only, by header or parameter; unknown ones are refused', async () => {
  const { coingecko, coingeckoPro } = simulator.baseUrls;
  const code = async (url: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const { status, body } = await ask(url, { headers });
    const error = body as unknown as { status?: { error_code: number } };
    return [status, error.status?.error_code];
  };
  expect(await code(`${coingecko}/ping`, { 'x-cg-demo-api-key': 'CG-demo' })).toEqual([200, undefined]);
  expect(await code(`${coingecko}/ping?x_cg_demo_api_key=CG-demo`)).toEqual([200, undefined]);
  expect(await code(`${coingecko}/ping`, { 'x-cg-demo-api-key': 'CG-wrong' })).toEqual([401, 10002]);
  expect(await code(`${coingecko}/ping`, PRO)).toEqual([400, 10010]);
  expect(await code(`${coingeckoPro}/ping`, { 'x-cg-demo-api-key': 'CG-demo' })).toEqual([400, 10011]);
  expect(await code(`${coingeckoPro}/ping`, { 'x-cg-pro-api-key': 'CG-demo' })).toEqual([400, 10011]);
  expect(await code(`${coingeckoPro}/ping`)).toEqual([401, 10002]);
  expect((await paid<Snapshot>('/coins/bitcoin/history?date=01-01-2018')).market_data).toBeDefined();
  expect(simulator.requests.some(({ path }) => path.includes('CG-demo'))).toBe(false);
});

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).split('-').toReversed().join('-');
}

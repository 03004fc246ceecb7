import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './ask';
import { type Simulator, startSimulator } from './index';
import { createWindow } from './limits';

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator({
    now: () => new Date('2026-11-22T15:30:10Z'),
    keys: { blockchair: ['known'], coingeckoDemo: ['CG-demo'], coingeckoPro: ['CG-pro'] },
  });
});
afterEach(() => simulator.close());

async function statuses(count: number, url: string, headers: Record<string, string> = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(url, { headers })));
  return answers.map(({ status }) => status).toSorted((one, other) => one - other);
}

test('a window admits so many in any span and says how long the next one waits', async () => {
  const window = createWindow(2, 100);
  expect([window.take('a'), window.take('a'), window.take('b')]).toEqual([0, 0, 0]);
  const wait = window.take('a');
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(100);
  await pause(wait + 2);
  expect(window.take('a')).toBe(0);
});

test('blockchair: 435 beyond 5 a second, with a key and without', async () => {
  const url = `${simulator.baseUrls.blockchair}/bitcoin/stats`;
  expect(await statuses(7, `${url}?key=known`)).toEqual([200, 200, 200, 200, 200, 435, 435]);
  expect(await statuses(6, url)).toEqual([200, 200, 200, 200, 200, 435]);
  const { body } = await ask(`${url}?key=known`);
  expect(body).toMatchObject({ data: null, context: { code: 435 } });
});

test('blockchair: an unknown key is refused with 402', async () => {
  const { status, body } = await ask(`${simulator.baseUrls.blockchair}/bitcoin/stats?key=stolen`);
  expect(status).toBe(402);
  expect(body.context['error']).toContain('key');
  expect(simulator.requests[0]?.path).toBe('/bitcoin/stats?key=***');
});

test('blockchair without a key: 429 beyond 30 a minute', async () => {
  const seen: number[] = [];
  for (let request = 0; request < 32; request++) {
    seen.push((await ask(`${simulator.baseUrls.blockchair}/bitcoin/stats`)).status);
    await pause(205);
  }
  expect(seen).toEqual([...Array<number>(30).fill(200), 429, 429]);
  expect(simulator.peak('blockchair').perMinute).toBe(32);
}, 20_000);

test('blockchair without a key: 402 when the 1,440 points of the UTC day are spent', async () => {
  // 5 + 1 filter + 10 for each of 45 aggregations = 456 points.
  const many = Array.from({ length: 45 }, () => 'count()').join(',');
  const url = `${simulator.baseUrls.blockchair}/bitcoin/transactions?q=time(2026-11-21)&a=${many}`;
  expect(await statuses(4, url)).toEqual([200, 200, 200, 402]);
  expect((await ask(`${url}&key=known`)).status).toBe(200);
});

test.each([
  ['keyless', 10, 'coingecko', {}],
  ['demo', 100, 'coingecko', { 'x-cg-demo-api-key': 'CG-demo' }],
  ['pro', 500, 'coingeckoPro', { 'x-cg-pro-api-key': 'CG-pro' }],
] as const)('coingecko %s: 429 with Retry-After beyond %i a minute', async (_plan, most, host, headers) => {
  const url = `${simulator.baseUrls[host]}/ping`;
  expect(await statuses(most, url, headers)).toEqual(Array<number>(most).fill(200));
  const refused = await ask(url, { headers });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect(refused.body).toMatchObject({ status: { error_code: 429 } });
});

test('requests and peaks are recorded per source', async () => {
  simulator.fault('coingecko /ping', { latencyMs: 100 });
  await statuses(4, `${simulator.baseUrls.coingecko}/ping`);
  await ask(`${simulator.baseUrls.blockchair}/stats`);
  expect(simulator.peak('coingecko')).toEqual({ perMinute: 4, perSecond: 4, openConnections: 4 });
  expect(simulator.peak('blockchair')).toEqual({ perMinute: 1, perSecond: 1, openConnections: 1 });
  expect(simulator.requests.at(-1)).toMatchObject({
    source: 'blockchair',
    method: 'GET',
    path: '/stats',
    status: 200,
    connections: 1,
  });
});

import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './ask';
import { type Simulator, startSimulator } from './index';

const TRANSACTIONS = '/bitcoin/transactions?q=time(2026-11-21)&limit=5';
let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z'), limits: 'none' });
});
afterEach(() => simulator.clearFaults());
afterAll(() => simulator.close());

const blockchair = (path = TRANSACTIONS, options = {}) => ask(`${simulator.baseUrls.blockchair}${path}`, options);
const coingecko = (path: string) => ask(`${simulator.baseUrls.coingecko}${path}`);

test.each([402, 429, 430, 435, 436, 500, 503])('status %i comes with the body of the service', async (status) => {
  simulator.fault('blockchair /bitcoin', { status, retryAfter: 7 });
  simulator.fault('coingecko /coins', { status });
  const answer = await blockchair();
  expect(answer.status).toBe(status);
  expect(answer.headers.get('retry-after')).toBe('7');
  expect(answer.body).toMatchObject({ data: null, context: { code: status } });
  const other = await coingecko('/coins/list');
  expect(other.status).toBe(status);
  expect(other.headers.get('retry-after')).toBeNull();
});

test('a fault meets its route only, so many times, until it is removed', async () => {
  const remove = simulator.fault('blockchair /bitcoin/transactions', { status: 503, times: 2 });
  expect((await blockchair('/bitcoin/blocks')).status).toBe(200);
  expect([(await blockchair()).status, (await blockchair()).status, (await blockchair()).status]).toEqual([
    503, 503, 200,
  ]);
  const again = simulator.fault('blockchair ^/bitcoin/trans.*limit=5', { status: 500 });
  expect((await blockchair()).status).toBe(500);
  expect((await blockchair(TRANSACTIONS.replace('limit=5', 'limit=6'))).status).toBe(200);
  again();
  remove();
  expect((await blockchair()).status).toBe(200);
});

test('a probability meets about that share, the same requests for the same seed', async () => {
  const run = async (): Promise<string> => {
    const own = await startSimulator({ seed: 'dice', limits: 'none' });
    own.fault('coingecko', { status: 500, probability: 0.3 });
    let seen = '';
    for (let request = 0; request < 60; request++)
      seen += (await ask(`${own.baseUrls.coingecko}/ping`)).status === 500 ? 'x' : '.';
    await own.close();
    return seen;
  };
  const seen = await run();
  expect(await run()).toBe(seen);
  const share = seen.split('x').length - 1;
  expect(share).toBeGreaterThan(8);
  expect(share).toBeLessThan(30);
});

test('latency', async () => {
  simulator.fault('blockchair', { latencyMs: 150 });
  const started = performance.now();
  expect((await blockchair()).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(145);
});

test('hang: no answer until the client gives up', async () => {
  simulator.fault('blockchair', { hang: true });
  await expect(blockchair(TRANSACTIONS, { signal: AbortSignal.timeout(200) })).rejects.toThrow('timeout');
  expect(simulator.requests.at(-1)?.status).toBe(0);
});

test('hanging requests do not keep the simulator from closing', async () => {
  const own = await startSimulator();
  own.fault('blockchair', { hang: true });
  const hanging = ask(`${own.baseUrls.blockchair}/stats`).catch((error: unknown) => String(error));
  await pause(50);
  await own.close();
  expect(await hanging).toContain('fetch failed');
});

test('reset: the connection is cut', async () => {
  simulator.fault('blockchair', { reset: true, times: 1 });
  await expect(blockchair()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  expect((await blockchair()).status).toBe(200);
});

test('truncated gzip: a whole HTTP answer whose body ends too early', async () => {
  const whole = await blockchair();
  simulator.fault('blockchair', { truncatedGzip: true });
  const cut = await blockchair();
  // fetch hands over what it could unpack, without an error.
  expect(cut.status).toBe(200);
  expect(cut.text.length).toBeLessThan(whole.text.length);
  expect(whole.text.startsWith(cut.text.slice(0, 200))).toBe(true);
  expect(cut.body).toBeUndefined();
});

test('html: status 200 and a page for people', async () => {
  simulator.fault('blockchair', { html: true });
  const answer = await blockchair();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(answer.text).toContain('<!DOCTYPE html>');
});

test('wrong type and missing field, wherever the field is', async () => {
  simulator.fault('blockchair', { wrongType: { field: 'fee' }, missingField: { field: 'hash' } });
  for (const row of (await blockchair()).body.data) {
    expect(typeof row['fee']).toBe('string');
    expect(row).not.toHaveProperty('hash');
    expect(typeof row['fee_usd']).toBe('number');
  }
  simulator.fault('coingecko', { missingField: { field: 'usd' } });
  const { body } = await coingecko('/coins/bitcoin/history?date=21-11-2026');
  const prices = (body as unknown as { market_data: { current_price: object } }).market_data.current_price;
  expect(prices).not.toHaveProperty('usd');
  expect(prices).toHaveProperty('eur');
});

test('empty day: a right answer without rows', async () => {
  simulator.fault('blockchair', { emptyDay: true });
  simulator.fault('coingecko', { emptyDay: true });
  expect((await blockchair()).body).toMatchObject({ data: [], context: { code: 200, rows: 0, total_rows: 0 } });
  const counted = await blockchair('/bitcoin/blocks?q=time(2026-11-21)&a=count(),min(id)');
  expect(counted.body.data).toEqual([{ 'count()': 0, 'min(id)': null }]);
  expect((await coingecko('/coins/bitcoin/history?date=21-11-2026')).text).not.toContain('market_data');
  expect((await coingecko('/coins/bitcoin/market_chart?vs_currency=usd&days=30')).body).toEqual({
    prices: [],
    market_caps: [],
    total_volumes: [],
  });
});

test('slow body: all of it, a little at a time', async () => {
  simulator.fault('coingecko', { slowBody: { bytesPerSecond: 100 } });
  const started = performance.now();
  const answer = await coingecko('/ping');
  expect(answer.text).toBe('{"gecko_says":"(V3) To the Moon!"}');
  expect(performance.now() - started).toBeGreaterThan(250);
});

test('gzip only for clients that accept it', async () => {
  const zipped = await blockchair();
  expect(zipped.headers.get('content-encoding')).toBe('gzip');
  const plain = await blockchair(TRANSACTIONS, { headers: { 'accept-encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  expect(plain.text).toBe(zipped.text);
});

test('a path of no service says what there is', async () => {
  const answer = await ask(`${simulator.url}/kraken/0/public/Time`);
  expect(answer.status).toBe(404);
  expect(answer.text).toContain('/blockchair/');
});

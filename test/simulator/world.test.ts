import { ask } from './ask';
import { startSimulator } from './index';

const NOW = () => new Date('2026-11-22T15:30:10Z');
const PATHS = [
  'blockchair/bitcoin/blocks?q=time(2026-11-21)&limit=100',
  'blockchair/ethereum/transactions?q=time(2026-11-20)&limit=100',
  'blockchair/dogecoin/stats',
  'blockchair/dash/dashboards/address/XqcuzpF8RSBhzJEsCWk26cNWDJFdRmFvGS',
  'coingecko/api/v3/coins/bitcoin/history?date=21-11-2026',
  'coingecko/api/v3/coins/markets?vs_currency=usd',
  'coingecko/api/v3/coins/zcash/market_chart/range?vs_currency=usd&from=1763900000&to=1764200000',
];

async function bodies(seed: string, paths: string[], now = NOW): Promise<Map<string, string>> {
  const simulator = await startSimulator({ seed, now, limits: 'none' });
  const found = new Map<string, string>();
  for (const path of paths) found.set(path, (await ask(`${simulator.url}/${path}`)).text);
  await simulator.close();
  return found;
}

test('the same seed gives the same bodies, in any order of asking; another seed others', async () => {
  const first = await bodies('one', PATHS);
  const second = await bodies('one', PATHS.toReversed());
  const other = await bodies('two', PATHS);
  for (const path of PATHS) {
    expect(second.get(path)).toBe(first.get(path));
    expect(other.get(path)).not.toBe(first.get(path));
  }
});

test('rows of a past day do not depend on now', async () => {
  const path = 'blockchair/bitcoin/transactions?q=time(2026-11-20)&s=id(asc)&limit=100';
  const rows = (text = ''): unknown => (JSON.parse(text) as { data: unknown }).data;
  const early = await bodies('one', [path], () => new Date('2026-11-21T00:10:00Z'));
  const late = await bodies('one', [path], () => new Date('2027-03-01T00:00:00Z'));
  expect(rows(late.get(path))).toEqual(rows(early.get(path)));
});

test('more blocks and transactions than by default when asked for', async () => {
  const simulator = await startSimulator({ now: NOW, limits: 'none', blocksPerDay: 300, transactionsPerDay: 20_000 });
  const get = (path: string) => ask(`${simulator.baseUrls.blockchair}${path}`);
  expect((await get('/bitcoin/blocks?q=time(2026-11-21)')).body.context['total_rows']).toBe(300);
  const last = await get('/bitcoin/transactions?q=time(2026-11-21)&s=id(asc)&limit=100&offset=10000');
  expect(last.body.context['total_rows']).toBe(20_000);
  expect(last.body.data).toHaveLength(100);
  await simulator.close();
});

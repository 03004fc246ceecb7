import { ask, askJson } from './ask';
import { type Simulator, startSimulator } from './index';

// DeFiLlama, blockchain.info and CoinMetrics: what they allow, and that all of them live in one world.

let simulator: Simulator;
let limited: Simulator;
const now = (): Date => new Date('2026-11-22T15:30:10Z');
beforeAll(async () => {
  simulator = await startSimulator({ now, limits: 'none', extraCoins: 3 });
  limited = await startSimulator({ now });
});
afterAll(() => Promise.all([simulator.close(), limited.close()]));

const at = (source: keyof Simulator['baseUrls'], path: string): string => `${simulator.baseUrls[source]}${path}`;

async function firstRefusal(url: string, within: number): Promise<{ admitted: number; status: number }> {
  for (let admitted = 0; admitted <= within; admitted += 1) {
    const { status } = await ask(url);
    if (status !== 200) return { admitted, status };
  }
  throw new Error(`${url} was never refused`);
}

describe('documented limits', () => {
  test('blockchain.info: 6 a minute, then a page for people', async () => {
    const url = `${limited.baseUrls.blockchaininfo}/stats`;
    expect(await firstRefusal(url, 6)).toEqual({ admitted: 6, status: 429 });
    expect((await ask(url)).headers.get('content-type')).toContain('text/html');
  });

  test('CoinMetrics: 10 in 6 seconds, and says when there is room', async () => {
    const url = `${limited.baseUrls.coinmetrics}/timeseries/asset-metrics?assets=btc&metrics=TxCnt&start_time=2026-11-20`;
    expect(await firstRefusal(url, 10)).toEqual({ admitted: 10, status: 429 });
    const { headers } = await ask(url);
    expect(headers.get('x-ratelimit-limit')).toBe('10');
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(0);
  });

  test('DeFiLlama: 300 a minute', async () => {
    expect(await firstRefusal(`${limited.baseUrls.defillama}/v2/chains`, 300)).toEqual({ admitted: 300, status: 429 });
  });
});

describe('CoinMetrics refuses', () => {
  const metrics = (query: string) => ask(at('coinmetrics', `/timeseries/asset-metrics?${query}`));

  test.each([
    ['assets=nonsense&metrics=TxCnt', 400, "Bad parameter 'assets'. Value 'nonsense' is not supported."],
    [
      'assets=btc&metrics=NVTAdj',
      403,
      "Requested metric 'NVTAdj' with frequency '1d' for asset 'btc' is not available",
    ],
    ['assets=btc&metrics=TxCnt&start_time=2026-11-20T00:00:00Z', 400, "Incorrect time format '2026-11-20T00:00:00Z'"],
    [`assets=${'btc,'.repeat(2_600)}btc&metrics=TxCnt`, 414, 'Request-URI Too Large'],
  ])('%.60s', async (query, status, message) => {
    const { status: told, text } = await metrics(query);
    expect({ told, text }).toEqual({ told: status, text: expect.stringContaining(message) as string });
  });

  test('not, when it is told to leave out what is not free', async () => {
    const { body } = await metrics(
      'assets=btc&metrics=NVTAdj,TxCnt&start_time=2026-11-20&ignore_forbidden_errors=true',
    );
    expect(Object.keys(body.data[0]!)).toEqual(['asset', 'time', 'TxCnt']);
  });
});

test('CoinMetrics pages from the start with a token, the end without one', async () => {
  const url = at('coinmetrics', '/timeseries/asset-metrics?assets=btc,eth&metrics=TxCnt&start_time=2026-11-19');
  type Page = { data: { asset: string; time: string }[]; next_page_token?: string };
  const all = await askJson<Page>(`${url}&page_size=10000&paging_from=start`);
  expect(all.next_page_token).toBeUndefined();
  const pages: Page[] = [];
  do {
    const token = pages.at(-1)?.next_page_token;
    pages.push(await askJson<Page>(`${url}&page_size=2&paging_from=start${token ? `&next_page_token=${token}` : ''}`));
  } while (pages.at(-1)!.next_page_token !== undefined);
  expect(pages.flatMap(({ data }) => data)).toEqual(all.data);
  expect(all.data).toHaveLength(6);
});

test('CoinMetrics has the newest day priced first, the network hours later', async () => {
  let time = '2026-11-22T08:59:00Z';
  const own = await startSimulator({ now: () => new Date(time), limits: 'none' });
  const url = `${own.baseUrls.coinmetrics}/timeseries/asset-metrics?assets=btc&metrics=TxCnt,CapMrktCurUSD&start_time=2026-11-21`;
  const early = await askJson<{ data: Record<string, unknown>[] }>(url);
  expect(early.data).toMatchObject([{ TxCnt: null, CapMrktCurUSD: expect.any(String) as string }]);
  time = '2026-11-22T09:00:00Z';
  const later = await askJson<{ data: Record<string, unknown>[] }>(url);
  expect(later.data).toMatchObject([{ TxCnt: expect.any(String) as string }]);
  await own.close();
});

test('blockchain.info leaves out days without a word, unless told not to', async () => {
  const values = async (more: string) =>
    (
      await askJson<{ values: unknown[] }>(
        at('blockchaininfo', `/charts/n-transactions?timespan=all&start=2022-09-01${more}`),
      )
    ).values.length;
  expect(await values('')).toBeLessThan(1_500);
  expect(await values('&sampled=false')).toBe((Date.parse('2026-11-22') - Date.parse('2022-09-01')) / 86_400_000);
});

test('DeFiLlama: the last point of a history is now, and what /v2/chains says', async () => {
  const [chains, history] = await Promise.all([
    askJson<{ name: string; tvl: number }[]>(at('defillama', '/v2/chains')),
    askJson<{ date: number; tvl: number }[]>(at('defillama', '/v2/historicalChainTvl/Solana')),
  ]);
  expect(history.at(-1)).toEqual({
    date: now().getTime() / 1_000,
    tvl: Math.round(chains.find(({ name }) => name === 'Solana')!.tvl),
  });
  expect(history.at(-2)!.date).toBe(Date.parse('2026-11-22') / 1_000);
});

test('DeFiLlama: a client that does not say who it is meets the network in front of it', async () => {
  const { status, text } = await ask(at('defillama', '/v2/chains'), { headers: { 'user-agent': '' } });
  expect(status).toBe(403);
  expect(text).toContain('Cloudflare');
});

test('one more coin is known to every service', async () => {
  const [markets, chains, metrics] = await Promise.all([
    askJson<{ symbol: string }[]>(at('coingecko', '/coins/markets?vs_currency=usd&ids=simulated-3')),
    askJson<{ name: string }[]>(at('defillama', '/v2/chains')),
    askJson<{ data: unknown[] }>(
      at('coinmetrics', '/timeseries/asset-metrics?assets=sim3&metrics=TxCnt&start_time=2026-11-20'),
    ),
  ]);
  expect(markets).toMatchObject([{ symbol: 'sim3' }]);
  expect(chains.map(({ name }) => name)).toContain('Simulated 3');
  expect(metrics.data).toHaveLength(2);
});

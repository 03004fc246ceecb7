import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask';
import { type Simulator, startSimulator } from './index';

const PAYLOADS = join(__dirname, '../../../shared/payloads');
const recorded = existsSync(PAYLOADS);
if (!recorded) console.warn(`Replay mode is not tested: there is no ${PAYLOADS}`);

(recorded ? describe : describe.skip)('replay mode', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ replayFolder: PAYLOADS });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());
  const blockchair = (path: string) => ask(`${simulator.baseUrls.blockchair}${path}`);
  const coingecko = (path: string) => ask(`${simulator.baseUrls.coingecko}${path}`);
  const file = (name: string): string => readFileSync(join(PAYLOADS, name), 'utf8');

  test('recorded answers come byte for byte', async () => {
    expect((await blockchair('/bitcoin/blocks?limit=1')).text).toBe(file('blockchair/bitcoin_blocks__limit1_doc.json'));
    expect((await blockchair('/bitcoin/stats')).text).toBe(file('blockchair/bitcoin_stats__doc_2021-07.json'));
    expect((await coingecko('/coins/ethereum/history?date=01-01-2024&localization=false')).text).toBe(
      file('coingecko/coin_history__ethereum_01-01-2024_public.json'),
    );
    const error = await coingecko('/coins/markets');
    expect([error.status, error.text]).toEqual([422, file('coingecko/error_422__coins_markets_2021_1.json')]);
  });

  test('a recorded day is found by its filters and can be paged to its end', async () => {
    const one = await blockchair('/bitcoin/blocks?q=time(2019-10-18)&s=id(asc)&limit=100');
    expect(one.body.data).toHaveLength(1);
    expect(one.body.data[0]).toMatchObject({ id: 599954, guessed_miner: 'Poolin' });
    expect(one.body.context).toMatchObject({ rows: 1, total_rows: 1, state: 599954 });
    const after = await blockchair('/bitcoin/blocks?q=time(2019-10-18),id(599955..)&s=id(asc)&limit=100');
    expect(after.body.data).toEqual([]);
    const ether = await blockchair('/ethereum/transactions?q=time(2015-08-07)&s=id(asc)&limit=100');
    expect(ether.body.data.map((row) => row['type'])).toEqual(['call', 'synthetic_coinbase']);
  });

  test('days of recorded dumps are served as table rows', async () => {
    const blocks = await blockchair('/bitcoin/blocks?q=time(2009-01-09)&s=id(asc)&limit=100');
    expect(blocks.body.data.map((row) => row['id'])).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    expect(blocks.body.data[0]).toMatchObject({ date: '2009-01-09', difficulty: 1, generation: 5000000000 });
    const transactions = await blockchair('/bitcoin/transactions?q=block_id(1..14)&a=count(),sum(output_total)');
    expect(transactions.body.data).toEqual([{ 'count()': 14, 'sum(output_total)': 70000000000 }]);
    const dash = await blockchair('/dash/blocks?q=time(2023-08-31)&s=id(asc)&limit=100&offset=500');
    expect(dash.body.context['total_rows']).toBe(
      file('blockchair-dumps/dash_blocks__20230831.tsv').split('\n').length - 1,
    );
    expect(String(dash.body.data[0]?.['cbtx'])).toContain('merkleRootMNList');
  });

  test.each([
    '/bitcoin/blocks?q=time(2020-01-01)',
    '/dogecoin/blocks?q=time(2019-10-18)',
    '/bitcoin/dashboards/address/1BoatSLRHtKNngkdXEeobR76b53LETtpyT',
  ])('404 for %s, which is not recorded', async (path) => {
    expect((await blockchair(path)).status).toBe(404);
  });

  test('404 for a day of a coin that is not recorded', async () => {
    expect((await coingecko('/coins/ethereum/history?date=02-01-2024')).status).toBe(404);
  });

  test('faults send the recorded error bodies, and change recorded fields', async () => {
    const remove = simulator.fault('blockchair', { status: 430 });
    const blocked = await blockchair('/bitcoin/blocks');
    expect([blocked.status, blocked.text]).toEqual([430, file('blockchair/error_430__2019-11_issue154.json')]);
    remove();
    simulator.fault('blockchair', { missingField: { field: 'hash' } });
    expect((await blockchair('/bitcoin/blocks')).body.data[0]).not.toHaveProperty('hash');
  });
});

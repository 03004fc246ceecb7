import { source } from '../../activities/defillama';
import { judge } from '../../activities/defillama/client';
import { parseJson } from '../../activities/numbers';
import type { Observation, Reading } from '../../activities/observation';
import type { PageContext } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload } from '../payloads';
import { answers, asset, assetsOf, failureOf, overHttp, pageOf } from './asking';
import { sourceAssets } from '../../activities/assets';

const { chains, protocols } = source.observe.readings as Record<string, Reading> as Record<
  'chains' | 'protocols',
  Reading
>;
const { history } = source.datasets;
const plan = source.plans.keyless;
const slot = '2026-11-22T15:30:00.000Z';
const assets = assetsOf(source);
const context = (given: Partial<PageContext> = {}): PageContext =>
  pageOf(source, { coin: assets[0]!, coins: assets, assets, date: '2026-11-20', ...given });
const tvl = (coinId: string, value: string, asOf: string | null = null): Observation => ({
  coinId,
  asOf,
  fields: { total_value_locked: { value } },
});

test('assets are those that have a chain, under its first name', () => {
  expect(assets.map(({ coinId, sourceId }) => [coinId, sourceId])).toEqual([
    ['bitcoin', 'Bitcoin'],
    ['ethereum', 'Ethereum'],
    ['binancecoin', 'BSC'],
  ]);
});

describeRecorded('recorded answers become observations', () => {
  test('chains by name, at no time of their own', async () => {
    const of = (coinId: string, defillama: string) => asset(coinId, coinId, 'pos', { defillama });
    const known = sourceAssets(source, [
      of('ethereum', 'Ethereum'),
      of('avalanche-2', 'Avalanche'),
      of('gnosis', 'Gnosis'),
      of('harmony', 'Harmony'),
      of('nowhere', 'Nowhere'),
    ]);
    const http = answers(payload('defillama/chains__2023_snapshot.json'));
    const { observations, rejects } = await chains.fetch(http, { assets: known, slot, plan });
    expect(observations.toSorted((one, other) => one.coinId.localeCompare(other.coinId))).toEqual([
      tvl('avalanche-2', '2241584668.5667295'),
      tvl('ethereum', '52875523609.47606'),
      tvl('gnosis', '224482079.7558823'),
      tvl('harmony', '35706089.799959846'),
    ]);
    expect(rejects).toEqual([]);
    expect(http.asked).toEqual([{ path: '/v2/chains' }]);
  });

  test('a protocol counts on its chains, not on the parts of them', async () => {
    const curve = payload('defillama/protocol_curve__2022_cut.json') as object;
    const of = (coinId: string, defillama: string) => asset(coinId, coinId, 'pos', { defillama });
    const names = ['Ethereum', 'Optimism', 'Fantom', 'Ethereum-staking', 'Solana'];
    const known = sourceAssets(
      source,
      names.map((name) => of(name.toLowerCase(), name)).filter(({ coinId }) => coinId !== 'ethereum-staking'),
    );
    const { observations } = await protocols.fetch(answers([{ name: 'Curve', ...curve }]), {
      assets: known,
      slot,
      plan,
    });
    expect(observations.map(({ coinId, fields }) => [coinId, fields.defi_protocols_count?.value])).toEqual([
      ['ethereum', '1'],
      ['optimism', '1'],
      ['fantom', '1'],
    ]);
  });
});

describe('chains', () => {
  test('0 and null are left out, another type is a reject, an answer that is no list a failure', async () => {
    const rows = [
      { name: 'Bitcoin', tvl: 0 },
      { name: 'Ethereum', tvl: '12x' },
      { name: 'BSC', tvl: 5.5 },
      { tvl: 1 },
      { name: 'Solana', tvl: null },
    ];
    const body = parseJson(JSON.stringify(rows));
    expect(await chains.fetch(answers(body), { assets, slot, plan })).toEqual({
      observations: [tvl('binancecoin', '5.5')],
      rejects: [
        { key: null, field: 'name', reason: 'name: a chain without a name', raw: '{"tvl":1}' },
        { key: 'ethereum', field: 'tvl', reason: 'tvl: expected a number, got "12x"', raw: '"12x"' },
      ],
    });
    const failure = await failureOf(chains.fetch(answers({ message: 'x' }), { assets, slot, plan }));
    expect(failure.type).toBe('SchemaMismatch');
  });
});

describe('protocols', () => {
  const row = (name: string, chainTvls: object, more: object = {}) => ({ name, category: 'Dexs', chainTvls, ...more });
  const count = async (...rows: unknown[]) => {
    const { observations, rejects } = await protocols.fetch(answers(parseJson(JSON.stringify(rows))), {
      assets,
      slot,
      plan,
    });
    return {
      counts: Object.fromEntries(
        observations.map(({ coinId, fields }) => [coinId, fields.defi_protocols_count!.value]),
      ),
      rejects,
    };
  };

  test('more than 100,000 USD; versions of a project each, the project not; no exchanges, no bridges of chains', async () => {
    const { counts, rejects } = await count(
      row('small', { Ethereum: 100_000 }),
      row('just', { Ethereum: 100_000.01 }),
      row('aave-v2', { Ethereum: 2e8 }, { parentProtocol: 'parent#aave' }),
      row('aave-v3', { Ethereum: 3e9, Bitcoin: 20 }, { parentProtocol: 'parent#aave' }),
      row('an exchange', { Ethereum: 9e9 }, { category: 'CEX' }),
      row('a bridge', { Ethereum: 9e9 }, { category: 'Chain' }),
      row('parts', { 'Ethereum-staking': 9e9, staking: 9e9, borrowed: 9e9, pool2: 9e9, Ethereum: 1 }),
      row('no value', { Ethereum: null }),
      row('none', {}, { chainTvls: null }),
    );
    expect(counts).toEqual({ ethereum: '3', bitcoin: '0' });
    expect(rejects).toEqual([]);
  });

  test('a chain with two names counts a protocol once', async () => {
    const { counts } = await count(
      row('one', { Binance: 2e6 }),
      row('both', { BSC: 2e6, Binance: 3e6 }),
      row('two', { BSC: 1 }),
    );
    expect(counts).toEqual({ binancecoin: '2' });
  });

  test('what cannot be read costs one protocol', async () => {
    const { counts, rejects } = await count(
      row('odd', { Ethereum: { usd: 1 } }),
      row('fine', { Ethereum: 2e5 }),
      'text',
    );
    expect(counts).toEqual({ ethereum: '1' });
    expect(rejects).toEqual([
      { key: 'ethereum', field: 'chainTvls', reason: 'odd: expected a number', raw: '{"usd":1}' },
      { key: null, field: null, reason: expect.stringMatching(/^protocol: /) as string, raw: '"text"' },
    ]);
  });
});

describe('the history of a date, a chain a page', () => {
  const midnight = Date.parse('2026-11-20') / 1_000;

  test('its midnight and what follows, within the date; what is older than two hours at 00:00 belongs to no slot', async () => {
    const body = parseJson(
      JSON.stringify([
        { date: midnight - 7_201, tvl: 1 },
        { date: midnight - 7_200, tvl: 2 },
        { date: midnight, tvl: 3.5 },
        { date: midnight + 3_600, tvl: 0 },
        { date: midnight + 50_000, tvl: null },
        { date: midnight + 86_399, tvl: 4 },
        { date: midnight + 86_400, tvl: 5 },
        { date: 'x', tvl: 6 },
      ]),
    );
    const http = answers(body);
    expect(await history.fetchPage(http, context())).toEqual({
      rows: [],
      rejects: [{ key: 'binancecoin', field: 'date', reason: 'date: expected seconds', raw: '{"date":"x","tvl":6}' }],
      next: 'binancecoin',
      resume: null,
      observations: [
        tvl('binancecoin', '2', '2026-11-19T22:00:00.000Z'),
        tvl('binancecoin', '3.5', '2026-11-20T00:00:00.000Z'),
        tvl('binancecoin', '4', '2026-11-20T23:59:59.000Z'),
      ],
    });
    expect(http.asked).toEqual([{ path: '/v2/historicalChainTvl/BSC' }]);
  });

  test('pages go by coin id; the last one is the end', async () => {
    const asked = async (cursor: string | null) => {
      const http = answers([]);
      const { next } = await history.fetchPage(http, context({ cursor }));
      return [http.asked[0]!.path, next];
    };
    expect(await asked('binancecoin')).toEqual(['/v2/historicalChainTvl/Bitcoin', 'bitcoin']);
    expect(await asked('bitcoin')).toEqual(['/v2/historicalChainTvl/Ethereum', null]);
  });
});

describe('against the simulated service', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z') });
  });
  afterAll(() => simulator.close());
  const connect = () => overHttp(source, simulator.baseUrls.defillama);

  test('a chain that it does not have leaves the others their values', async () => {
    const known = sourceAssets(source, [
      asset('gone', 'GONE', 'pos', { defillama: 'Gone' }),
      asset('solana', 'SOL', 'pos', { defillama: 'Solana' }),
    ]);
    const first = await history.fetchPage(connect(), context({ assets: known }));
    expect(first).toMatchObject({
      next: 'gone',
      observations: [],
      rejects: [{ key: 'gone', field: 'total_value_locked', raw: 'Gone', absent: true }],
    });
    const second = await history.fetchPage(connect(), context({ assets: known, cursor: first.next }));
    expect(second.observations).toMatchObject([{ coinId: 'solana', asOf: '2026-11-20T00:00:00.000Z' }]);
  });

  test.each([
    [429, 'RateLimited'],
    [403, 'Unavailable'],
    [502, 'Unavailable'],
  ])('%s is %s', async (status, type) => {
    const remove = simulator.fault('defillama', { status });
    const failure = await failureOf(chains.fetch(connect(), { assets, slot, plan }));
    remove();
    expect(failure).toMatchObject({ type, details: { source: 'defillama', status } });
  });
});

test('a name that it does not know is refused with 400 too', () => {
  expect(judge(400, { message: 'Protocol not found' })).toEqual({ type: 'NotAvailable', reason: 'Protocol not found' });
  expect(judge(400, { message: 'bad' })).toBeUndefined();
});

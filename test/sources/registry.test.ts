import { z } from 'zod';
import { findCoin, sourceCoin } from '../../activities/coins';
import type { Coin } from '../../db/queries/coins';
import { schemaMismatch } from '../../activities/http';
import { amount, rawText } from '../../activities/numbers';
import {
  datasets,
  datasetsOf,
  findAmong,
  findDataset,
  findSource,
  queueOf,
  sources,
  workflowTypeOf,
} from '../../activities/registry';
import { defineSource, type Dataset } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import { fieldNames } from '../../activities/fields';
import { answers, bitcoin, coin, ethereum, litecoin, overHttp, someAssets } from './asking';
import { expectConformance } from './conformance';

/** A source as its author would add it: nothing else is touched. */
const pair = z.object({
  error: z.array(z.string()),
  result: z.record(z.string(), z.object({ c: z.array(amount).min(1) })),
});
const kraken = defineSource({
  name: 'kraken',
  label: 'Kraken',
  docs: 'https://docs.kraken.com',
  licence: 'Kraken terms of service',
  coinColumn: 'coingecko_id',
  plans: {
    keyless: {
      baseUrl: 'https://api.kraken.com/0/public',
      limits: { perSecond: 1 },
      pagesPerRun: 5,
      says: 'last prices',
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'keyless' },
  datasets: {
    prices: {
      table: 'raw_market_prices_volumes',
      key: ['coin_id', 'price_date'],
      scope: 'coin',
      history: 'latest',
      daily: true,
      rowName: 'prices',
      async fetchPage(http, { coin: { coinId, symbol }, date }) {
        const body = await http.getJson({ path: '/Ticker', query: { pair: `${symbol}USD` } });
        const answer = pair.safeParse(body);
        if (!answer.success) throw schemaMismatch('kraken ticker', answer.error.issues, body);
        const rows = Object.values(answer.data.result).map(({ c }) => ({
          coin_id: coinId,
          price_date: date,
          price_usd: c[0]!,
        }));
        return { rows, rejects: [], next: null };
      },
    },
  },
});

describe('every source keeps to the contract', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({
      now: () => new Date('2026-11-22T15:30:10Z'),
      limits: 'none',
      transactionsPerDay: 330,
    });
  });
  afterAll(() => simulator.close());

  const samples: Record<string, { coins: (typeof bitcoin)[]; addresses: string[] }> = {
    bitcoin: {
      coins: [bitcoin, ethereum, litecoin],
      addresses: ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX'],
    },
    ethereum: {
      coins: [ethereum, bitcoin],
      addresses: ['0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d', `0x${'12'.repeat(20)}`],
    },
  };

  test.each(sources.flatMap((source) => Object.keys(samples).map((name) => [source.name, name] as const)))(
    '%s, tried with %s',
    async (name, sample) => {
      const source = findSource(name);
      const baseUrl = simulator.baseUrls[name as keyof Simulator['baseUrls']];
      await expectConformance(source, {
        connect: () => overHttp(source, baseUrl),
        date: '2026-11-20',
        slot: '2026-11-22T15:30:00.000Z',
        assets: someAssets,
        ...samples[sample]!,
      });
    },
  );

  test('one that is new, in fifty lines and without a change anywhere else', async () => {
    const ticker = { error: [], result: { XXBTZUSD: { a: ['97000.1'], c: ['97000.10000', '0.5'] } } };
    await expectConformance(kraken, { connect: () => answers(ticker), coins: [bitcoin], date: '2026-11-21' });
  });

  test('one that breaks the contract is told so', async () => {
    const [body, coins, date] = [{ error: [], result: { A: { c: ['1'] }, B: { c: ['2'] } } }, [bitcoin], '2026-11-21'];
    const connect = () => answers(body);
    // two rows with one key
    await expect(expectConformance(kraken, { connect, coins, date })).rejects.toThrow();
    const { prices } = kraken.datasets;
    const spoilt = (fetchPage: Dataset['fetchPage']) =>
      expectConformance({ ...kraken, datasets: { prices: { ...prices, fetchPage } } }, { connect, coins, date });
    const row = { coin_id: 'bitcoin', price_date: date, price_usd: '1' };
    await expect(spoilt(async () => ({ rows: [row], rejects: [], next: null }))).resolves.toBeUndefined();
    await expect(
      spoilt(async () => ({ rows: [{ ...row, price_usd: 0.1 }], rejects: [], next: null })),
    ).rejects.toThrow();
    await expect(spoilt(async () => ({ rows: [{ ...row, price: '1' }], rejects: [], next: null }))).rejects.toThrow();
    await expect(
      spoilt(async () => ({ rows: [{ ...row, coin_id: null }], rejects: [], next: null })),
    ).rejects.toThrow();
    await expect(spoilt(async () => ({ rows: [row], rejects: [], next: 'https://x/?key=1' }))).rejects.toThrow();
    await expect(spoilt(async () => ({ rows: [row], rejects: [], next: 'again' }))).rejects.toThrow();
  });
});

describe('the registry', () => {
  test('names are unique', () => {
    for (const names of [
      sources.map((each) => each.name),
      sources.map(workflowTypeOf),
      sources.map(queueOf),
      datasets.map((each) => each.fullName),
    ])
      expect(new Set(names).size).toBe(names.length);
  });

  test('of the sources of a field each has a rank of its own: precedence is never a matter of luck', () => {
    for (const name of fieldNames) {
      const ranks = sources.flatMap((source) => source.observe?.fields[name]?.rank ?? []);
      expect({ name, ranks: new Set(ranks).size }).toEqual({ name, ranks: ranks.length });
    }
  });

  test('queues and workflow types have the names that others drive them by', () => {
    expect(sources.map(queueOf)).toEqual(expect.arrayContaining(['cryptoflow-blockchair', 'cryptoflow-coingecko']));
    expect(sources.map(workflowTypeOf)).toEqual(expect.arrayContaining(['ingestBlockchair', 'ingestCoinGecko']));
  });

  test('a dataset has a full and a short name', () => {
    expect(findDataset('blockchair.blocks')).toBe(findDataset('blocks'));
    expect(findDataset('prices')).toMatchObject({
      fullName: 'coingecko.prices',
      name: 'prices',
      source: { name: 'coingecko' },
    });
  });

  test.each(['blokcs', 'blockchair', 'blockchair.prices', 'BLOCKS', '', 'constructor'])(
    '"%s" is no dataset',
    (name) => {
      expect(() => findDataset(name)).toThrow(
        expect.objectContaining({
          type: 'BadInput',
          message: `dataset "${name}" is unknown; allowed: ${datasets.map((each) => each.fullName).join(', ')}`,
        }) as Error,
      );
    },
  );

  test('a short name that two sources have needs the long one', () => {
    const more = datasetsOf([...sources, kraken]);
    expect(() => findAmong(more, 'prices')).toThrow(
      expect.objectContaining({
        type: 'BadInput',
        message: 'dataset "prices" is offered by several sources; allowed: coingecko.prices, kraken.prices',
      }) as Error,
    );
    expect(findAmong(more, 'kraken.prices').source).toBe(kraken);
    expect(findAmong(more, 'blocks').fullName).toBe('blockchair.blocks');
  });

  test('sources', () => {
    expect(findSource('coingecko').label).toBe('CoinGecko');
    expect(() => findSource('kraken')).toThrow(
      `source "kraken" is unknown; known: ${sources.map((each) => each.name).join(', ')}`,
    );
  });
});

describe('coins', () => {
  const known = [
    { coinId: 'bitcoin', symbol: 'BTC', blockchairId: 'bitcoin' },
    { coinId: 'wrapped', symbol: 'WBT', blockchairId: null },
    { coinId: 'other', symbol: 'WBT', blockchairId: null },
  ] as Coin[];

  test('by id or ticker, in any case', () => {
    for (const name of ['bitcoin', 'Bitcoin', 'btc', 'BTC']) expect(findCoin(known, name).coinId).toBe('bitcoin');
  });

  test('an ambiguous ticker is refused with the candidates, an unknown name with the way to add it', () => {
    expect(() => findCoin(known, 'wbt')).toThrow('coin "wbt" is ambiguous: wrapped or other; give the id');
    expect(() => findCoin(known, 'doge')).toThrow(
      /^coin "doge" is unknown; known: bitcoin, wrapped, other; to add it: .*coins add doge$/,
    );
  });

  test('a coin has the name that the source uses, or none', () => {
    expect(sourceCoin(findSource('blockchair'), known[0]!)).toEqual(coin('bitcoin', 'BTC'));
    expect(sourceCoin(findSource('blockchair'), known[1]!)).toBeUndefined();
    expect(sourceCoin(findSource('coingecko'), known[1]!)).toMatchObject({ sourceId: 'wrapped' });
  });
});

test('what a reject quotes is the JSON of the source', () => {
  expect(rawText({ a: 1, b: '2' })).toBe('{"a":1,"b":"2"}');
});

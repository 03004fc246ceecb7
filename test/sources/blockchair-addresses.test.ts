import { source } from '../../activities/blockchair';
import { describeRecorded, payload } from '../payloads';
import { startSimulator } from '../simulator';
import { answers, bitcoin, ethereum, litecoin, overHttp, pageOf } from './asking';

const { addresses } = source.datasets;
const genesisAddress = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const secondAddress = '12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX';
const etherAddress = '0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d';

describeRecorded('recorded addresses become rows', () => {
  test('two bitcoin addresses: the batch has no transaction count, which stays unknown', async () => {
    const http = answers(payload('blockchair/bitcoin_dashboards_addresses__two_doc.json'));
    const asked = [secondAddress, genesisAddress];
    const page = await addresses.fetchPage(
      http,
      pageOf(source, { coin: bitcoin, date: '2019-10-24', addresses: asked }),
    );
    expect(http.asked[0]).toMatchObject({ path: `/bitcoin/dashboards/addresses/${asked.join(',')}`, cost: 1.1 });
    expect(page).toEqual({
      rows: [
        {
          coin_symbol: 'BTC',
          address: secondAddress,
          first_seen_time: '2009-01-09 02:54:25',
          last_seen_time: '2019-09-18 18:29:01',
          transaction_count: null,
          received_total_usd: '1216.4402',
          spent_total_usd: '0',
          balance_usd: '376095.5866331926',
        },
        {
          coin_symbol: 'BTC',
          address: genesisAddress,
          first_seen_time: '2009-01-03 18:15:05',
          last_seen_time: '2019-10-24 18:47:23',
          transaction_count: null,
          received_total_usd: '15293.3019',
          spent_total_usd: '0',
          balance_usd: '508913.63494609314',
        },
      ],
      rejects: [],
      next: null,
      resume: null,
      expected: 2,
    });
  });

  test.each([
    ['blockchair/bitcoin_dashboards_address__1A1zP_doc.json', bitcoin, genesisAddress, 1_820],
    [
      'blockchair/litecoin_dashboards_address__2019-01.json',
      litecoin,
      'ltc1q80nqd53dpl9s0ytgdamwzu8ghtyr0ktespxgpg',
      2,
    ],
  ])('%s: the same fields, with a transaction count', async (file, of, address, transaction_count) => {
    const single = payload(file) as { data: Record<string, { address: object }>; context: object };
    const http = answers({
      data: { addresses: { [address]: single.data[address]!.address } },
      context: single.context,
    });
    const context = pageOf(source, { coin: of, date: '2019-10-24', addresses: [address] });
    const page = await addresses.fetchPage(http, context);
    expect(page.rejects).toEqual([]);
    expect(page.rows).toMatchObject([{ coin_symbol: of.symbol, address, transaction_count }]);
  });

  test('litecoin 2019: an address that has been emptied was last seen when it spent', async () => {
    const address = 'ltc1q80nqd53dpl9s0ytgdamwzu8ghtyr0ktespxgpg';
    const single = payload('blockchair/litecoin_dashboards_address__2019-01.json') as {
      data: Record<string, { address: object }>;
      context: { limit: unknown };
    };
    expect(single.context.limit).toBe('100');
    const http = answers({
      data: { addresses: { [address]: single.data[address]!.address } },
      context: single.context,
    });
    const page = await addresses.fetchPage(
      http,
      pageOf(source, { coin: litecoin, date: '2019-01-17', addresses: [address] }),
    );
    expect(page.rows).toEqual([
      {
        coin_symbol: 'LTC',
        address,
        first_seen_time: '2018-12-20 16:32:56',
        last_seen_time: '2018-12-22 09:34:42',
        transaction_count: 2,
        received_total_usd: '489.9473',
        spent_total_usd: '510.3608',
        balance_usd: '0',
      },
    ]);
  });

  test('an ethereum address: its totals are rounded by the source, which is no reason to reject it', async () => {
    const http = answers(payload('blockchair/ethereum_dashboards_address__doc.json'));
    const context = pageOf(source, { coin: ethereum, date: '2019-10-24', addresses: [etherAddress] });
    const page = await addresses.fetchPage(http, context);
    expect(http.asked[0]).toMatchObject({ path: `/ethereum/dashboards/address/${etherAddress}`, cost: 1 });
    expect(page).toEqual({
      rows: [
        {
          coin_symbol: 'ETH',
          address: etherAddress,
          first_seen_time: '2015-07-30 00:00:00',
          last_seen_time: '2018-11-16 00:52:45',
          transaction_count: 2,
          received_total_usd: '1337',
          spent_total_usd: '0',
          balance_usd: '217088.92828369106',
        },
      ],
      rejects: [],
      next: null,
      resume: null,
      expected: 1,
    });
  });
});

describe('rules about addresses', () => {
  const seen = {
    first_seen_receiving: '2020-01-02 00:00:00',
    last_seen_receiving: '2020-01-03 00:00:00',
    first_seen_spending: null,
    last_seen_spending: null,
  };
  const usd = { balance_usd: 7, received_usd: null, spent_usd: null };
  const bitcoinState = { balance: 5, received: 7, spent: 2, ...usd, ...seen };
  const etherState = {
    balance: '5',
    received_approximate: '7',
    spent_approximate: '2',
    fees_approximate: '0',
    ...usd,
    ...seen,
  };

  async function lookUp(of: typeof bitcoin, state: unknown) {
    const data = of === ethereum ? { '0xa': { address: state } } : { addresses: { '0xa': state } };
    const context = pageOf(source, { coin: of, date: '2026-11-21', addresses: ['0xa'] });
    return addresses.fetchPage(answers({ data, context: { code: 200 } }), context);
  }

  test.each([
    ['as it should be', bitcoin, bitcoinState],
    [
      'never used',
      bitcoin,
      { ...bitcoinState, balance: 0, received: 0, spent: 0, first_seen_receiving: null, last_seen_receiving: null },
    ],
    [
      'beyond 2^53 satoshi',
      bitcoin,
      { ...bitcoinState, balance: '9007199254740993', received: '9007199254740995', spent: 2 },
    ],
    ['ether', ethereum, etherState],
    [
      'ether with totals rounded to 15 digits',
      ethereum,
      {
        ...etherState,
        balance: '1234567890123456789012',
        received_approximate: '1234567890123460000000',
        spent_approximate: '0',
      },
    ],
    ['ether without fees', ethereum, { ...etherState, fees_approximate: null }],
  ])('accepted: %s', async (_title, of, state) => {
    const page = await lookUp(of, state);
    expect(page.rejects).toEqual([]);
    expect(page.rows).toHaveLength(1);
  });

  test.each([
    [bitcoin, { balance: 6 }, 'balance 6 is not received 7 − spent 2'],
    [bitcoin, { balance: 5.5 }, 'balance 5.5 is not received 7 − spent 2'],
    [bitcoin, { balance: -5, received: 2, spent: 7 }, 'balance -5 is negative'],
    [
      bitcoin,
      { last_seen_receiving: '2020-01-01 23:59:59' },
      'last seen 2020-01-01 23:59:59 is before first seen 2020-01-02 00:00:00',
    ],
    [ethereum, { balance: '6', received_approximate: '3' }, 'balance 6 is not received 3 − spent 2 − fees 0'],
    [
      ethereum,
      { spent_approximate: '2.5', fees_approximate: '1.5' },
      'balance 5 is not received 7 − spent 2.5 − fees 1.5',
    ],
    [ethereum, { balance: '-1', received_approximate: '1' }, 'balance -1 is negative'],
  ])('%#: %o', async (of, change, reason) => {
    const page = await lookUp(of, { ...(of === ethereum ? etherState : bitcoinState), ...change });
    expect(page.rows).toEqual([]);
    expect(page.rejects).toMatchObject([{ key: '0xa', reason }]);
  });

  test.each([
    ['no state', undefined],
    ['null', null],
    ['a text', 'unavailable'],
    ['a list', []],
    ['no balance', { ...bitcoinState, balance: undefined }],
  ])('%s in place of a state is rejected under its address', async (_title, state) => {
    const page = await lookUp(bitcoin, state);
    expect(page.rows).toEqual([]);
    expect(page.rejects).toMatchObject([{ key: '0xa', raw: expect.stringContaining('"address":"0xa"') as string }]);
  });

  test.each([null, [], { addresses: {} }])(
    'addresses that the source does not know are absent, which is no fault of it: %j',
    async (data) => {
      const http = answers({ data, context: { code: 200 } });
      const page = await addresses.fetchPage(
        http,
        pageOf(source, { coin: bitcoin, date: '2026-11-21', addresses: ['1a', '1b'] }),
      );
      expect(page.rows).toEqual([]);
      expect(page.rejects.map((each) => [each.key, each.absent])).toEqual([
        ['1a', true],
        ['1b', true],
      ]);
    },
  );

  test('250 addresses take three batches, each asked for once', async () => {
    const all = Array.from({ length: 250 }, (_, index) => `1address${String(index).padStart(3, '0')}`);
    const seenAddresses: unknown[] = [];
    const left: (number | undefined)[] = [];
    let cursor: string | null = null;
    do {
      const batch: string[] = all.filter((each) => cursor === null || each > cursor).slice(0, 100);
      const http = answers({
        data: { addresses: Object.fromEntries(batch.map((each) => [each, bitcoinState])) },
        context: { code: 200 },
      });
      const page = await addresses.fetchPage(
        http,
        pageOf(source, { coin: bitcoin, date: '2026-11-21', addresses: all, cursor }),
      );
      expect(http.asked[0]!.cost).toBeCloseTo(1 + 0.1 * (batch.length - 1), 9);
      seenAddresses.push(...page.rows.map((row) => row.address));
      left.push(page.expected);
      cursor = page.next;
    } while (cursor !== null);
    expect(seenAddresses).toEqual(all);
    expect(left).toEqual([250, 150, 50]);
  });
});

test('one address that Ethereum does not know does not end the others', async () => {
  const simulator = await startSimulator({ limits: 'none' });
  const connect = () => overHttp(source, simulator.baseUrls.blockchair);
  const context = pageOf(source, {
    coin: ethereum,
    date: '2026-11-21',
    addresses: ['0x0-not-an-address', etherAddress],
  });
  const first = await addresses.fetchPage(connect(), context);
  expect(first).toMatchObject({ rows: [], rejects: [{ key: '0x0-not-an-address', absent: true }] });
  const second = await addresses.fetchPage(connect(), { ...context, cursor: first.next });
  expect(second).toMatchObject({ rows: [{ address: etherAddress }], rejects: [], next: null });
  await simulator.close();
});

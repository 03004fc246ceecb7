import type { RequestOptions } from '../../activities/http';
import { source } from '../../activities/blockchair';
import { judge } from '../../activities/blockchair/client';
import { isObject } from '../simulator/json';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload, payloadsFolder } from '../payloads';
import { answers, bitcoin, coin, ethereum, failureOf, litecoin, overHttp, pageOf } from './asking';

const { blocks, transactions, addresses } = source.datasets;
const genesisAddress = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const secondAddress = '12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX';
const etherAddress = '0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d';

interface TableBody {
  data: Record<string, unknown>[];
  context: Record<string, unknown>;
}

/** A recorded body with some of it changed. */
function changed(file: string, change: (body: TableBody) => void): unknown {
  const body = payload(file) as TableBody;
  change(body);
  return body;
}

const blockOf2019 = {
  coin_symbol: 'BTC',
  block_id: 599_954,
  block_hash: '0000000000000000000a405e0eb599136580eed78682bfe6648c5f7b6f81a9cb',
  block_time: '2019-10-18 17:16:18',
  transaction_count: 2_157,
  size_bytes: 1_291_891,
  difficulty: '13008091666972',
};

describeRecorded('recorded Blockchair answers become rows', () => {
  test('bitcoin blocks', async () => {
    const http = answers(payload('blockchair/bitcoin_blocks__limit1_doc.json'));
    const page = await blocks.fetchPage(http, pageOf(source, { coin: bitcoin, date: '2019-10-18' }));
    expect(page).toEqual({ rows: [blockOf2019], rejects: [], next: null, resume: null, expected: 599_955 });
    expect(http.asked).toEqual([
      {
        path: '/bitcoin/blocks',
        query: { q: 'time(2019-10-18)', s: 'id(asc)', limit: 100, offset: undefined },
        cost: expect.closeTo(5.7, 9) as number,
      },
    ]);
  });

  test('bitcoin transactions', async () => {
    const http = answers(payload('blockchair/bitcoin_transactions__limit1_doc.json'));
    const page = await transactions.fetchPage(http, pageOf(source, { coin: bitcoin, date: '2019-10-22' }));
    expect(page.rejects).toEqual([]);
    expect(page.rows).toEqual([
      {
        coin_symbol: 'BTC',
        block_id: 600_573,
        tx_hash: 'ee13104d4331cad2fff5ab6cd249a9fec940d64df442a6de5f51ea63c34ef8ff',
        tx_time: '2019-10-22 19:09:34',
        fee_usd: '0.0137931',
        output_total_usd: '2408.89',
        fee_native: '168',
        output_total_native: '29340274',
        input_count: 1,
        output_count: 2,
        size_bytes: 250,
        is_coinbase: false,
      },
    ]);
    expect(page).toMatchObject({ next: null, resume: null });
  });

  test('ethereum transactions: wei without loss, hashes without 0x, a reward without hash or fee', async () => {
    const http = answers(payload('blockchair/ethereum_transactions__genesis_doc.json'));
    const page = await transactions.fetchPage(http, pageOf(source, { coin: ethereum, date: '2015-08-07' }));
    expect(page.rejects).toEqual([]);
    const both = {
      coin_symbol: 'ETH',
      block_id: 46_147,
      tx_time: '2015-08-07 03:30:33',
      input_count: null,
      output_count: null,
      size_bytes: null,
    };
    expect(page.rows).toEqual([
      {
        ...both,
        tx_hash: 'synthetic_coinbase:0xe6a7a1d47ff21b6321162aea7c6cb457d5476bca:6050000000000000000',
        fee_usd: null,
        output_total_usd: '6.05',
        fee_native: null,
        output_total_native: '6050000000000000000',
        is_coinbase: true,
      },
      {
        ...both,
        tx_hash: '5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060',
        fee_usd: '1.05',
        output_total_usd: '0.000000000000031337',
        fee_native: '1050000000000000000',
        output_total_native: '31337',
        is_coinbase: false,
      },
    ]);
    expect(page.expected).toBe(2);
    expect(page.complete).toMatchObject([{ value: 46_147, rows: 2 }]);
  });

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

  test('the recorded 430 says in its own words that we are blocked', () => {
    expect(judge(430, payload('blockchair/error_430__2019-11_issue154.json'))).toEqual({
      type: 'RateLimited',
      reason:
        'Your IP address is temporary blacklisted due to exceeding usage of API resources. Please apply for an API key by contacting us at info@blockchair.com',
      retryAfterMs: 600_000,
    });
  });

  test('an answer to another question is a mismatch, with the path', async () => {
    const aggregate = payload('blockchair/bitcoin_blocks__aggregate_full_context_2019-10.json');
    const page = await blocks.fetchPage(answers(aggregate), pageOf(source, { coin: bitcoin, date: '2019-10-23' }));
    expect(page.rows).toEqual([]);
    expect(page.rejects).toMatchObject([{ field: 'id', raw: '{"sum(generation)":1800957104497237}' }]);
    const stats = payload('blockchair/bitcoin_stats__doc_2021-07.json');
    const failure = await failureOf(
      blocks.fetchPage(answers(stats), pageOf(source, { coin: bitcoin, date: '2021-07-01' })),
    );
    expect(failure).toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringMatching(/^blockchair blocks: data: /) as string,
    });
  });

  test.each([
    ['another JSON type', 'size', (row: Record<string, unknown>) => void (row.size = '1.2 MB')],
    [
      'a fraction of a transaction',
      'transaction_count',
      (row: Record<string, unknown>) => void (row.transaction_count = 0.5),
    ],
    ['a negative size', 'size', (row: Record<string, unknown>) => void (row.size = -1)],
    ['no difficulty', 'difficulty', (row: Record<string, unknown>) => void delete row.difficulty],
    ['no hash', 'hash', (row: Record<string, unknown>) => void (row.hash = null)],
    ['an empty hash', 'hash', (row: Record<string, unknown>) => void (row.hash = '')],
    ['a time of another form', 'time', (row: Record<string, unknown>) => void (row.time = '2019-10-18T17:16:18Z')],
  ])('a block with %s is rejected with its path and raw text; the others land', async (_what, field, spoil) => {
    const body = changed('blockchair/bitcoin_blocks__limit1_doc.json', ({ data }) => {
      const bad: Record<string, unknown> = { ...data[0], id: 599_955 };
      spoil(bad);
      data.push(bad);
    });
    const page = await blocks.fetchPage(answers(body), pageOf(source, { coin: bitcoin, date: '2019-10-18' }));
    expect(page.rows).toEqual([blockOf2019]);
    expect(page.rejects).toEqual([
      {
        key: '599955',
        field,
        reason: expect.stringMatching(new RegExp(`^${field}: `)) as string,
        raw: expect.stringContaining('"id":599955') as string,
      },
    ]);
  });

  test('a row that is no object at all is rejected, not an exception', async () => {
    const body = changed('blockchair/bitcoin_blocks__limit1_doc.json', ({ data }) => data.push(null as never));
    const page = await blocks.fetchPage(answers(body), pageOf(source, { coin: bitcoin, date: '2019-10-18' }));
    expect(page.rows).toEqual([blockOf2019]);
    expect(page.rejects).toMatchObject([
      { key: null, field: null, raw: 'null', reason: expect.stringMatching(/^row: /) as string },
    ]);
  });

  test('unknown fields, and chains that have fewer, change nothing', async () => {
    const body = changed('blockchair/bitcoin_blocks__limit1_doc.json', ({ data, context }) => {
      Object.assign(data[0]!, { is_aux: true, news: { of: ['any', 'kind'] }, weight: undefined });
      Object.assign(context, { servers: 'API4', limit: '100' });
    });
    const page = await blocks.fetchPage(answers(body), pageOf(source, { coin: bitcoin, date: '2019-10-18' }));
    expect(page).toMatchObject({ rows: [blockOf2019], rejects: [] });
  });

  test('a row of another day is rejected', async () => {
    const http = answers(payload('blockchair/bitcoin_blocks__limit1_doc.json'));
    const page = await blocks.fetchPage(http, pageOf(source, { coin: bitcoin, date: '2019-10-19' }));
    expect(page.rows).toEqual([]);
    expect(page.rejects).toMatchObject([{ key: '599954', reason: 'time 2019-10-18 17:16:18 is not on 2019-10-19' }]);
  });

  test.each([
    ['blockchair/bitcoin_transactions__limit1_doc.json', bitcoin, '2019-10-22', 'fee'],
    ['blockchair/bitcoin_transactions__limit1_doc.json', bitcoin, '2019-10-22', 'output_total'],
    ['blockchair/bitcoin_transactions__limit1_doc.json', bitcoin, '2019-10-22', 'is_coinbase'],
    ['blockchair/ethereum_transactions__genesis_doc.json', ethereum, '2015-08-07', 'value'],
    ['blockchair/ethereum_transactions__genesis_doc.json', ethereum, '2015-08-07', 'fee'],
  ])('%s of %o on %s without %s: no row with 0 in its place', async (file, of, date, field) => {
    const body = changed(file, ({ data }) => data.forEach((row) => Reflect.deleteProperty(row, field)));
    const page = await transactions.fetchPage(answers(body), pageOf(source, { coin: of, date }));
    expect(page.rows).toEqual([]);
    expect(new Set(page.rejects.map((reject) => reject.field))).toEqual(new Set([field]));
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

describe('Blockchair’s answers over HTTP', () => {
  let simulator: Simulator;
  const connect = (options: Partial<RequestOptions> = {}) => overHttp(source, simulator.baseUrls.blockchair, options);
  beforeAll(async () => {
    simulator = await startSimulator({ limits: 'none' });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());

  test('a day without blocks is an empty page and the end', async () => {
    simulator.fault('blockchair', { emptyDay: true });
    for (const dataset of [blocks, transactions]) {
      const page = await dataset.fetchPage(connect(), pageOf(source, { coin: bitcoin, date: '2026-11-01' }));
      expect(page).toMatchObject({ rows: [], rejects: [], next: null, expected: 0 });
      expect(page.complete ?? []).toEqual([]);
    }
  });

  test('one address that Ethereum does not know does not end the others', async () => {
    const context = pageOf(source, {
      coin: ethereum,
      date: '2026-11-21',
      addresses: ['0x0-not-an-address', etherAddress],
    });
    const first = await addresses.fetchPage(connect(), context);
    expect(first).toMatchObject({ rows: [], rejects: [{ key: '0x0-not-an-address', absent: true }] });
    const second = await addresses.fetchPage(connect(), { ...context, cursor: first.next });
    expect(second).toMatchObject({ rows: [{ address: etherAddress }], rejects: [], next: null });
  });

  test('a chain that Blockchair does not have is not available', async () => {
    const context = pageOf(source, { coin: coin('monopoly', 'MON'), date: '2026-11-01' });
    expect(await failureOf(blocks.fetchPage(connect(), context))).toMatchObject({
      type: 'NotAvailable',
      details: { status: 404 },
    });
  });

  test.each(['data', 'context', 'code'])('an answer without "%s" is a mismatch that names it', async (field) => {
    simulator.fault('blockchair', { missingField: { field } });
    const failure = await failureOf(blocks.fetchPage(connect(), pageOf(source, { coin: bitcoin, date: '2026-11-01' })));
    expect(failure).toMatchObject({ type: 'SchemaMismatch', message: expect.stringContaining(`${field}: `) as string });
    expect(failure.details.body).toMatch(/^\{/);
  });

  test('a column that changed its type rejects every row, and the pages go on', async () => {
    simulator.fault('blockchair', { wrongType: { field: 'fee' } });
    const page = await transactions.fetchPage(connect(), pageOf(source, { coin: bitcoin, date: '2026-11-01' }));
    expect(page.rows).toEqual([]);
    expect(page.rejects).toHaveLength(100);
    expect(page.rejects[0]).toMatchObject({
      field: 'fee',
      reason: 'fee: expected a number, got "not what was documented"',
    });
    expect(page.next).not.toBeNull();
  });

  test.each(['id', 'block_id'])('transactions without %s cannot be paged, and say so', async (field) => {
    simulator.fault('blockchair', { missingField: { field } });
    const context = pageOf(source, { coin: bitcoin, date: '2026-11-01' });
    expect(await failureOf(transactions.fetchPage(connect(), context))).toMatchObject({
      type: 'SchemaMismatch',
      message: 'blockchair transactions: a row without block_id and id cannot be paged',
    });
  });

  test('blocks without id end nothing silently: all of the page is rejected', async () => {
    simulator.fault('blockchair', { missingField: { field: 'id' } });
    const page = await blocks.fetchPage(connect(), pageOf(source, { coin: bitcoin, date: '2026-11-01' }));
    expect([page.rows.length, page.rejects.length]).toEqual([0, 100]);
  });
});

describeRecorded('recorded Blockchair days over HTTP (replay)', () => {
  let simulator: Simulator;
  const connect = () => overHttp(source, simulator.baseUrls.blockchair);
  beforeAll(async () => {
    simulator = await startSimulator({ replayFolder: payloadsFolder });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());

  test('the fourteen blocks and transactions of 9 January 2009', async () => {
    const day = pageOf(source, { coin: bitcoin, date: '2009-01-09' });
    const found = await blocks.fetchPage(connect(), day);
    expect(found).toMatchObject({ rejects: [], next: null, expected: 14 });
    expect(found.rows.map((row) => row.block_id)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
    expect(found.rows[0]).toEqual({
      coin_symbol: 'BTC',
      block_id: 1,
      block_hash: '00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048',
      block_time: '2009-01-09 02:54:25',
      transaction_count: 1,
      size_bytes: 215,
      difficulty: '1',
    });
    const paid = await transactions.fetchPage(connect(), day);
    expect(paid).toMatchObject({ rejects: [], next: null, resume: null, expected: 14 });
    expect(paid.rows[0]).toMatchObject({
      tx_hash: '0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098',
      output_total_native: '5000000000',
      output_total_usd: '0.5',
      fee_native: '0',
      is_coinbase: true,
    });
    expect(paid.complete?.map(({ value, rows }) => [value, rows])).toEqual(
      Array.from({ length: 14 }, (_, index) => [index + 1, 1]),
    );
  });

  test('a whole recorded day of Dash, six pages', async () => {
    const heights: unknown[] = [];
    let cursor: string | null = null;
    do {
      const context = pageOf(source, { coin: coin('dash', 'DASH'), date: '2020-03-12', cursor });
      const page = await blocks.fetchPage(connect(), context);
      expect(page.rejects).toEqual([]);
      heights.push(...page.rows.map((row) => row.block_id));
      cursor = page.next;
    } while (cursor !== null);
    const first = heights[0] as number;
    expect(heights.length).toBeGreaterThan(500);
    expect(heights).toEqual(heights.map((_, index) => first + index));
  });

  test('addresses, and the recorded refusal', async () => {
    const wanted = [secondAddress, genesisAddress];
    const context = pageOf(source, { coin: bitcoin, date: '2019-10-24', addresses: wanted });
    const page = await addresses.fetchPage(connect(), context);
    expect(page.rows.map((row) => row.address)).toEqual(wanted);
    simulator.fault('blockchair', { status: 430 });
    const failure = await failureOf(addresses.fetchPage(connect(), context));
    expect(failure).toMatchObject({ type: 'RateLimited', retryAfterMs: 600_000, details: { status: 430 } });
    expect(failure.message).toMatch(
      /^blockchair 430 on \/blockchair\/bitcoin\/dashboards\/addresses\/\S+: Your IP address is/,
    );
    expect(isObject(failure.details)).toBe(true);
  });
});

import type { RequestOptions } from '../../activities/http';
import { source } from '../../activities/blockchair';
import { judge } from '../../activities/blockchair/client';
import { isObject } from '../simulator/json';
import { startSimulator, type Simulator } from '../simulator';
import { describeRecorded, payload, payloadsFolder } from '../payloads';
import { answers, bitcoin, coin, ethereum, failureOf, overHttp, pageOf } from './asking';

const { blocks, transactions, addresses } = source.datasets;
const genesisAddress = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const secondAddress = '12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX';

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

import { ask } from './ask';
import { type Simulator, startSimulator } from './index';

const NOW = () => new Date('2026-11-22T15:30:10Z');
const DAY = '2026-11-21';
const CHAINS = ['bitcoin', 'ethereum', 'dogecoin', 'litecoin', 'bitcoin-cash', 'dash', 'zcash'];

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ now: NOW, limits: 'none' });
});
afterAll(() => simulator.close());

const get = (path: string) => ask(`${simulator.baseUrls.blockchair}${path}`);

/** All rows of a day, page after page by offset. */
async function rowsOfDay(chain: string, table: string, day = DAY): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let offset = 0; ; offset += 100) {
    const { body } = await get(`/${chain}/${table}?q=time(${day})&s=id(asc)&limit=100&offset=${offset}`);
    rows.push(...body.data);
    if (body.data.length < 100) return rows;
  }
}

test.each(CHAINS)(
  'a day of %s links up: ids without gaps, times rising inside the day, counts and sums agree',
  async (chain) => {
    const blocks = await rowsOfDay(chain, 'blocks');
    const transactions = await rowsOfDay(chain, 'transactions');
    expect(blocks).toHaveLength(144);
    expect(transactions).toHaveLength(1500);
    expect(new Set(transactions.map((row) => row['hash'])).size).toBe(1500);

    const first = Number(blocks[0]?.['id']);
    expect(blocks.map((row) => row['id'])).toEqual(blocks.map((_, index) => first + index));
    const times = blocks.map((row) => String(row['time']));
    expect(times).toEqual(times.toSorted());
    expect(times.every((time) => time.startsWith(DAY))).toBe(true);

    for (const block of blocks) {
      const own = transactions.filter((row) => row['block_id'] === block['id']);
      expect(own).toHaveLength(Number(block['transaction_count']));
      expect(own.every((row) => row['time'] === block['time'])).toBe(true);
      if (chain === 'ethereum') continue;
      const sum = (column: string): bigint => own.reduce((total, row) => total + BigInt(row[column] as number), 0n);
      // Dogecoin passes 2^53, where this test's JSON parser rounds.
      const near = (column: string, expected: bigint): void =>
        expect(Number(block[column])).toBeCloseTo(Number(expected), chain === 'dogecoin' ? -4 : 0);
      near('output_total', sum('output_total'));
      near('input_total', sum('input_total'));
      near('fee_total', sum('fee'));
      near('output_total', sum('input_total') + BigInt(block['generation'] as number));
      expect(own.filter((row) => row['is_coinbase'])).toHaveLength(1);
    }
  },
);

test('the first id of a day follows the last one of the day before', async () => {
  for (const [table, chain] of [
    ['blocks', 'bitcoin'],
    ['transactions', 'litecoin'],
  ] as const) {
    const before = await get(`/${chain}/${table}?q=time(2026-11-20)&s=id(desc)&limit=1`);
    const after = await get(`/${chain}/${table}?q=time(${DAY})&s=id(asc)&limit=1`);
    expect(Number(after.body.data[0]?.['id'])).toBe(Number(before.body.data[0]?.['id']) + 1);
  }
});

test('paging by block_id ranges gives every transaction once', async () => {
  const whole = await rowsOfDay('bitcoin', 'transactions');
  const { body } = await get(`/bitcoin/blocks?q=time(${DAY})&a=min(id),max(id),count()`);
  const { 'min(id)': low, 'max(id)': high, 'count()': count } = body.data[0] ?? {};
  expect(count).toBe(144);
  const seen: unknown[] = [];
  for (let block = Number(low); block <= Number(high); block += 5) {
    const to = Math.min(block + 4, Number(high));
    for (let offset = 0; ; offset += 100) {
      const page = await get(
        `/bitcoin/transactions?q=block_id(${block}..${to})&s=block_id(asc),id(asc)&limit=100&offset=${offset}`,
      );
      seen.push(...page.body.data.map((row) => row['hash']));
      if (page.body.data.length < 100) break;
    }
  }
  expect(seen).toEqual(whole.map((row) => row['hash']));
});

test('filters: ranges with open, strict and swapped ends, equality, negation', async () => {
  const { body } = await get(`/bitcoin/blocks?q=time(${DAY})&s=id(asc)&limit=1`);
  const first = Number(body.data[0]?.['id']);
  const ids = async (q: string): Promise<unknown[]> =>
    (await get(`/bitcoin/blocks?q=${q}&s=id(asc)&limit=100`)).body.data.map((row) => row['id']);
  expect(await ids(`id(${first}..${first + 2})`)).toEqual([first, first + 1, first + 2]);
  expect(await ids(`id(${first}...${first + 2})`)).toEqual([first + 1]);
  expect(await ids(`id(${first + 2}..${first})`)).toEqual([first, first + 1, first + 2]);
  expect(await ids(`id(${first})`)).toEqual([first]);
  expect(await ids(`id(..2)`)).toEqual([0, 1, 2]);
  expect((await ids(`id(${first + 140}..),time(${DAY})`)).at(-1)).toBe(first + 143);
  expect(await ids(`id(${first}..${first + 2}),not,id(${first + 1})`)).toEqual([first, first + 2]);
  const hours = await get(`/bitcoin/blocks?q=time(${DAY} 00:00:00..${DAY} 11:59:59)`);
  expect(hours.body.context['total_rows']).toBe(72);
  expect((await get('/bitcoin/blocks?q=time(2026-11-20..2026-11-21)')).body.context['total_rows']).toBe(288);
  const coinbase = await get(`/bitcoin/transactions?q=time(${DAY}),is_coinbase(true)`);
  expect(coinbase.body.context['total_rows']).toBe(144);
});

test('sorting by a column that is no id orders all rows of the filter', async () => {
  const { body } = await get(`/bitcoin/transactions?q=time(${DAY})&s=output_total(desc)&limit=100`);
  const totals = body.data.map((row) => Number(row['output_total']));
  expect(totals).toEqual(totals.toSorted((one, other) => other - one));
});

test('aggregations agree with the rows', async () => {
  const rows = await rowsOfDay('bitcoin', 'transactions');
  const { body } = await get(`/bitcoin/transactions?q=time(${DAY})&a=sum(fee),min(id),max(output_total),count()`);
  expect(body.data).toEqual([
    {
      'sum(fee)': rows.reduce((sum, row) => sum + Number(row['fee']), 0),
      'min(id)': rows[0]?.['id'],
      'max(output_total)': Math.max(...rows.map((row) => Number(row['output_total']))),
      'count()': 1500,
    },
  ]);
  expect(body.context).toMatchObject({ limit: 10000, offset: null, rows: 1, total_rows: 1, request_cost: 46 });
});

test('costs are the documented ones', async () => {
  const cost = async (path: string): Promise<unknown> => (await get(path)).body.context['request_cost'];
  expect(await cost(`/bitcoin/transactions?q=time(${DAY})&limit=100`)).toBe(11.4);
  expect(await cost(`/bitcoin/blocks?q=time(${DAY})&limit=10`)).toBe(3);
  expect(await cost('/bitcoin/stats')).toBe(1);
  expect(await cost(`/bitcoin/dashboards/addresses/${addresses(11).join(',')}`)).toBe(2);
  expect(await cost(`/bitcoin/addresses/balances?addresses=${addresses(3).join(',')}`)).toBe(1.003);
});

test('nothing newer than now is served', async () => {
  const newest = await get('/bitcoin/blocks?limit=1');
  expect(String(newest.body.data[0]?.['time']) <= '2026-11-22 15:30:10').toBe(true);
  expect(newest.body.context['state']).toBe(newest.body.data[0]?.['id']);
  expect((await get('/bitcoin/blocks?q=time(2026-11-23)')).body).toMatchObject({
    data: [],
    context: { total_rows: 0 },
  });
  const stats = await get('/bitcoin/stats');
  expect(stats.body.data['best_block_height']).toBe(newest.body.data[0]?.['id']);
});

test('ethereum has a synthetic_coinbase row per block before the merge only', async () => {
  const old = await get('/ethereum/transactions?q=time(2020-05-01),type(synthetic_coinbase)&limit=1');
  expect(old.body.context['total_rows']).toBe(144);
  expect(old.body.data[0]).toMatchObject({ hash: null, index: null, fee: null, sender: null });
  const block = await get(`/ethereum/blocks?q=time(2020-05-01)&limit=1`);
  const rows = await get(`/ethereum/transactions?q=block_id(${String(block.body.data[0]?.['id'])})&limit=100`);
  expect(block.body.data[0]?.['synthetic_transaction_count']).toBe(1);
  const fees = rows.body.data.reduce((sum, row) => sum + BigInt((row['fee'] as string | null) ?? 0), 0n);
  expect(block.body.data[0]?.['fee_total']).toBe(String(fees));
  expect(rows.body.context['total_rows']).toBe(Number(block.body.data[0]?.['transaction_count']) + 1);
  const now = await get(`/ethereum/transactions?q=time(${DAY}),type(synthetic_coinbase)`);
  expect(now.body.context['total_rows']).toBe(0);
});

test('amounts beyond 2^53 are whole integers on the wire', async () => {
  const { text } = await get(`/dogecoin/stats`);
  expect(text).toMatch(/"circulation":\d{19,20},/);
});

test('addresses: dashboards agree with the set and with balances, balance is received minus spent', async () => {
  const [one = '', two = ''] = addresses(2);
  const single = await get(`/bitcoin/dashboards/address/${one}?limit=2`);
  const shown = single.body.data[one]?.['address'] as Record<string, number>;
  expect(shown['balance']).toBe(Number(shown['received']) - Number(shown['spent']));
  expect(single.body.data[one]?.['transactions']).toHaveLength(2);

  const set = await get(`/bitcoin/dashboards/addresses/${one},${two},1DoesntExist`);
  const members = set.body.data['addresses'] as Record<string, Record<string, number>>;
  expect(Object.keys(members)).toEqual([one, two]);
  expect(members[one]?.['balance']).toBe(shown['balance']);
  expect(set.body.data['set']?.['balance']).toBe(Number(shown['balance']) + Number(members[two]?.['balance']));

  const unused = '1UnusedUnusedUnusedUnusedUnused11';
  const balances = await ask(`${simulator.baseUrls.blockchair}/bitcoin/addresses/balances`, {
    form: `addresses=${one},1DoesntExist,${unused}`,
  });
  expect(balances.body.data).toEqual({ [one]: shown['balance'] });
  const empty = await get(`/bitcoin/dashboards/address/${unused}`);
  expect(empty.body.data[unused]?.['address']).toMatchObject({ balance: 0, first_seen_receiving: null });
});

test.each([
  ['/bitcoin/blocks?limit=101', 400, 'limit must be between 1 and 100'],
  ['/bitcoin/blocks?offset=10001', 400, 'offset must not exceed 10000'],
  ['/bitcoin/blocks?q=nonsense(1)', 400, "Unknown filter 'nonsense(1)'"],
  ['/bitcoin/blocks?q=time(yesterday)', 400, "Bad time 'yesterday'"],
  ['/bitcoin/blocks?s=id(up)', 400, 'Unknown sorting'],
  ['/bitcoin/blocks?a=median(id)', 400, 'Unknown aggregation'],
  ['/bitcoin/blocks?cachebuster=1', 400, "Unknown parameter 'cachebuster'"],
  ['/nochain/blocks', 404, 'Unknown endpoint'],
  ['/bitcoin/nothing', 404, 'Unknown endpoint'],
  ['/ethereum/dashboards/addresses/a,b', 404, 'Unknown endpoint'],
  ['/bitcoin/dashboards/address/1DoesntExist', 404, 'is not an address'],
])('%s is answered with %i', async (path, status, message) => {
  const answer = await get(path);
  expect(answer.status).toBe(status);
  expect(answer.body.data).toBeNull();
  expect(answer.body.context['code']).toBe(status);
  expect(answer.body.context['error']).toContain(message);
  expect(answer.body.context).not.toHaveProperty('state');
});

test('a page of 100 rows takes a few milliseconds', async () => {
  await get(`/bitcoin/transactions?q=time(${DAY})&limit=100`);
  // of this process's own time: the machine may be busy
  const before = process.cpuUsage();
  for (let page = 0; page < 20; page++) await get(`/bitcoin/transactions?q=time(${DAY})&limit=100&offset=${page * 50}`);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000 / 20).toBeLessThan(40);
});

test('one changed row differs, the others do not, and it can be undone', async () => {
  const before = await rowsOfDay('bitcoin', 'transactions');
  const target = before[700] ?? {};
  const undo = simulator.changeRow('bitcoin/transactions', String(target['hash']), { fee_usd: 12.34 });
  const after = await rowsOfDay('bitcoin', 'transactions');
  expect(after.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]))).toEqual([
    { ...target, fee_usd: 12.34 },
  ]);
  undo();
  expect(await rowsOfDay('bitcoin', 'transactions')).toEqual(before);
  expect(() => simulator.changeRow('bitcoin/uncles', '1', {})).toThrow("no table 'bitcoin/uncles'");
});

function addresses(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf${String.fromCharCode(97 + index)}a`,
  );
}

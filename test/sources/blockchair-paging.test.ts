import { source } from '../../activities/blockchair';
import type { Dataset, Page, SourceCoin, SourceHttp } from '../../activities/source';
import { ask } from '../simulator/ask';
import { startSimulator, type Simulator, type SimulatorOptions } from '../simulator';
import { bitcoin, coin, ethereum, failureOf, overHttp, pageOf } from './asking';

const { blocks, transactions } = source.datasets;
const date = '2026-11-20';
const apiKey = 'key-of-blockchair-1234';

let simulator: Simulator;
async function simulate(options: SimulatorOptions): Promise<void> {
  simulator = await startSimulator({
    now: () => new Date('2026-11-22T15:30:10Z'),
    limits: 'none',
    keys: { blockchair: [apiKey] },
    ...options,
  });
}
afterEach(() => simulator?.close());

interface Fetched extends Page {
  cursor: string | null;
}

/** The pages of a run that may ask so many times, from a cursor on. Every request has to cost what it said it would. */
async function run(
  dataset: Dataset,
  of: SourceCoin,
  cursor: string | null = null,
  atMost = Infinity,
): Promise<Fetched[]> {
  const pages: Fetched[] = [];
  do {
    const http = checkingCost(overHttp(source, simulator.baseUrls.blockchair, { plan: 'key', apiKey }));
    const page = await dataset.fetchPage(http, pageOf(source, { coin: of, date, cursor }));
    pages.push({ ...page, cursor });
    cursor = page.next;
  } while (cursor !== null && pages.length < atMost);
  return pages;
}

function checkingCost(http: SourceHttp): SourceHttp {
  return {
    async getJson(request) {
      const body = await http.getJson(request);
      const { context } = body as { context: { request_cost: unknown } };
      expect(Number(String(context.request_cost))).toBeCloseTo(request.cost!, 6);
      return body;
    },
  };
}

/** What the day has, asked for in another way: block ids with their number of transactions. */
async function truth(chain: string): Promise<Map<number, number>> {
  const url = `${simulator.baseUrls.blockchair}/${chain}`;
  const known = new Map<number, number>();
  const { body } = await ask(`${url}/blocks?q=time(${date})&a=min(id),max(id)`);
  const [ends] = body.data;
  for (let id = Number(ends!['min(id)']); id <= Number(ends!['max(id)']); id += 1) {
    const counted = await ask(`${url}/transactions?q=block_id(${id})&a=count()`);
    known.set(id, Number(counted.body.data[0]!['count()']));
  }
  return known;
}

const rowsOf = (pages: readonly Page[]) => pages.flatMap((page) => page.rows);

/** Every row of the day once, in order, groups as they are upstream, what is left said right, cursors harmless. */
function expectWholeDay(pages: readonly Fetched[], known: ReadonlyMap<number, number>): void {
  const total = [...known.values()].reduce((sum, each) => sum + each, 0);
  const rows = rowsOf(pages);
  expect(rows).toHaveLength(total);
  expect(new Set(rows.map((row) => `${String(row.block_id)} ${String(row.tx_hash)}`)).size).toBe(total);
  expect(pages.flatMap((page) => page.rejects)).toEqual([]);
  const groups = pages.flatMap((page) => page.complete ?? []);
  expect(groups.map(({ value, rows: count }) => [value, count])).toEqual([...known]);
  let left = total;
  for (const page of pages) {
    if (page.expected !== undefined) expect(page.expected).toBe(left);
    left -= page.rows.length;
  }
  expectCursors(pages);
}

function expectCursors(pages: readonly Fetched[]): void {
  const cursors = pages.map((page) => page.cursor);
  expect(new Set(cursors).size).toBe(cursors.length);
  const all = [
    ...cursors,
    ...pages.map((page) => page.resume),
    ...pages.flatMap((page) => page.complete ?? []).map((each) => each.restart),
  ];
  for (const cursor of all) {
    expect(cursor ?? '').toMatch(/^[\x20-\x7e]{0,255}$/);
    expect(cursor ?? '').not.toMatch(/:\/\/|key/);
  }
}

function expectNoOffsetCap(): void {
  for (const { path, status } of simulator.requests) {
    expect([path, status]).toEqual([path, 200]);
    expect(Number(new URL(path, 'http://x').searchParams.get('offset') ?? 0)).toBeLessThanOrEqual(10_000);
  }
}

test.each([bitcoin, ethereum, coin('dogecoin', 'DOGE')])(
  'transactions of $coinId: pages that end inside blocks',
  async (of) => {
    await simulate({ blocksPerDay: 24, transactionsPerDay: 1_300 });
    const pages = await run(transactions, of);
    expect(pages.length).toBeGreaterThanOrEqual(13);
    expectWholeDay(pages, await truth(of.sourceId));
    expect(pages.at(-1)).toMatchObject({ next: null, resume: null });
    expectNoOffsetCap();
  },
);

test('a day whose last page is exactly full ends with an empty page', async () => {
  await simulate({ blocksPerDay: 4, transactionsPerDay: 200 });
  const pages = await run(transactions, bitcoin);
  expect(pages.map((page) => page.rows.length)).toEqual([100, 100, 0]);
  expectWholeDay(pages, await truth('bitcoin'));
  expect((await run(blocks, bitcoin)).map((page) => page.rows.length)).toEqual([4]);
});

test('blocks of more than 10,000 transactions: the offset cap never shows', async () => {
  // a seed whose long block stands between two others
  await simulate({ seed: 's603', blocksPerDay: 3, transactionsPerDay: 12_600 });
  const known = await truth('bitcoin');
  expect([...known.values()]).toEqual([1_320, 10_374, 906]);
  const pages = await run(transactions, bitcoin);
  expectWholeDay(pages, known);
  expectNoOffsetCap();
});

test('a run that has to stop goes on at the block in which it stopped', async () => {
  await simulate({ blocksPerDay: 24, transactionsPerDay: 1_300 });
  const known = await truth('bitcoin');
  const first = await run(transactions, bitcoin, null, 3);
  const stopped = first.at(-1)!;
  const complete = first.flatMap((page) => page.complete ?? []).map((each) => each.value);
  const open = Math.max(...complete) + 1;
  const second = await run(transactions, bitcoin, stopped.resume!);
  expect(second[0]!.rows[0]).toMatchObject({ block_id: open });
  const finished = rowsOf(first).filter((row) => Number(row.block_id) < open);
  expect([...finished, ...rowsOf(second)].map((row) => row.tx_hash)).toEqual(
    rowsOf(await run(transactions, bitcoin)).map((row) => row.tx_hash),
  );
  expect(second.flatMap((page) => page.complete ?? []).map(({ value, rows }) => [value, rows])).toEqual(
    [...known].filter(([block]) => block >= open),
  );
  // what the second run says is left is what the first did not finish
  expect(second[0]!.expected).toBe([...known.values()].reduce((sum, each) => sum + each, 0) - finished.length);
});

test('runs of two pages get past a block of six', async () => {
  await simulate({ blocksPerDay: 2, transactionsPerDay: 1_200 });
  const known = await truth('bitcoin');
  const found = new Set<unknown>();
  const complete = new Map<number, number>();
  let cursor: string | null = null;
  let runs = 0;
  do {
    const pages: Fetched[] = await run(transactions, bitcoin, cursor, 2);
    for (const row of rowsOf(pages)) found.add(row.tx_hash);
    for (const { value, rows } of pages.flatMap((page) => page.complete ?? [])) complete.set(value, rows);
    cursor = pages.at(-1)!.resume ?? null;
    runs += 1;
  } while (cursor !== null && runs < 20);
  expect(found.size).toBe(1_200);
  expect(complete).toEqual(known);
  expect(runs).toBeLessThanOrEqual(8);
});

test('a block that has to be fetched again keeps its count, and its cursors are new ones', async () => {
  await simulate({ blocksPerDay: 6, transactionsPerDay: 900 });
  const pages = await run(transactions, bitcoin);
  const [group] = pages.flatMap((page) => page.complete ?? []).slice(2);
  const again = await run(transactions, bitcoin, group!.restart);
  expect(again[0]!.rows[0]).toMatchObject({ block_id: group!.value });
  expect(again.flatMap((page) => page.complete ?? [])[0]).toMatchObject({ value: group!.value, rows: group!.rows });
  const used = new Set(pages.map((page) => page.cursor));
  for (const { cursor, next } of again) {
    expect(used.has(cursor)).toBe(false);
    if (next !== null) expect(used.has(next)).toBe(false);
  }
});

test('only blocks of which rows were seen are called complete', async () => {
  await simulate({ blocksPerDay: 24, transactionsPerDay: 1_300 });
  const last = Math.max(...(await truth('bitcoin')).keys());
  // behind a long block the next height is a guess: it may be a block of another day
  const behind = await run(transactions, bitcoin, `block=${last + 1}&seen=0&afterId=0&again=0`);
  expect(behind).toMatchObject([{ rows: [], complete: [], next: null, resume: null }]);
});

test('blocks of a day: every one once, what is left said right', async () => {
  await simulate({ blocksPerDay: 250 });
  const pages = await run(blocks, bitcoin);
  expect(pages.map((page) => [page.rows.length, page.expected])).toEqual([
    [100, 250],
    [100, 150],
    [50, 50],
  ]);
  const heights = rowsOf(pages).map((row) => Number(row.block_id));
  expect(heights).toEqual(Array.from({ length: 250 }, (_, index) => heights[0]! + index));
  expectCursors(pages);
  expectNoOffsetCap();
  const rest = await run(blocks, bitcoin, pages[0]!.resume!);
  expect(rowsOf(rest)).toEqual(rowsOf(pages.slice(1)));
});

test('a row that is rejected does not stop the paging', async () => {
  await simulate({ blocksPerDay: 150 });
  const [first] = await run(blocks, bitcoin, null, 1);
  const spoilt = [99, 42].map((index) => first!.rows[index]!);
  for (const row of spoilt) simulator.changeRow('bitcoin/blocks', String(row.block_id), { size: 'big' });
  const pages = await run(blocks, bitcoin);
  expect(pages.map((page) => [page.rows.length, page.rejects.length])).toEqual([
    [98, 2],
    [50, 0],
  ]);
  expect(pages[0]!.rejects.map((reject) => String(reject.key)).toSorted()).toEqual(
    spoilt.map((row) => String(row.block_id)).toSorted(),
  );
});

test.each(['https://api.blockchair.com/bitcoin?key=1', 'block=1', 'block=x&seen=0&afterId=0&again=0', ''])(
  'a cursor that is none of ours is refused: "%s"',
  async (cursor) => {
    await simulate({});
    const context = pageOf(source, { coin: bitcoin, date, cursor });
    const failure = await failureOf(transactions.fetchPage(overHttp(source, simulator.baseUrls.blockchair), context));
    expect(failure).toMatchObject({ type: 'BadInput' });
    expect(simulator.requests).toHaveLength(0);
  },
);

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { datasetsOf, queueOf, workflowTypeOf, type NamedDataset } from '../../activities/registry';
import { sourceAssets } from '../../activities/assets';
import type { Page, PageContext, Row, Source, SourceCoin, SourceHttp } from '../../activities/source';
import type { Asset } from '../../db/queries/assets';
import { expectHistory, expectHistoryRange, expectObserving } from './conformance-observing';

/** What a source is tried with. */
export interface Sample {
  /** a way to the source for one attempt */
  connect: () => SourceHttp;
  coins: readonly SourceCoin[];
  /** for sources that observe assets, and their history */
  assets?: readonly Asset[];
  /** a quarter-hour of which the source has data, ISO; default: noon of the date */
  slot?: string;
  /** a date of which the source has data */
  date: string;
  addresses?: readonly string[];
}

const mostPages = 60;
const schemaText = readFileSync(path.join(__dirname, '..', '..', 'db', 'schema.ts'), 'utf8');

/** What every source has to keep to, whatever it offers: the test of a new one calls this first. */
export async function expectConformance(source: Source, sample: Sample): Promise<void> {
  expectNames(source);
  expectPlans(source);
  const { connect, assets = [], slot = `${sample.date}T12:00:00.000Z` } = sample;
  await expectObserving(source, { connect, assets, slot }, once);
  for (const named of datasetsOf([source])) {
    // what is about assets is tried where there are some that the source knows
    if (named.dataset.of === 'assets' && sourceAssets(source, assets).length === 0) continue;
    const pages = await pagesOf(named, sample);
    expectPages(named, pages);
    if (named.dataset.table === 'source_observations')
      expectHistory(named, pages, sourceAssets(source, assets), sample.date);
    else
      expectRows(
        named,
        pages.flatMap((page) => page.rows),
      );
    // the same question has the same answer: nothing but the input decides what is fetched
    expect(await pagesOf(named, sample)).toEqual(pages);
    if (named.dataset.range) await expectRange(named, sample);
  }
}

function expectNames(source: Source): void {
  // names of queues, environment variables, log rows and workflow types are made of it
  expect(source.name).toMatch(/^[a-z][a-z0-9]{0,31}$/);
  expect(source.label.toLowerCase()).toBe(source.name);
  expect(queueOf(source)).toBe(`cryptoflow-${source.name}`);
  expect(workflowTypeOf(source)).toBe(`ingest${source.label}`);
  expect(source.docs).toMatch(/^https:\/\//);
  expect(source.licence).not.toBe('');
  for (const name of Object.keys(source.datasets)) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
}

function expectPlans(source: Source): void {
  const { withoutKey, withKey } = source.defaultPlan;
  expect(source.plans[withoutKey]?.key).toBeUndefined();
  expect(Object.keys(source.plans)).toContain(withKey);
  for (const plan of Object.values(source.plans)) {
    expect(plan.baseUrl).toMatch(/^https:\/\/[^?#]+[^/?#]$/);
    expect(plan.pagesPerRun).toBeGreaterThan(0);
    expect(plan.says).not.toBe('');
    for (const limit of Object.values(plan.limits)) expect(limit ?? 1).toBeGreaterThan(0);
    if (plan.key) expect(source.keyUrl).toMatch(/^https:\/\//);
  }
}

async function pagesOf({ source, dataset }: NamedDataset, sample: Sample): Promise<Page[]> {
  const plan = Object.values(source.plans)[0]!;
  const { date, addresses = [] } = sample;
  const assets = dataset.of === 'assets' ? sourceAssets(source, sample.assets ?? []) : [];
  const coins = dataset.of === 'assets' ? assets : sample.coins;
  const context: PageContext = {
    ...{ coin: coins[0]!, coins, assets, date, cursor: null },
    ...{ addresses: addresses.toSorted(), plan },
  };
  const pages: Page[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await dataset.fetchPage(once(sample.connect()), { ...context, cursor });
    pages.push(page);
    cursor = page.next;
  } while (cursor !== null && pages.length < mostPages);
  return pages;
}

/** One page is one request, and what it costs is known before. */
function once(http: SourceHttp): SourceHttp {
  let asked = 0;
  return {
    async getJson(request) {
      asked += 1;
      expect(asked).toBe(1);
      expect(request.path).toMatch(/^(\/[^?#\s]*)?$/);
      expect(request.cost ?? 1).toBeGreaterThan(0);
      return http.getJson(request);
    },
  };
}

function expectPages({ dataset }: NamedDataset, pages: readonly Page[]): void {
  expect(pages.at(-1)!.next).toBeNull();
  const next = pages.flatMap((page) => page.next ?? []);
  expect(new Set(next).size).toBe(next.length);
  const groups = pages.flatMap((page) => page.complete ?? []);
  for (const cursor of [
    ...next,
    ...pages.flatMap((page) => page.resume ?? []),
    ...groups.map((each) => each.restart),
  ]) {
    // the column that keeps them, and what must not be in it
    expect(cursor).toMatch(/^[\x20-\x7e]{1,255}$/);
    expect(cursor).not.toMatch(/:\/\/|key=/i);
  }
  if (groups.length > 0) {
    expect(dataset.groupColumn).toBeDefined();
    const rows = pages.flatMap((page) => page.rows);
    for (const group of groups)
      expect(rows.filter((row) => row[dataset.groupColumn!] === group.value)).toHaveLength(group.rows);
  }
  for (const page of pages) expect(page.expected ?? page.rows.length).toBeGreaterThanOrEqual(page.rows.length);
}

function expectRows({ dataset }: NamedDataset, rows: readonly Row[]): void {
  expect(rows.length).toBeGreaterThan(0);
  const columns = Object.keys(rows[0]!);
  const known = columnsOf(dataset.table);
  for (const column of columns) expect(known).toContain(column);
  for (const row of rows) {
    expect(Object.keys(row)).toEqual(columns);
    for (const column of dataset.key) expect(row[column] ?? null).not.toBeNull();
    for (const [column, value] of Object.entries(row)) {
      // amounts are decimal text, never floats; times are UTC without a zone
      if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
      if (typeof value === 'string' && column.endsWith('_usd')) expect(value).toMatch(/^-?\d+(\.\d+)?$/);
      if (typeof value === 'string' && column.endsWith('_time'))
        expect(value).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    }
  }
  const keys = rows.map((row) => JSON.stringify(dataset.key.map((column) => row[column])));
  expect(new Set(keys).size).toBe(keys.length);
}

/** From the one line that each table has in db/schema.ts: types are gone when tests run. */
function columnsOf(table: string): string[] {
  const line = schemaText.split('\n').find((each) => each.startsWith(`  ${table}: `)) ?? '';
  return [...line.slice(table.length + 4).matchAll(/(\w+): /g)].map((match) => match[1]!);
}

/** Many dates with one request are the same rows as each of them with its own. */
async function expectRange(named: NamedDataset, sample: Sample): Promise<void> {
  const { source, dataset } = named;
  if (dataset.table === 'source_observations') {
    const asset = sourceAssets(source, sample.assets ?? [])[0]!;
    const single = (date: string): Promise<Page[]> => pagesOf(named, { ...sample, date });
    return expectHistoryRange(named, { connect: () => once(sample.connect()), date: sample.date }, asset, single);
  }
  const plan = Object.values(source.plans)[0]!;
  const coin = sample.coins[0]!;
  const range = dataset.range!;
  const last = Date.parse(sample.date);
  const dates = [2, 1, 0].map((days) => new Date(last - days * 86_400_000).toISOString().slice(0, 10));
  const [from, , to] = dates as [string, string, string];
  const page = await range.fetch(once(sample.connect()), { coin, from, to, today: to, plan });
  expect(page.rows.map((row) => row[range.dateColumn])).toEqual(dates);
  for (const [index, date] of dates.entries()) {
    const [single] = await pagesOf({ source, dataset } as NamedDataset, { ...sample, date });
    expect(single!.rows).toEqual([page.rows[index]]);
  }
}

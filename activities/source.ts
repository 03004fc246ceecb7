import type { Schema } from '../db/schema';
import type { FailureVerdict } from './failures';
import type { Observation, Observing, SourceAsset } from './observation';

/**
 * The contract of a source: what an upstream service offers, what it allows, and how one request becomes rows.
 * A source knows no database, log, Temporal, budget or clock; whatever it needs is handed in.
 */

/** A value of a column: amounts and big numbers are decimal strings, times 'YYYY-MM-DD hh:mm:ss' in UTC. */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

/** A row (or field) that cannot be stored, with its raw text and the reason. */
export interface Reject {
  key: string | null;
  field: string | null;
  reason: string;
  raw: string;
  /** of a file, from 1 */
  line?: number;
  /** something the source merely does not have: recorded, but no sign that its answers have changed */
  absent?: boolean;
}

/** One request to a source. `cost` is in the source's own units (points, calls). */
export interface SourceRequest {
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  /** sent with POST as JSON; without it the request is a GET */
  json?: unknown;
  cost?: number;
}

/** The way to the source: one call per attempt, permit and key included. Bodies are parsed without losing digits. */
export interface SourceHttp {
  getJson(request: SourceRequest): Promise<unknown>;
}

/** A coin as sources need it: its one name (`coinId`, the CoinGecko id), ticker, and the name this source uses. */
export interface SourceCoin {
  coinId: string;
  symbol: string;
  sourceId: string;
}

export interface PageContext {
  /** the coin of a dataset with scope `coin`; the first of `coins` otherwise */
  coin: SourceCoin;
  /** every coin of a dataset with scope `all` */
  coins: readonly SourceCoin[];
  /** logical date, YYYY-MM-DD */
  date: string;
  /** where the page before said to go on; null = the first page. Never a URL. */
  cursor: string | null;
  /** every active asset that the source names, for datasets `of` assets with scope `all`; else empty */
  assets: readonly SourceAsset[];
  /** addresses to look up, sorted, for datasets that need them */
  addresses: readonly string[];
  plan: Plan;
}

export interface Page {
  rows: Row[];
  rejects: Reject[];
  /** cursor of the next page, null = the end */
  next: string | null;
  /** where a later run of the same date goes on if this one has to stop after this page */
  resume?: string | null;
  /** rows that the source says are left from this page's start, this page included */
  expected?: number;
  /** groups of rows that are now complete: rows of the group that the table has beyond `rows` are stale */
  complete?: readonly { value: number; rows: number; restart: string }[];
  /** instead of rows, for datasets of the table source_observations */
  observations?: readonly Observation[];
}

export interface RangeContext {
  coin: SourceCoin;
  /** first and last logical date, YYYY-MM-DD, both included */
  from: string;
  to: string;
  /** the day on which the backfill runs, for plans that only reach back so far */
  today: string;
  plan: Plan;
}

export interface Dataset {
  table: keyof Schema;
  /** natural key of the table; the window is part of it */
  key: readonly string[];
  /** `coin`: a run per coin and date; `all`: one run for all coins */
  scope: 'coin' | 'all';
  /** whose runs they are: the coins that are ingested (default), the assets that are collected, or both as coins */
  of?: 'assets' | 'both';
  /** `any`: every past date can be asked for; `latest`: the source only knows the present */
  history: 'any' | 'latest';
  /** part of the daily DAG */
  daily: boolean;
  /** what one row is, for people */
  rowName: string;
  needs?: 'addresses';
  /** the column of `Page.complete` */
  groupColumn?: string;
  fetchPage(http: SourceHttp, context: PageContext): Promise<Page>;
  /** many dates of one coin with one request; each row carries its date in `dateColumn` */
  /** `maxDays`: beyond so many dates its answers are coarser, and it is asked again */
  range?: { dateColumn: string; maxDays?: number; fetch(http: SourceHttp, context: RangeContext): Promise<Page> };
  /** a whole day of one coin as one file */
  bulk?: Bulk;
}

/**
 * A day's file: gzip, one line per row, cells separated by tabs, without any quoting; the first line names the columns.
 * Lines stand in the order of the table's key, but for the order within one value of its first column.
 */
export interface Bulk {
  /** below the address of the files */
  path(coin: SourceCoin, date: string): string;
  /** the table's columns behind coin_symbol, those of the key first, and how their cells look in all usual lines */
  columns(coin: SourceCoin): readonly BulkColumn[];
  /** one line by the rules of the API, for those with a cell that does not look so; cells by name, NULL is null */
  judge(coin: SourceCoin, date: string, cells: Readonly<Record<string, string | null>>): { row: Row } | Reject;
  /** whole numbers, summed in the file and in the table to see that both are the same */
  sumColumn: string;
}

/** A column of the table and the cell of the file that it is written from. */
export interface BulkColumn {
  column: string;
  cell: string;
  looks: CellForm;
  nullable?: boolean;
}

/** `text` does not begin with `not`; `time` is one of the file's day; `equals` is 1 where the cell is this text, else 0; `none`: the source has no such thing, NULL. */
export type CellForm =
  | { form: 'whole'; most: number }
  | { form: 'decimal'; digits: number; scale: number }
  | { form: 'text'; longest: number; not?: '0x' }
  | { form: 'time' }
  | { form: 'flag' }
  | { form: 'equals'; text: string }
  | { form: 'none' };

/** Where the files of a plan are, and what their host allows; its limits are not those of the API. */
export interface BulkHost {
  baseUrl: string;
  limits: Limits;
  /** the provider's own brake; absent = none is known */
  bytesPerSecond?: number;
}

export interface Limits {
  /** documented limit, whichever the source states */
  perSecond?: number;
  perMinute?: number;
  /** quotas in the source's own units */
  perDay?: number;
  perMonth?: number;
  /** connections at once */
  connections?: number;
}

/** One way to use a source: without a key, or with a key of some plan. */
export interface Plan {
  /** several, separated by commas: each attempt asks the next of them */
  baseUrl: string;
  limits: Limits;
  /** how the key travels; absent = no key is sent */
  key?: { in: 'query' | 'header'; name: string; prefix?: string };
  /** requests after which a run stops as `partial`; the next run for its date goes on there */
  pagesPerRun: number;
  /** how many days back the plan can see; absent = all */
  historyDays?: number;
  /** one line for `npm start`: what works with it */
  says: string;
  /** for datasets with `bulk` */
  bulk?: BulkHost;
}

export interface Source {
  /** lower case, names queue, environment and log rows */
  name: string;
  /** as its owners write it; `ingest<label>` is the workflow type */
  label: string;
  docs: string;
  licence: string;
  /** where to get a key */
  keyUrl?: string;
  /** column of coin_metadata that holds the source's own name of a coin; left out where no dataset is about coins */
  coinColumn?: 'coingecko_id' | 'blockchair_id';
  plans: Readonly<Record<string, Plan>>;
  /** the plan used when none is named, without and with a key */
  defaultPlan: { withoutKey: string; withKey: string };
  /** the source's own words for refusals; undefined = the common table decides */
  judge?(status: number, body: unknown): FailureVerdict | undefined;
  datasets: Readonly<Record<string, Dataset>>;
  /** by slot: what it says about assets */
  observe?: Observing;
}

export function defineSource<const S extends Source>(source: S): S {
  return source;
}

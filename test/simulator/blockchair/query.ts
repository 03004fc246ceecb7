import { jsonText } from '../json';
import type { Row } from '../world/bitcoin-like';
import { DAY_MS } from '../world/time';

/** A request that Blockchair would answer with 400. */
export class QueryError extends Error {
  override name = 'QueryError';
}

/** One filter of `q=`: which rows it lets through. */
export interface Filter {
  field: string;
  matches(row: Row): boolean;
  /** Inclusive ends, where the filter has them: numbers, or milliseconds for times. */
  least?: number;
  most?: number;
}

export interface Sort {
  field: string;
  descending: boolean;
}

export interface TableQuery {
  filters: Filter[];
  sorts: Sort[];
  limit: number;
  offset: number;
  /** `sum(generation)`, `count()`, …; empty for rows. */
  aggregates: { text: string; name: string; field: string }[];
}

const PARAMETERS = new Set(['q', 's', 'limit', 'offset', 'a', 'key']);
const TIME_FIELDS = new Set(['time', 'date', 'median_time']);

/** Reads the query of a table request; throws QueryError for what the documentation does not allow. */
export function parseTableQuery(parameters: URLSearchParams, columns: readonly string[]): TableQuery {
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) throw new QueryError(`Unknown parameter '${name}'`);
  }
  const limit = wholeNumber(parameters.get('limit') ?? '10', 'limit');
  const offset = wholeNumber(parameters.get('offset') ?? '0', 'offset');
  if (limit < 1 || limit > 100) throw new QueryError(`limit must be between 1 and 100, ${limit} given`);
  if (offset > 10_000) throw new QueryError(`offset must not exceed 10000, ${offset} given`);
  const known = new Set(columns);
  const sorts = split(parameters.get('s') ?? '').map((text) => parseSort(text, known));
  if (sorts.length > 2) throw new QueryError('at most 2 sortings are allowed');
  return {
    filters: parseFilters(parameters.get('q') ?? '', known),
    sorts,
    limit,
    offset,
    aggregates: split(parameters.get('a') ?? '').map((text) => parseAggregate(text, known)),
  };
}

function parseFilters(text: string, known: ReadonlySet<string>): Filter[] {
  const filters: Filter[] = [];
  let negated = false;
  for (const part of split(text)) {
    if (part === 'not') {
      negated = true;
      continue;
    }
    const filter = parseFilter(part, known);
    filters.push(negated ? { field: filter.field, matches: (row) => !filter.matches(row) } : filter);
    negated = false;
  }
  return filters;
}

function parseFilter(text: string, known: ReadonlySet<string>): Filter {
  const [, field = '', expression = ''] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  if (!known.has(field)) throw new QueryError(`Unknown filter '${text}'`);
  if (TIME_FIELDS.has(field)) return timeFilter(field, expression);
  const range = /^(-?[\d.]*?)(\.{2,3})(-?[\d.]*)$/.exec(expression);
  if (!range) return equalsFilter(field, expression);
  const [, left = '', dots, right = ''] = range;
  if ((left !== '' && Number.isNaN(Number(left))) || (right !== '' && Number.isNaN(Number(right)))) {
    throw new QueryError(`Bad range '${text}'`);
  }
  // Strict ends leave the ends themselves out.
  const step = dots === '...' ? 1 : 0;
  let least = left === '' ? -Infinity : Number(left) + step;
  let most = right === '' ? Infinity : Number(right) - step;
  if (left !== '' && right !== '' && Number(left) > Number(right)) {
    [least, most] = [Number(right) + step, Number(left) - step];
  }
  return between(field, least, most, (value) => Number(value));
}

function equalsFilter(field: string, expression: string): Filter {
  const wanted = expression === 'true' ? '1' : expression === 'false' ? '0' : expression;
  const matches = (row: Row): boolean => {
    const value = row[field];
    if (value === null) return wanted === 'null';
    const text = typeof value === 'string' ? value : jsonText(typeof value === 'boolean' ? Number(value) : value);
    if (wanted.startsWith('~')) return text.includes(wanted.slice(1));
    if (wanted.startsWith('^')) return text.startsWith(wanted.slice(1));
    return text === wanted;
  };
  return /^\d+$/.test(wanted) ? { field, matches, least: Number(wanted), most: Number(wanted) } : { field, matches };
}

function timeFilter(field: string, expression: string): Filter {
  const [, left = '', dots, right = ''] = /^(.*?)(\.{2,3})(.*)$/.exec(expression) ?? [];
  const milliseconds = (value: unknown): number =>
    Date.parse(`${String(value).replace(' ', 'T')}Z`.replace(/^(.{10})Z$/, '$1'));
  if (!dots) {
    const span = spanOf(expression);
    return between(field, span.first, span.last, milliseconds);
  }
  if (left !== '' && right !== '' && left.length !== right.length) {
    throw new QueryError(`Both ends of '${expression}' must have the same format`);
  }
  const ends = left !== '' && right !== '' && left > right ? [right, left] : [left, right];
  const from = ends[0] ? spanOf(ends[0]) : undefined;
  const to = ends[1] ? spanOf(ends[1]) : undefined;
  const strict = dots === '...';
  return between(
    field,
    from ? (strict ? from.last + 1 : from.first) : -Infinity,
    to ? (strict ? to.first - 1 : to.last) : Infinity,
    milliseconds,
  );
}

/** The first and last millisecond of `2026-11`, `2026-11-21` or `2026-11-21 05:00:00`. */
function spanOf(text: string): { first: number; last: number } {
  const month = /^(\d{4})-(\d{2})$/.exec(text);
  if (month) {
    const [year, number] = [Number(month[1]), Number(month[2])];
    return { first: Date.UTC(year, number - 1), last: Date.UTC(year, number) - 1 };
  }
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const first = Date.parse(day ? text : `${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(first) || (!day && !/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text))) {
    throw new QueryError(`Bad time '${text}'`);
  }
  return { first, last: day ? first + DAY_MS - 1 : first + 999 };
}

function between(field: string, least: number, most: number, numberOf: (value: unknown) => number): Filter {
  const matches = (row: Row): boolean => {
    const value = numberOf(row[field]);
    return value >= least && value <= most;
  };
  return { field, matches, least, most };
}

function parseSort(text: string, known: ReadonlySet<string>): Sort {
  const [, field = '', direction = ''] = /^(\w+)\((asc|desc)\)$/.exec(text) ?? [];
  if (!known.has(field)) throw new QueryError(`Unknown sorting '${text}'`);
  return { field, descending: direction === 'desc' };
}

function parseAggregate(text: string, known: ReadonlySet<string>): TableQuery['aggregates'][number] {
  const [, name = '', field = ''] = /^(sum|min|max|count|avg)\((\w*)\)$/.exec(text) ?? [];
  if (!name || (name === 'count') !== (field === '') || (field !== '' && !known.has(field))) {
    throw new QueryError(`Unknown aggregation '${text}'`);
  }
  return { text, name, field };
}

/** The commas between expressions, not those inside their parentheses. */
function split(text: string): string[] {
  return text === '' ? [] : text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function wholeNumber(text: string, name: string): number {
  if (!/^\d+$/.test(text)) throw new QueryError(`${name} must be a whole number, '${text}' given`);
  return Number(text);
}

/** Rows in the order of the sortings; ties, and no sorting, by id descending. */
export function sorted(rows: Row[], sorts: readonly Sort[]): Row[] {
  const keys = [...sorts, { field: 'id', descending: true }];
  return rows.toSorted((one, other) => {
    for (const { field, descending } of keys) {
      const difference = compare(one[field], other[field]);
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  });
}

function compare(one: unknown, other: unknown): number {
  if (one === other) return 0;
  if (one === null || one === undefined) return -1;
  if (other === null || other === undefined) return 1;
  const [left, right] = [comparable(one), comparable(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function comparable(value: unknown): number | bigint | string {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'string') return /^\d+$/.test(value) ? BigInt(value) : value;
  return Number(value);
}

/** The single row of an aggregation: `{"sum(generation)": 45000000000, "count()": 144}`. */
export function aggregate(rows: readonly Row[], aggregates: TableQuery['aggregates']): Row {
  return Object.fromEntries(aggregates.map(({ text, name, field }) => [text, aggregateOf(rows, name, field)]));
}

function aggregateOf(rows: readonly Row[], name: string, field: string): unknown {
  if (name === 'count') return rows.length;
  const values = rows.map((row) => row[field]).filter((value) => value !== null && value !== undefined);
  if (values.length === 0) return null;
  if (name === 'min' || name === 'max') {
    return values.reduce((best, value) => (compare(value, best) < 0 === (name === 'min') ? value : best));
  }
  const exact = values.every(
    (value) => typeof value === 'bigint' || (typeof value === 'string' && /^\d+$/.test(value)),
  );
  if (exact && name === 'sum') {
    const total = values.reduce((sum: bigint, value) => sum + BigInt(value as bigint | string), 0n);
    return typeof values[0] === 'string' ? String(total) : total;
  }
  const total = values.reduce((sum: number, value) => sum + Number(value), 0);
  return name === 'avg' ? total / values.length : total;
}

import type { Row } from '../world/bitcoin-like';
import type { BlockSlot } from '../world/chain';
import type { ChainTables, TableName } from '../world/tables';
import { type Filter, QueryError, type TableQuery, aggregate, sorted } from './query';

/** What a table request found. */
export interface TableAnswer {
  rows: Row[];
  totalRows: number;
}

/** Fields that rise with the block: filters on them choose blocks, sorting by them needs no rows. */
const BLOCK_FIELDS: Record<TableName, ReadonlySet<string>> = {
  blocks: new Set(['id', 'time', 'date']),
  transactions: new Set(['block_id', 'time', 'date']),
};
const BLOCK_ID: Record<TableName, string> = { blocks: 'id', transactions: 'block_id' };

/** Requests that have to read every row do so over this many blocks at most: about a year of the default size. */
const MOST_BLOCKS_READ = 60_000;

/** Answers a table request from the chain's rows up to `now`. */
export function queryTable(chain: ChainTables, table: TableName, query: TableQuery, nowMs: number): TableAnswer {
  const { first, last } = blockRange(chain, table, query.filters, nowMs);
  if (last < first) return query.aggregates.length > 0 ? aggregated([], query) : { rows: [], totalRows: 0 };

  const byBlock = query.filters.every((filter) => isBlockFilter(table, filter));
  const order = blockOrder(table, query);
  if (query.aggregates.length > 0) return aggregated(readAll(chain, table, query, first, last), query);
  if (!byBlock || !order) {
    const rows = sorted(readAll(chain, table, query, first, last), query.sorts);
    return { rows: rows.slice(query.offset, query.offset + query.limit), totalRows: rows.length };
  }
  const [low, high] = [slotOf(chain, first), slotOf(chain, last)];
  const totalRows = chain.rowsBefore(table, high) + chain.rowCount(table, high) - chain.rowsBefore(table, low);
  return { rows: page(chain, table, query, first, last, order), totalRows };
}

function isBlockFilter(table: TableName, filter: Filter): boolean {
  return BLOCK_FIELDS[table].has(filter.field) && filter.least !== undefined;
}

/** The blocks between which all matching rows are. */
function blockRange(
  chain: ChainTables,
  table: TableName,
  filters: readonly Filter[],
  nowMs: number,
): { first: number; last: number } {
  let first = 0;
  let last = chain.timeline.lastAt(nowMs);
  for (const { field, least = -Infinity, most = Infinity } of filters) {
    if (field === BLOCK_ID[table]) {
      first = Math.max(first, Math.ceil(least));
      last = Math.min(last, Math.floor(most));
    } else if (field === 'time' || field === 'date') {
      if (least !== -Infinity) first = Math.max(first, chain.timeline.lastAt(least - 1) + 1);
      if (most !== Infinity) last = Math.min(last, chain.timeline.lastAt(most));
    }
  }
  return { first, last };
}

/** How blocks and the rows in them run for the sortings; undefined when rows have to be compared. */
function blockOrder(table: TableName, query: TableQuery): { blocks: 1 | -1; within: 1 | -1 } | undefined {
  const direction = (descending: boolean): 1 | -1 => (descending ? -1 : 1);
  const [first, second, ...more] = query.sorts;
  if (!first) return { blocks: -1, within: -1 };
  if (more.length > 0) return undefined;
  const blocks = direction(first.descending);
  if (first.field === 'id') return { blocks, within: blocks };
  if (!BLOCK_FIELDS[table].has(first.field) || first.field === 'date') return undefined;
  if (!second) return { blocks, within: -1 };
  return second.field === 'id' ? { blocks, within: direction(second.descending) } : undefined;
}

function page(
  chain: ChainTables,
  table: TableName,
  query: TableQuery,
  first: number,
  last: number,
  order: { blocks: 1 | -1; within: 1 | -1 },
): Row[] {
  const rows: Row[] = [];
  let toSkip = query.offset;
  for (let id = order.blocks === 1 ? first : last; id >= first && id <= last; id += order.blocks) {
    const slot = slotOf(chain, id);
    const count = chain.rowCount(table, slot);
    if (toSkip >= count) {
      toSkip -= count;
      continue;
    }
    const own = chain.rows(table, slot);
    rows.push(...(order.within === 1 ? own : own.toReversed()).slice(toSkip));
    toSkip = 0;
    if (rows.length >= query.limit) break;
  }
  return rows.slice(0, query.limit);
}

function readAll(chain: ChainTables, table: TableName, query: TableQuery, first: number, last: number): Row[] {
  if (last - first > MOST_BLOCKS_READ) {
    throw new QueryError('The request is too complex for the simulator: narrow it down by time or block');
  }
  const rows: Row[] = [];
  for (let id = first; id <= last; id++) {
    for (const row of chain.rows(table, slotOf(chain, id))) {
      if (query.filters.every((filter) => filter.matches(row))) rows.push(row);
    }
  }
  return rows;
}

function aggregated(rows: Row[], query: TableQuery): TableAnswer {
  return { rows: [aggregate(rows, query.aggregates)], totalRows: 1 };
}

function slotOf(chain: ChainTables, id: number): BlockSlot {
  const slot = chain.timeline.slot(id);
  if (!slot) throw new QueryError(`No block ${id}`);
  return slot;
}

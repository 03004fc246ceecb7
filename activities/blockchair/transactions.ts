import { z } from 'zod';
import { SourceFailure } from '../failures';
import { count } from '../numbers';
import type { Page, PageContext, SourceHttp } from '../source';
import { pageSize, queryTable } from './client';
import { bitcoinTransactionRow, ethereumTransactionRow, isEthereum, outsideDay, sort } from './rows';
import { bitcoinTransaction, ethereumTransaction } from './schema';

/** The API refuses offsets above 10,000; a block of more rows goes on by internal id. */
const largestOffset = 10_000;

/**
 * Where the next page begins: at row `seen` of block `block`. `afterId` is the internal id of the last row, for blocks
 * that are longer than the offset cap. `again` counts blocks that had to be fetched again, so that no cursor repeats.
 */
const position = z.object({
  block: z.coerce.number(),
  seen: z.coerce.number(),
  afterId: z.coerce.number(),
  again: z.coerce.number(),
});
type Position = z.output<typeof position>;

/**
 * The transactions of a day in the order of their blocks, 100 at a time. A page may end inside a block: the next one
 * goes on there by offset within the block, so the offset is at most a block's length. A run that stops goes on from
 * the beginning of the block it stopped in; inside a block that is longer than a page from where it stopped, or a run of
 * few pages would never get past it.
 */
export async function fetchTransactions(http: SourceHttp, { coin, date, cursor }: PageContext): Promise<Page> {
  const from = cursor === null ? undefined : readCursor(cursor);
  const beyondCap = from !== undefined && from.seen > largestOffset;
  const filters = [
    `time(${date})`,
    ...(from === undefined
      ? []
      : beyondCap
        ? [`block_id(${from.block})`, `id(${from.afterId + 1}..)`]
        : [`block_id(${from.block}..)`]),
  ];
  const ethereum = isEthereum(coin);
  const answer = await queryTable(http, {
    chain: coin.sourceId,
    table: 'transactions',
    filters,
    sort: 'block_id(asc),id(asc)',
    offset: from === undefined || beyondCap ? 0 : from.seen,
    row: z.union([ethereum ? ethereumTransaction : bitcoinTransaction]),
  });
  const split = sort(
    answer.rows,
    ['hash', 'id'],
    (item) => outsideDay(item.time, date),
    (item) => ('type' in item ? ethereumTransactionRow(coin, item) : bitcoinTransactionRow(coin, item)),
  );
  const places = answer.rows.map((each) => place(each.raw));
  const isEnd = places.length < pageSize && !beyondCap;
  // the answer counts from the beginning of the block, and beyond the cap only this block
  const expected = beyondCap || answer.totalRows === undefined ? undefined : answer.totalRows - (from?.seen ?? 0);
  return { ...split, expected, ...progress(places, from, isEnd, beyondCap && places.length < pageSize) };
}

interface Place {
  block_id: number;
  id: number;
}

const placeShape = z.object({ block_id: count, id: count });

/** Paging needs these two of every row, also of one that is rejected for something else. */
function place(raw: unknown): Place {
  const parsed = placeShape.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new SourceFailure('SchemaMismatch', 'blockchair transactions: a row without block_id and id cannot be paged');
}

function progress(
  places: readonly Place[],
  from: Position | undefined,
  isEnd: boolean,
  blockEnds: boolean,
): Pick<Page, 'next' | 'resume' | 'complete'> {
  const again = from?.again ?? 0;
  const beginningOf = (block: number, times = again): string =>
    writeCursor({ block, seen: 0, afterId: 0, again: times });
  const rowsOf = new Map<number, number>();
  // only a block of which rows were seen is known to be of this day
  if (from && from.seen > 0) rowsOf.set(from.block, from.seen);
  for (const { block_id } of places) rowsOf.set(block_id, (rowsOf.get(block_id) ?? 0) + 1);
  const blocks = [...rowsOf.keys()];
  const open = isEnd ? undefined : blocks.at(-1);
  const complete = blocks
    .filter((block) => block !== open || blockEnds)
    .map((block) => ({ value: block, rows: rowsOf.get(block)!, restart: beginningOf(block, again + 1) }));
  if (open === undefined) return { next: null, resume: null, complete };
  if (blockEnds) {
    const next = beginningOf(open + 1);
    return { next, resume: next, complete };
  }
  const afterId = places.at(-1)?.id ?? from?.afterId ?? 0;
  const next = writeCursor({ block: open, seen: rowsOf.get(open)!, afterId, again });
  return { next, resume: places[0]?.block_id === open ? next : beginningOf(open), complete };
}

function writeCursor({ block, seen, afterId, again }: Position): string {
  return `block=${block}&seen=${seen}&afterId=${afterId}&again=${again}`;
}

function readCursor(cursor: string): Position {
  const parsed = position.safeParse(Object.fromEntries(new URLSearchParams(cursor)));
  if (parsed.success) return parsed.data;
  throw new SourceFailure('BadInput', `blockchair.transactions cannot go on from "${cursor}": start the run again`);
}

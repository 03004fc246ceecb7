import { z } from 'zod';
import { count } from '../numbers';
import type { Page, PageContext, SourceHttp } from '../source';
import { pageSize, queryTable } from './client';
import { blockRow, outsideDay, sort } from './rows';
import { block } from './schema';

/**
 * The blocks of a day in ascending order, 100 at a time. Each page begins behind the last id of the one before, so the
 * offset cap of 10,000 never shows; the day filter stays, because block times are not quite in the order of heights.
 */
export async function fetchBlocks(http: SourceHttp, { coin, date, cursor }: PageContext): Promise<Page> {
  const filters = [`time(${date})`, ...(cursor === null ? [] : [`id(${cursor}..)`])];
  const answer = await queryTable(http, {
    chain: coin.sourceId,
    table: 'blocks',
    filters,
    sort: 'id(asc)',
    row: block,
  });
  const last = lastId(answer.rows.map((each) => each.raw));
  const next = answer.rows.length < pageSize || last === undefined ? null : String(last + 1);
  const split = sort(
    answer.rows,
    ['id'],
    (item) => outsideDay(item.time, date),
    (item) => blockRow(coin, item),
  );
  return { ...split, next, resume: next, expected: answer.totalRows };
}

const withId = z.object({ id: count });

/** From the raw rows: a rejected row must not stop the paging. */
function lastId(rows: readonly unknown[]): number | undefined {
  const ids = rows.map((row) => withId.safeParse(row)).flatMap((each) => (each.success ? [each.data.id] : []));
  return ids.length > 0 ? Math.max(...ids) : undefined;
}

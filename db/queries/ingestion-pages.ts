import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema';
import type { RunCounts } from './ingestion-logs';

/** The one page of a day's file: it stands beside the pages of the API, of which it continues none. */
export const dumpCursor = 'dump';

/** A finished page: what it wrote, and where the next one begins. */
export interface StoredPage {
  counts: RunCounts;
  next: string | null;
  resume: string | null;
  expected: number | null;
}

/** Cursor null is the first page, stored as ''. */
export async function findPage(
  db: Kysely<Schema>,
  logId: number,
  cursor: string | null,
): Promise<StoredPage | undefined> {
  const row = await db
    .selectFrom('ingestion_pages')
    .selectAll()
    .where('log_id', '=', logId)
    .where('cursor_key', '=', cursor ?? '')
    .executeTakeFirst();
  return row && toPage(row);
}

/** In the transaction that writes the page's rows. */
export async function insertPage(
  trx: Transaction<Schema>,
  logId: number,
  cursor: string | null,
  page: StoredPage,
): Promise<void> {
  await trx
    .insertInto('ingestion_pages')
    .values({
      log_id: logId,
      cursor_key: cursor ?? '',
      records_inserted: page.counts.inserted,
      records_updated: page.counts.updated,
      records_unchanged: page.counts.unchanged,
      records_rejected: page.counts.rejected,
      next_cursor: page.next,
      resume_cursor: page.resume,
      records_expected: page.expected,
    })
    .execute();
}

/** The page that a run stopped at, the one whose next page was not fetched, and the cursor that it was asked with. */
export async function lastPage(
  db: Kysely<Schema>,
  logId: number,
): Promise<(StoredPage & { cursor: string | null }) | undefined> {
  const row = await db
    .selectFrom('ingestion_pages as page')
    .leftJoin('ingestion_pages as following', (join) =>
      join.onRef('following.log_id', '=', 'page.log_id').onRef('following.cursor_key', '=', 'page.next_cursor'),
    )
    .selectAll('page')
    .where('page.log_id', '=', logId)
    .where('page.cursor_key', '<>', dumpCursor)
    .where('following.log_id', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row && { ...toPage(row), cursor: row.cursor_key || null };
}

interface PageColumns {
  records_inserted: number;
  records_updated: number;
  records_unchanged: number;
  records_rejected: number;
  next_cursor: string | null;
  resume_cursor: string | null;
  records_expected: number | null;
}

function toPage(row: PageColumns): StoredPage {
  const {
    records_inserted: inserted,
    records_updated: updated,
    records_unchanged: unchanged,
    records_rejected: rejected,
  } = row;
  return {
    counts: { processed: inserted + updated + unchanged + rejected, inserted, updated, unchanged, rejected },
    next: row.next_cursor,
    resume: row.resume_cursor,
    expected: row.records_expected,
  };
}

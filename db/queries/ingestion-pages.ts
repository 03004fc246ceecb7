import { sql, type Kysely, type Transaction } from 'kysely';
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

/** Adds to the counts of a page, which is made if it is not there: for work that is done in many small transactions. */
export async function addToPage(
  trx: Transaction<Schema>,
  logId: number,
  key: string,
  counts: Partial<Omit<RunCounts, 'processed'>>,
): Promise<void> {
  const { inserted = 0, updated = 0, unchanged = 0, rejected = 0 } = counts;
  if (inserted + updated + unchanged + rejected === 0) return;
  await trx
    .insertInto('ingestion_pages')
    .values({
      log_id: logId,
      cursor_key: key,
      records_inserted: inserted,
      records_updated: updated,
      records_unchanged: unchanged,
      records_rejected: rejected,
    })
    .onDuplicateKeyUpdate({
      records_inserted: sql`records_inserted + VALUES(records_inserted)`,
      records_updated: sql`records_updated + VALUES(records_updated)`,
      records_unchanged: sql`records_unchanged + VALUES(records_unchanged)`,
      records_rejected: sql`records_rejected + VALUES(records_rejected)`,
    })
    .execute();
}

/** What the pages of a run have counted, by the part of their key before the first slash. */
export async function sumPages(db: Kysely<Schema>, logId: number): Promise<Map<string, RunCounts>> {
  const sums = new Map<string, RunCounts>();
  const rows = await db.selectFrom('ingestion_pages').selectAll().where('log_id', '=', logId).execute();
  for (const row of rows) {
    const kind = row.cursor_key.split('/')[0]!;
    const { counts } = toPage(row);
    const sum = sums.get(kind);
    for (const name of Object.keys(counts) as (keyof RunCounts)[]) if (sum) counts[name] += sum[name];
    sums.set(kind, counts);
  }
  return sums;
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

import type { Kysely } from 'kysely';
import { coinsOfDay, deleteOlder, firstDay } from '../../db/queries/retention';
import { deleteOldRuns } from '../../db/queries/ingestion-logs';
import { addToPage } from '../../db/queries/ingestion-pages';
import { dayAfter } from '../../db/days';
import type { Schema } from '../../db/schema';
import { inChunk, sweepObservations } from './chunks';
import { inChunks } from './family';
import { firstKept, oldestDetail, oldRunsOf, type RetentionSettings } from './policies';
import type { RetainedTable } from './tables';

// Tables of which nothing is condensed: what has had its time is deleted, oldest first, in small transactions.

export interface DeletionWork {
  db: Kysely<Schema>;
  logId: number;
  /** logical date of the run */
  date: string;
  settings: { logRetentionDays: number; retention: RetentionSettings };
  isTimeUp: () => boolean;
}

/** @returns whether all is done */
export async function deleteOldRows(table: RetainedTable, work: DeletionWork): Promise<boolean> {
  switch (table) {
    case 'source_observations':
      return sweep(work);
    case 'data_ingestion_logs':
      return deleteLogs(work);
    case 'source_call_failures':
    case 'rejected_records':
      return deleteFailures(table, work);
    case 'onchain_data':
    case 'crypto_sentiment_data':
      throw new Error(`${table} is condensed, not just deleted`);
  }
}

const rowsAtOnce = 500;

/** Observations that never became a row: the others go with their rows. */
async function sweep(work: DeletionWork): Promise<boolean> {
  const { db, date, settings, isTimeUp } = work;
  const before = oldestDetail(settings.retention, date);
  const pace = { size: 4 };
  for (let from = '0001-01-01'; ;) {
    const day = await firstDay(db, 'source_observations', from, before);
    if (day === undefined) return true;
    const coins = await coinsOfDay(db, 'source_observations', day);
    if (!(await inChunks({ isTimeUp }, pace, coins, (some) => sweepObservations(work, day, some)))) return false;
    from = dayAfter(day);
  }
}

async function deleteLogs({ db, logId, date, settings, isTimeUp }: DeletionWork): Promise<boolean> {
  const which = oldRunsOf(settings, date);
  for (let after = 0; ;) {
    if (isTimeUp()) return false;
    const { deleted, last } = await inChunk(db, async (trx) => {
      const done = await deleteOldRuns(trx, { ...which, after }, rowsAtOnce);
      await addToPage(trx, logId, 'delete', { updated: done.deleted });
      return done;
    });
    if (deleted < rowsAtOnce) return true;
    after = last;
  }
}

async function deleteFailures(
  table: 'source_call_failures' | 'rejected_records',
  { db, logId, date, settings, isTimeUp }: DeletionWork,
): Promise<boolean> {
  const before = firstKept(date, settings.retention.failureDays);
  for (;;) {
    if (isTimeUp()) return false;
    const deleted = await inChunk(db, async (trx) => {
      const rows = await deleteOlder(trx, table, before, rowsAtOnce);
      await addToPage(trx, logId, 'delete', { updated: rows });
      return rows;
    });
    if (deleted < rowsAtOnce) return true;
  }
}

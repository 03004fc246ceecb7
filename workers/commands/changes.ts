import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { endRun, insertRun } from '../../db/queries/ingestion-logs';
import { insertPage } from '../../db/queries/ingestion-pages';
import type { Schema } from '../../db/schema';
import { operator } from './connections';

/** What a command changed, for its log row. */
export interface Change {
  /** what was done, for people */
  message: string;
  inserted?: number;
  updated?: number;
  unchanged?: number;
}

/**
 * A change by hand and its row in data_ingestion_logs, in one transaction: source `cryptoflow`, data_type `cli.<what>`,
 * workflow_id `cli/<uuid>`. Returns what was done and the row's id.
 */
export async function changeWithLog(
  db: Kysely<Schema>,
  about: { what: 'coins' | 'addresses'; coinId: string; coinSymbol: string },
  change: (trx: Transaction<Schema>) => Promise<Change>,
): Promise<Change & { logId: number }> {
  const runId = randomUUID();
  return db.transaction().execute(async (trx) => {
    const done = await change(trx);
    const logId = await insertRun(trx, {
      source: 'cryptoflow',
      dataType: `cli.${about.what}`,
      coinId: about.coinId,
      coinSymbol: about.coinSymbol,
      targetDate: null,
      runKey: `cryptoflow.cli.${about.what}/${about.coinId}`,
      workflowId: `cli/${runId}`,
      firstExecutionRunId: runId,
      runId,
      triggeredBy: `cli ${operator()}`,
      expected: null,
    });
    const { inserted = 0, updated = 0, unchanged = 0 } = done;
    // the log's counts are the sum over its pages (rule 6)
    const counts = { processed: inserted + updated + unchanged, inserted, updated, unchanged, rejected: 0 };
    await insertPage(trx, logId, null, { counts, next: null, resume: null, expected: null });
    await endRun(trx, logId, runId, { status: 'success', message: done.message });
    return { ...done, logId };
  });
}

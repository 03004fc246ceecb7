import type { Kysely } from 'kysely';
import type { Schema } from '../schema';

export interface RejectedRecord {
  key: string | null;
  field: string | null;
  reason: string;
  raw: string;
}

/** MEDIUMTEXT holds 16 MB; a raw record beyond 64 KB is cut, its reason says so. */
const longestRaw = 65_536;

export async function insertRejects(
  db: Kysely<Schema>,
  run: { logId: number; source: string; dataType: string; coinId: string | null; targetDate: string | null },
  rejects: readonly RejectedRecord[],
): Promise<void> {
  if (rejects.length === 0) return;
  await db
    .insertInto('rejected_records')
    .values(
      rejects.map((reject) => ({
        log_id: run.logId,
        source: run.source,
        data_type: run.dataType,
        coin_id: run.coinId,
        target_date: run.targetDate,
        record_key: reject.key?.slice(0, 255) ?? null,
        field: reject.field?.slice(0, 64) ?? null,
        reason: reject.raw.length > longestRaw ? `${reject.reason} (raw text cut at ${longestRaw})` : reject.reason,
        raw: reject.raw.slice(0, longestRaw),
      })),
    )
    .execute();
}

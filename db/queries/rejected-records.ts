import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema';

export interface RejectedRecord {
  key: string | null;
  field: string | null;
  reason: string;
  raw: string;
  line?: number;
}

/** MEDIUMTEXT holds 16 MB; a raw record beyond 64 KB is cut, its reason says so. */
const longestRaw = 65_536;

/** A page has a hundred; a whole day has as many as its share allows. */
const rowsAtOnce = 500;

/** The run that met them. */
export interface RejectedIn {
  logId: number;
  source: string;
  dataType: string;
  coinId: string | null;
  targetDate: string | null;
  slot?: string;
}

export async function insertRejects(
  db: Kysely<Schema>,
  run: RejectedIn,
  rejects: readonly RejectedRecord[],
): Promise<void> {
  for (let from = 0; from < rejects.length; from += rowsAtOnce) {
    const some = rejects.slice(from, from + rowsAtOnce);
    await db
      .insertInto('rejected_records')
      .values(some.map((reject) => toRow(run, reject)))
      .execute();
  }
}

/** Those that the run has not recorded yet. */
export async function insertNewRejects(
  trx: Transaction<Schema>,
  run: RejectedIn,
  rejects: readonly RejectedRecord[],
): Promise<void> {
  const recorded = await trx
    .selectFrom('rejected_records')
    .select(['record_key', 'field', 'reason'])
    .where('log_id', '=', run.logId)
    .execute();
  const known = new Set(recorded.map(nameOf));
  await insertRejects(
    trx,
    run,
    rejects.filter((reject) => !known.has(nameOf(toRow(run, reject)))),
  );
}

function toRow(run: RejectedIn, reject: RejectedRecord) {
  return {
    log_id: run.logId,
    source: run.source,
    data_type: run.dataType,
    coin_id: run.coinId,
    target_date: run.targetDate,
    slot: run.slot ?? null,
    record_key: reject.key?.slice(0, 255) ?? null,
    line_number: reject.line ?? null,
    field: reject.field?.slice(0, 64) ?? null,
    reason: reject.raw.length > longestRaw ? `${reject.reason} (raw text cut at ${longestRaw})` : reject.reason,
    raw: reject.raw.slice(0, longestRaw),
  };
}

function nameOf(row: { record_key: string | null; field: string | null; reason: string }): string {
  return JSON.stringify([row.record_key, row.field, row.reason]);
}

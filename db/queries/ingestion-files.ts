import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema';

/** A whole file that a run has loaded, and what was compared before it was visible. */
export interface LoadedFile {
  name: string;
  sizeBytes: number;
  etag: string | null;
  sha256: string;
  rows: number;
  sumColumn: string;
  sum: string;
  removed: number;
}

/** In the transaction that loads it. */
export async function insertFile(trx: Transaction<Schema>, logId: number, file: LoadedFile): Promise<void> {
  await trx
    .insertInto('ingestion_files')
    .values({
      log_id: logId,
      file_name: file.name,
      size_bytes: file.sizeBytes,
      etag: file.etag,
      sha256: file.sha256,
      records_read: file.rows,
      sum_column: file.sumColumn,
      sum_value: file.sum,
      records_removed: file.removed,
    })
    .execute();
}

export async function findFile(db: Kysely<Schema>, logId: number): Promise<LoadedFile | undefined> {
  const row = await db.selectFrom('ingestion_files').selectAll().where('log_id', '=', logId).executeTakeFirst();
  return (
    row && {
      name: row.file_name,
      sizeBytes: row.size_bytes,
      etag: row.etag,
      sha256: row.sha256,
      rows: row.records_read,
      sumColumn: row.sum_column,
      sum: row.sum_value,
      removed: row.records_removed,
    }
  );
}

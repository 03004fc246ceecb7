import { sql, type Kysely, type Transaction } from 'kysely';
import type { Schema } from '../schema';

export type BackupKind = 'full' | 'incremental';

export interface BackupRow {
  id: string;
  kind: BackupKind;
  /** the full one that it continues; null: it is a full one */
  baseId: string | null;
  status: 'running' | 'success' | 'failed' | 'deleted';
  /** run that made it */
  logId: number;
  schemaVersion: string;
  snapshotAt: string | null;
  location: string | null;
  sizeBytes: number | null;
  sha256: string | null;
  verifiedAt: string | null;
  verifyResult: string | null;
  startedAt: string;
  completedAt: string | null;
  message: string | null;
}

export async function insertBackup(
  db: Kysely<Schema>,
  backup: Pick<BackupRow, 'id' | 'kind' | 'baseId' | 'schemaVersion' | 'location' | 'logId'>,
): Promise<void> {
  await db
    .insertInto('backup_manifest')
    .values({
      backup_id: backup.id,
      kind: backup.kind,
      base_id: backup.baseId,
      status: 'running',
      log_id: backup.logId,
      schema_version: backup.schemaVersion,
      location: backup.location,
      started_at: sql`UTC_TIMESTAMP(6)`,
    })
    .execute();
}

/** Ends a backup that still runs. False: somebody else has ended it, and what was written is no backup. */
export async function endBackup(
  trx: Transaction<Schema>,
  id: string,
  end: { snapshotAt: string; sizeBytes: number; sha256: string; contents: string },
): Promise<boolean> {
  const result = await trx
    .updateTable('backup_manifest')
    .set({
      status: 'success',
      snapshot_at: end.snapshotAt,
      size_bytes: end.sizeBytes,
      sha256: end.sha256,
      contents: end.contents,
      completed_at: sql`UTC_TIMESTAMP(6)`,
    })
    .where('backup_id', '=', id)
    .where('status', '=', 'running')
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

export async function failBackup(db: Kysely<Schema>, id: string, message: string): Promise<void> {
  await db
    .updateTable('backup_manifest')
    .set({ status: 'failed', completed_at: sql`UTC_TIMESTAMP(6)`, error_message: message })
    .where('backup_id', '=', id)
    .where('status', '=', 'running')
    .execute();
}

export async function setDeleted(db: Kysely<Schema>, id: string): Promise<void> {
  await db.updateTable('backup_manifest').set({ status: 'deleted' }).where('backup_id', '=', id).execute();
}

/** What a check of the files, or a drill, has found; `failed: …` where it was not well. */
export async function noteVerified(db: Kysely<Schema>, id: string, result: string): Promise<void> {
  await db
    .updateTable('backup_manifest')
    .set({ verified_at: sql`UTC_TIMESTAMP(6)`, verify_result: result })
    .where('backup_id', '=', id)
    .execute();
}

/** Oldest first; the ids sort by time. */
export async function listBackups(db: Kysely<Schema>): Promise<BackupRow[]> {
  const rows = await db.selectFrom('backup_manifest').selectAll().orderBy('backup_id').execute();
  return rows.map((row) => ({
    id: row.backup_id,
    kind: row.kind,
    baseId: row.base_id,
    status: row.status,
    logId: row.log_id,
    schemaVersion: row.schema_version,
    snapshotAt: row.snapshot_at,
    location: row.location,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    verifiedAt: row.verified_at,
    verifyResult: row.verify_result,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    message: row.error_message,
  }));
}

/** The database's clock, which all workers share. */
export async function databaseTime(db: Kysely<Schema>): Promise<Date> {
  const { rows } = await sql<{ now: string }>`SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS now`.execute(db);
  return new Date(`${rows[0]!.now.replace(' ', 'T')}Z`);
}

import { createFolderStore } from './folder-store';
import { createS3Store } from './s3-store';
import type { BackupSettings, BackupStore } from './store';

/** Throws where backups have no place, naming the variable. */
export async function openStore({ to, s3Endpoint }: BackupSettings): Promise<BackupStore> {
  if (to === null) throw new Error('backups have no place: set CRYPTOFLOW_BACKUP_TO to a folder or s3://bucket/prefix');
  return to.startsWith('s3://') ? createS3Store(to, s3Endpoint) : createFolderStore(to);
}

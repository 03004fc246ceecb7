import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { MadeBackup } from '../activities/backup';
import type { RunResult } from '../activities/runs';
import { backupWork, database } from './activity-options';
import { markdownTable, tagStatus } from './details';
import { parseBackupInput } from './input';
import { dayOf, nominalTime, scheduleId } from './logical-date';

export interface BackupResult {
  status: 'success' | 'skipped';
  message: string | null;
  backup: MadeBackup | null;
  /** rows that the drill compared; null: there was none */
  drilledRows: number | null;
  /** ids of old backups that were removed */
  removed: string[];
}

/**
 * A backup of the whole database: a full one on Sundays (UTC), else what was written since the one before it. A full one
 * is restored for a trial. Old ones are removed only after all of that went well.
 */
export async function backupDatabase(input?: unknown): Promise<BackupResult> {
  const { kind, drill } = parseBackupInput(workflowInfo().workflowType, input);
  const isSunday = nominalTime().getUTCDay() === 0;
  const wanted = kind ?? (isSunday ? 'full' : 'incremental');

  const done: BackupResult = { status: 'success', message: null, backup: null, drilledRows: null, removed: [] };
  done.message = await logged('backup', async (logId) => {
    done.backup = await backupWork(`${wanted} backup`).makeBackup({ kind: wanted, logId });
    showBackup(done);
  });
  const made = done.backup;
  if (made === null) {
    tagStatus('skipped');
    setCurrentDetails(done.message ?? '');
    return { ...done, status: 'skipped' };
  }
  if (made.kind === 'full' && drill) {
    await logged('backup_drill', async (logId) => {
      const { rows } = await backupWork(`restore ${made.id} for a trial`).drillBackup({
        id: made.id,
        sha256: made.sha256,
        logId,
      });
      done.drilledRows = rows;
    });
  }
  done.removed = await backupWork('remove old backups').pruneBackups();
  showBackup(done);
  tagStatus('success');
  return done;
}

/** Work with a row of its own in the log, which is closed whatever becomes of it. Returns why it was skipped, or null. */
async function logged(
  dataType: 'backup' | 'backup_drill',
  work: (logId: number) => Promise<void>,
): Promise<string | null> {
  const { firstExecutionRunId, workflowId } = workflowInfo();
  const triggeredBy = scheduleId() ? `schedule ${scheduleId()}` : workflowId;
  const { logId, skipped } = await CancellationScope.nonCancellable(() =>
    database('open the run').openBackupRun({ dataType, date: dayOf(nominalTime()), triggeredBy, firstExecutionRunId }),
  );
  if (skipped !== null) return skipped;
  const close = (end: { status: RunResult['status']; errorType?: string; message?: string }) =>
    database(`close the run: ${end.status}`).closeRun({ logId, ...end });
  try {
    await work(logId);
  } catch (failure) {
    const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure;
    const end = isCancellation(failure)
      ? { status: 'cancelled' as const, errorType: 'Cancelled', message: 'the run was cancelled' }
      : {
          status: 'failed' as const,
          errorType: cause instanceof ApplicationFailure ? (cause.type ?? 'Bug') : 'Timeout',
          message: cause instanceof Error ? cause.message : String(cause),
        };
    await CancellationScope.nonCancellable(() => close(end));
    tagStatus(end.status);
    throw failure;
  }
  await CancellationScope.nonCancellable(() => close({ status: 'success' }));
  return null;
}

function showBackup({ backup, drilledRows, removed }: BackupResult): void {
  if (backup === null) return;
  const lines = [
    ['backup', backup.id],
    ['kind', backup.insteadBecause === null ? backup.kind : `${backup.kind}, because ${backup.insteadBecause}`],
    ['where', backup.location],
    ['rows', String(backup.rows)],
    ['units', String(backup.units)],
    ['size', `${(backup.sizeBytes / 1e6).toFixed(1)} MB`],
    ...(backup.leftOut.length > 0 ? [['left out, not ours', backup.leftOut.join(', ')]] : []),
    ...(drilledRows === null ? [] : [['restored for a trial', `${drilledRows} rows, all equal`]]),
    ...(removed.length > 0 ? [['removed', removed.join(', ')]] : []),
  ];
  setCurrentDetails(markdownTable(['what', 'value'], lines));
}

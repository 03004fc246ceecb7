import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { retrying, describeDatabaseError } from '../db/failures';
import { listBackups, noteVerified, setDeleted, type BackupKind } from '../db/queries/backups';
import { endRun, insertRun, lockRun, noCounts } from '../db/queries/ingestion-logs';
import { findPage, insertPage } from '../db/queries/ingestion-pages';
import { drillBackup } from './backup/drill';
import { surplus } from './backup/keep';
import { makeBackup, type MadeBackup } from './backup/make';
import { openStore } from './backup/open-store';
import type { BackupStore } from './backup/store';
import { storeFailure } from './backup/store-failure';
import type { ActivityDeps } from './deps';

export type { MadeBackup };

/** A run of our own as the log has it: `cryptoflow.backup`, `cryptoflow.backup_drill`. */
export interface BackupRunRequest {
  dataType: 'backup' | 'backup_drill';
  /** UTC day of the run's nominal time */
  date: string;
  triggeredBy: string;
  firstExecutionRunId: string;
}

export interface BackupRun {
  logId: number;
  /** why there is nothing to do; the row has then ended already */
  skipped: string | null;
}

export function createBackupActivities(deps: ActivityDeps) {
  const { backup: settings } = deps.settings;
  return {
    /** Opens the row of a backup or of its drill, or finds it again. Without a place for backups it is skipped. */
    async openBackupRun(request: BackupRunRequest): Promise<BackupRun> {
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      const logId = await retrying(() =>
        insertRun(deps.db, {
          ...{ source: 'cryptoflow', dataType: request.dataType, coinId: null, coinSymbol: null },
          ...{ targetDate: request.date, runKey: `cryptoflow.${request.dataType}/all/${request.date}` },
          ...{ workflowId, firstExecutionRunId: request.firstExecutionRunId, runId },
          ...{ triggeredBy: request.triggeredBy, expected: null },
        }),
      );
      if (settings.to !== null) return { logId, skipped: null };
      const skipped = 'backups have no place: set CRYPTOFLOW_BACKUP_TO to a folder or s3://bucket/prefix';
      await retrying(() => endRun(deps.db, logId, runId, { status: 'skipped', message: skipped }));
      return { logId, skipped };
    },

    /** One backup, from snapshot to manifest. What fails half-way leaves no backup, and everything that was there. */
    async makeBackup(request: { kind: BackupKind; logId: number }): Promise<MadeBackup> {
      const made = await withStore(deps, (store) =>
        makeBackup(deps, store, request, Context.current().cancellationSignal),
      );
      await countRows(deps, request.logId, made.id, made.rows);
      return made;
    },

    /** Restores a backup into the scratch database, compares, drops it. Fails where anything differs. */
    async drillBackup(request: { id: string; sha256: string; logId: number }): Promise<{ rows: number }> {
      const { id, sha256 } = request;
      const signal = Context.current().cancellationSignal;
      const drill = { open: deps.openDatabase, database: settings.drillDatabase, id, sha256, signal };
      try {
        const restored = await withStore(deps, (store) => drillBackup({ store, ...drill }));
        await retrying(() =>
          noteVerified(
            deps.db,
            id,
            `restored for a trial: ${restored.tables} tables, ${restored.rows} rows, all equal`,
          ),
        );
        await countRows(deps, request.logId, id, restored.rows);
        return { rows: restored.rows };
      } catch (error) {
        const failure = drillFailure(deps, id, error);
        if (failure.nonRetryable && !signal.aborted)
          await retrying(() => noteVerified(deps.db, id, `failed: ${failure.message}`));
        throw failure;
      }
    },

    /** Removes what is older than the days and weeks to keep. Returns the ids. */
    async pruneBackups(): Promise<string[]> {
      return withStore(deps, async (store) => {
        const known = await listBackups(deps.db);
        const here = known.filter(({ id, location }) => location === store.locationOf(id));
        const whole = here.filter(({ status }) => status === 'success');
        const good = whole.filter(({ verifyResult }) => !verifyResult?.startsWith('failed'));
        const newest = good.at(-1)?.id ?? '';
        // one that could not be restored counts for nothing, and goes when there is a better one
        const bad = whole.filter((each) => !good.includes(each) && each.id < newest).map(({ id }) => id);
        const old = [...surplus(good, { daily: settings.keepDaily, weekly: settings.keepWeekly }), ...bad];
        for (const id of old) {
          // said first: a backup whose files are half gone must not look like one
          await retrying(() => setDeleted(deps.db, id));
          await store.remove(id);
        }
        // what earlier tries could not remove
        const present = new Set(await store.list());
        const gone = here.filter(({ id, status }) => (status === 'deleted' || status === 'failed') && present.has(id));
        for (const { id } of gone) await store.remove(id);
        return old;
      });
    },
  };
}

async function withStore<T>(deps: ActivityDeps, work: (store: BackupStore) => Promise<T>): Promise<T> {
  const store = await openStore(deps.settings.backup);
  try {
    return await work(store);
  } catch (error) {
    throw storeFailure(error, deps.redact, Context.current().info.attempt) ?? error;
  } finally {
    store.close();
  }
}

/** The rows that were read, as one page of the run: none of them was changed. */
async function countRows(deps: ActivityDeps, logId: number, id: string, rows: number): Promise<void> {
  await retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      await lockRun(trx, logId);
      if (await findPage(trx, logId, id)) return;
      const counts = { ...noCounts, processed: rows, unchanged: rows };
      await insertPage(trx, logId, id, { counts, next: null, resume: null, expected: null });
    }),
  );
}

/** A server or a bucket that is away is no verdict on the backup; everything else is one. */
function drillFailure(deps: ActivityDeps, id: string, error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const database = describeDatabaseError(error);
  const message = database.kind === 'other' && error instanceof Error ? error.message : database.message;
  const advice =
    database.kind === 'denied'
      ? ` The drill makes and drops the database ${deps.settings.backup.drillDatabase}: grant that.`
      : '';
  return ApplicationFailure.create({
    type: 'RestoreFailed',
    message: `${id} could not be restored for a trial: ${deps.redact(message)}${advice}`,
    nonRetryable: !database.transient,
  });
}

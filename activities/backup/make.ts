import type { PoolConnection } from 'mysql2/promise';
import { newestMigration } from '../../db/migrate';
import { removeMarks } from '../../db/queries/changed-units';
import {
  databaseTime,
  endBackup,
  failBackup,
  insertBackup,
  listBackups,
  type BackupKind,
  type BackupRow,
} from '../../db/queries/backups';
import { retrying } from '../../db/failures';
import type { ActivityDeps } from '../deps';
import { readManifest } from './read-backup';
import { lockBackups, takeSnapshot } from './snapshot';
import type { BackupStore } from './store';
import { writeBackup, type BackupPlan, type WrittenBackup } from './write-backup';

export interface MadeBackup {
  id: string;
  kind: BackupKind;
  /** why it is a full one although an incremental one was asked for; null: it is what was asked for */
  insteadBecause: string | null;
  location: string;
  rows: number;
  units: number;
  sizeBytes: number;
  /** SHA-256 of manifest.json */
  sha256: string;
  /** tables of the database that are none of ours, and not in it */
  leftOut: string[];
}

export interface BackupRequest {
  kind: BackupKind;
  /** the run that makes it: asked again for the same run, what that made is returned */
  logId: number;
}

type MakeDeps = Pick<ActivityDeps, 'db' | 'openDatabase' | 'redact'>;

/**
 * One backup, from lock to manifest. A try that fails removes its files, ends its row as failed, and leaves everything
 * else alone: what changed stays marked for the next. Asked again after it has succeeded it returns what it made.
 */
export async function makeBackup(
  deps: MakeDeps,
  store: BackupStore,
  request: BackupRequest,
  signal: AbortSignal,
): Promise<MadeBackup> {
  const source = deps.openDatabase();
  try {
    const connection = await source.pool.getConnection();
    try {
      return await makeLocked(deps, store, request, connection, signal);
    } finally {
      // at once, whatever it is reading; the lock goes with it
      connection.destroy();
    }
  } finally {
    await source.close();
  }
}

async function makeLocked(
  deps: MakeDeps,
  store: BackupStore,
  request: BackupRequest,
  connection: PoolConnection,
  signal: AbortSignal,
): Promise<MadeBackup> {
  await lockBackups(connection, signal);
  const known = await listBackups(deps.db);
  const done = known.find(({ logId, status }) => logId === request.logId && status === 'success');
  if (done) return await describe(store, done);
  await endAbandoned(deps, store, known);
  const { plan, insteadBecause } = await planBackup(deps, store, request, known);
  const base =
    plan.previous === null ? null : (known.find(({ id }) => id === plan.previous!.id)!.baseId ?? plan.previous.id);
  const location = store.locationOf(plan.id);
  await retrying(() => insertBackup(deps.db, { ...plan, baseId: base, location, logId: request.logId }));
  try {
    const snapshot = await takeSnapshot(connection);
    const written = await writeBackup(store, snapshot, plan, signal);
    await retrying(() =>
      deps.db.transaction().execute(async (trx) => {
        const isOurs = await endBackup(trx, plan.id, {
          snapshotAt: snapshot.at,
          sizeBytes: written.sizeBytes,
          sha256: written.manifestSha256,
          contents: contentsOf(written),
        });
        // its lock was lost, and another one has gone on: the marks are that one's
        if (!isOurs) throw new Error(`the backup ${plan.id} was ended by another one`);
        await removeMarks(trx, snapshot.marks);
      }),
    );
    return madeOf(written, location, insteadBecause);
  } catch (error) {
    await abandon(deps, store, plan.id, error);
    throw error;
  }
}

/** Rows that say running although the lock was free: their processes are gone. */
async function endAbandoned(deps: MakeDeps, store: BackupStore, known: readonly BackupRow[]): Promise<void> {
  for (const { id } of known.filter(({ status }) => status === 'running')) {
    await failBackup(deps.db, id, 'it ended without a word: its process or its connection was gone');
    await store.remove(id);
  }
}

async function abandon(deps: MakeDeps, store: BackupStore, id: string, error: unknown): Promise<void> {
  const message = deps.redact(error instanceof Error ? error.message : String(error));
  // neither must hide what went wrong; whatever stays is removed by the next backup
  await failBackup(deps.db, id, message).catch(() => undefined);
  await store.remove(id).catch(() => undefined);
}

async function planBackup(
  deps: MakeDeps,
  store: BackupStore,
  request: BackupRequest,
  known: readonly BackupRow[],
): Promise<{ plan: BackupPlan; insteadBecause: string | null }> {
  const schemaVersion = await newestMigration(deps.db);
  if (schemaVersion === undefined) throw new Error('the database has no schema');
  const name = nameBehind(known.at(-1)?.id, await databaseTime(deps.db));
  const plan = (kind: BackupKind, previous: BackupPlan['previous']): BackupPlan => ({
    id: `${name}-${kind}`,
    kind,
    previous,
    schemaVersion,
  });
  if (request.kind === 'full') return { plan: plan('full', null), insteadBecause: null };
  const good = known.filter(({ status }) => status === 'success');
  const newest = good.at(-1);
  const problem =
    newest === undefined ? 'there is no backup yet' : await brokenChain(store, good, newest, schemaVersion);
  if (newest === undefined || problem !== null) return { plan: plan('full', null), insteadBecause: problem };
  return {
    plan: plan('incremental', { id: newest.id, manifestSha256: newest.sha256! }),
    insteadBecause: null,
  };
}

/** The moment as the beginning of an id; the second after the newest one where a clock does not say so itself. */
function nameBehind(newest: string | undefined, now: Date): string {
  const [, day, hour, minute, second] = /^(\d{4}-\d\d-\d\d)-(\d\d)(\d\d)(\d\d)/.exec(newest ?? '') ?? [];
  const after = day === undefined ? 0 : Date.parse(`${day}T${hour}:${minute}:${second}Z`) + 1_000;
  const time = new Date(Math.max(now.getTime(), after)).toISOString();
  return time.slice(0, 19).replace('T', '-').replaceAll(':', '');
}

/** Why nothing can continue the newest backup; null: all that it goes back to is where it was put. */
async function brokenChain(
  store: BackupStore,
  good: readonly BackupRow[],
  newest: BackupRow,
  schemaVersion: string,
): Promise<string | null> {
  if (newest.schemaVersion !== schemaVersion) return `the schema has changed since ${newest.id}`;
  const base = newest.baseId ?? newest.id;
  const chain = good.filter(({ id, baseId }) => id === base || baseId === base);
  for (const { id, location, sha256, verifyResult } of chain) {
    if (location !== store.locationOf(id)) return `${id} lies in another place (${location})`;
    if (verifyResult?.startsWith('failed')) return `${id} is not good: ${verifyResult}`;
    try {
      await readManifest(store, id, sha256 ?? undefined);
    } catch (error) {
      if (!(error instanceof Error) || !['DamagedFile', 'MissingFile'].includes(error.name)) throw error;
      return error.message;
    }
  }
  return null;
}

async function describe(store: BackupStore, { id, sha256, sizeBytes }: BackupRow): Promise<MadeBackup> {
  const { manifest, manifestSha256 } = await readManifest(store, id, sha256 ?? undefined);
  const rows = manifest.files.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.rows, 0);
  return madeOf({ manifest, manifestSha256, rows, sizeBytes: sizeBytes ?? 0 }, store.locationOf(id), null);
}

function madeOf(
  { manifest, manifestSha256, rows, sizeBytes }: WrittenBackup,
  location: string,
  insteadBecause: string | null,
): MadeBackup {
  const { id, kind, files, leftOut } = manifest;
  const units = files.flatMap(({ parts }) => parts).filter(({ coin }) => coin !== null).length;
  return { id, kind, insteadBecause, location, rows, units, sizeBytes, sha256: manifestSha256, leftOut };
}

/** Per table, for backup_manifest: units as a number, the manifest has each. */
function contentsOf({ manifest: { files } }: WrittenBackup): string {
  const tables = files.map(({ name, table, sizeBytes, sha256, parts }) => {
    const [first] = parts;
    const isWhole = first?.coin === null;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const what = isWhole ? { checksum: first.checksum } : { units: parts.length };
    return [table, { file: name, size_bytes: sizeBytes, sha256, rows, ...what }];
  });
  return JSON.stringify(Object.fromEntries(tables));
}

import { openStore } from '../../activities/backup/open-store';
import { readChain, verifyFiles } from '../../activities/backup/read-backup';
import { DamagedFile, MissingFile, type BackupStore } from '../../activities/backup/store';
import { listBackups, noteVerified, type BackupRow } from '../../db/queries/backups';
import { counted, table } from '../output';
import type { Action, Command } from './command';
import type { Connections } from './connections';
import { runWorkflow } from './run';

const kinds = ['full', 'incremental'] as const;

const now: Action = {
  says: 'start backupDatabase and follow it to its end',
  options: {
    kind: { value: '<kind>', says: 'full or incremental; when left out full on Sundays (UTC), else incremental' },
    'no-drill': { says: 'do not restore a full backup for a trial' },
  },
  examples: ['backup now', 'backup now --kind full'],
  run(call, connections) {
    const kind = call.oneOf('kind', kinds);
    const input = { ...(kind ? { kind } : {}), ...(call.isSet('no-drill') ? { drill: false } : {}) };
    return runWorkflow(connections, 'backupDatabase', input, true);
  },
};

const list: Action = {
  says: 'backups, newest first: those that the database knows, and others that lie in the same place',
  examples: ['backup list', 'backup list --json'],
  async run(_call, connections) {
    const rows = (await listBackups(await connections.db())).filter(({ status }) => status !== 'deleted');
    const strangers = await withStore(connections, async (store) => {
      const known = new Set(rows.map(({ id }) => id));
      return (await store.list()).filter((id) => !known.has(id)).map((id) => ({ id, location: store.locationOf(id) }));
    });
    const document = [
      ...rows.map((row) => ({ ...row, isKnown: true })),
      ...(strangers ?? []).map((each) => ({ ...each, status: 'not in backup_manifest', isKnown: false })),
    ].toSorted((one, other) => (one.id < other.id ? 1 : -1));
    const cells = [
      ...rows.map(cellsOf),
      ...(strangers ?? []).map(({ id, location }) => [id, 'not known here', '', location]),
    ];
    const lines = table(cells.toSorted((one, other) => (one[0]! < other[0]! ? 1 : -1)));
    return { document, lines: lines.length > 0 ? lines : ['no backup: npm run cli -- backup now'] };
  },
};

function cellsOf({ id, status, sizeBytes, location, verifyResult, message }: BackupRow): string[] {
  const size = sizeBytes === null ? '' : `${(sizeBytes / 1e6).toFixed(1)} MB`;
  return [id, status, size, location ?? '', verifyResult ?? message ?? ''];
}

const verify: Action = {
  says: 'read every byte of a backup and of those that it continues, and compare the hashes',
  args: ['<id>'],
  notes: ['<id> is one of `backup list`, or `latest`.'],
  examples: ['backup verify latest'],
  async run(call, connections) {
    const verified = await withStore(connections, async (store) => {
      const id = await resolveId(store, call.arg('id'));
      const known = await recordedBackups(connections);
      const chain = await readChain(store, id, known.rows.find((row) => row.id === id)?.sha256 ?? undefined);
      const done: { id: string; files: number; sizeBytes: number }[] = [];
      for (const { manifest } of chain) {
        const note = async (result: string) => {
          if (known.rows.some((row) => row.id === manifest.id))
            await noteVerified(await connections.db(), manifest.id, result);
        };
        try {
          await verifyFiles(store, manifest);
        } catch (error) {
          // from then on nothing continues it: the next backup is a full one
          if (error instanceof DamagedFile || error instanceof MissingFile) await note(`failed: ${error.message}`);
          throw error;
        }
        await note('all files are what was written');
        const files = [...manifest.others, ...manifest.files];
        done.push({
          id: manifest.id,
          files: files.length,
          sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
        });
      }
      return { done, warning: known.warning };
    });
    if (verified === undefined) throw new Error(noPlace);
    const lines = verified.done.map(({ id, files, sizeBytes }) => [
      id,
      'good',
      counted(files, 'file'),
      `${(sizeBytes / 1e6).toFixed(1)} MB`,
    ]);
    return { document: verified.done, lines: table(lines), problem: verified.warning };
  },
};

const noPlace = 'there is no place for backups - nothing was looked at - set CRYPTOFLOW_BACKUP_TO';

/** Undefined where backups have no place. */
async function withStore<T>(
  connections: Connections,
  work: (store: BackupStore) => Promise<T>,
): Promise<T | undefined> {
  const { backup: settings } = connections.config().settings;
  if (settings.to === null) return undefined;
  const store = await openStore(settings);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** `latest` is the newest one that is complete. */
export async function resolveId(store: BackupStore, word: string): Promise<string> {
  if (word !== 'latest') return word;
  for (const id of (await store.list()).toReversed()) {
    if (await store.isComplete(id)) return id;
  }
  throw new Error(
    `there is no backup in ${store.locationOf('').replace(/\/$/, '')} - nothing to work on - see: npm run cli -- backup list`,
  );
}

/** What the database knows of backups. It may be the very one that is lost: then the files alone have to do. */
export async function recordedBackups(connections: Connections): Promise<{ rows: BackupRow[]; warning?: string }> {
  try {
    return { rows: await listBackups(await connections.db()) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { rows: [], warning: `compared with the files' own hashes only, as backup_manifest cannot be read: ${why}` };
  }
}

export const backup: Command = {
  name: 'backup',
  summary: 'make, list and check backups of the database',
  actions: { now, list, verify },
};

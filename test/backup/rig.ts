import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Kysely } from 'kysely';
import { createFolderStore } from '../../activities/backup/folder-store';
import { makeBackup, type MadeBackup } from '../../activities/backup/make';
import { readChain } from '../../activities/backup/read-backup';
import { createRowTally, readRows } from '../../activities/backup/read-rows';
import { restoreChain, type Restored } from '../../activities/backup/restore';
import { readShapes } from '../../activities/backup/shapes';
import type { BackupStore } from '../../activities/backup/store';
import { openDatabase, type Database } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import type { BackupKind } from '../../db/queries/backups';
import type { Schema } from '../../db/schema';
import { databaseOpener } from '../../workers/context';
import { freshDatabase, type DatabaseServer } from '../databases';

/** A database of ours, a folder for its backups, and the ways to make and restore them. */
export interface Rig {
  db: Kysely<Schema>;
  url: string;
  pool: Database['pool'];
  folder: string;
  store: BackupStore;
  backup(kind: BackupKind, store?: BackupStore): Promise<MadeBackup>;
  /** into a new empty database, of this server or another */
  restore(
    id: string,
    server?: DatabaseServer,
    from?: BackupStore,
  ): Promise<{ restored: Restored; database: Database & { url: string } }>;
}

const never = new AbortController().signal;
let runs = 0;

export async function startRig(server: DatabaseServer): Promise<Rig> {
  const database = await freshDatabase(server);
  await migrateToLatest(database.db);
  const folder = newFolder();
  const store = createFolderStore(folder);
  const deps = {
    db: database.db,
    openDatabase: databaseOpener({ databaseUrl: database.url }),
    redact: (text: string) => text,
  };
  return {
    db: database.db,
    url: database.url,
    pool: database.pool,
    folder,
    store,
    backup: (kind, to = store) => makeBackup(deps, to, { kind, logId: (runs += 1) }, never),
    async restore(id, on = server, from = store) {
      const target = await freshDatabase(on);
      const chain = await readChain(from, id);
      const restored = await restoreChain({
        store: from,
        chain,
        target,
        prepare: async () => undefined,
        signal: never,
        say: () => undefined,
      });
      return { restored, database: target };
    },
  };
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cryptoflow-backup-'));
  folders.push(folder);
  return folder;
}

/** Rows and checksum of every table of a database but those that backups leave out: equal where the contents are. */
export async function contentOf(url: string): Promise<Record<string, { rows: number; checksum: string }>> {
  const { pool, close } = openDatabase(url, { poolSize: 1 });
  const connection = await pool.getConnection();
  try {
    const content: Record<string, { rows: number; checksum: string }> = {};
    for (const [name, shape] of await readShapes(connection)) {
      if (/^(schema_migrations_lock|source_leases|admitted_dates|backup_manifest|changed_units)$/.test(name)) continue;
      const tally = createRowTally();
      for await (const row of readRows(connection, shape, null)) tally.add(row);
      content[name] = tally.result();
    }
    return content;
  } finally {
    connection.release();
    await close();
  }
}

import { readChain } from './read-backup';
import { restoreChain, type Restored } from './restore';
import { lockBackups } from './snapshot';
import type { BackupStore } from './store';
import { contentsOf, createDatabase, dropDatabase, type OpenDatabase } from './target';

/** Says that a scratch database is one of ours: what a drill that was killed left behind may be dropped, nothing else. */
const markerTable = 'cryptoflow_drill';

interface Drill {
  store: BackupStore;
  open: OpenDatabase;
  /** scratch database */
  database: string;
  id: string;
  /** of its manifest, as the database knows it */
  sha256?: string;
  signal: AbortSignal;
}

/**
 * Restores a backup and its chain into a scratch database, compares it with the manifest, and drops it again. Throws where
 * the database is there already and not of a drill, where it may not be made, or where anything differs.
 */
export async function drillBackup(drill: Drill): Promise<Restored> {
  const source = drill.open();
  try {
    const connection = await source.pool.getConnection();
    try {
      // two drills would drop each other's scratch database
      await lockBackups(connection, drill.signal);
      return await drillLocked(drill);
    } finally {
      connection.destroy();
    }
  } finally {
    await source.close();
  }
}

async function drillLocked(drill: Drill): Promise<Restored> {
  const { store, open, database, id, sha256, signal } = drill;
  const present = await contentsOf(open, database);
  if (present?.some(({ name }) => name === markerTable)) await dropDatabase(open, database);
  else if (present !== undefined && present.length > 0)
    throw new Error(
      `the scratch database ${database} is there already and holds ${present.length} tables that no drill made - drop it or move it away`,
    );
  const chain = await readChain(store, id, sha256);
  await createDatabase(open, database);
  const target = open(database);
  try {
    const prepare = () => target.pool.query(`CREATE TABLE ${markerTable} (backup_id VARCHAR(64) NOT NULL PRIMARY KEY)`);
    return await restoreChain({ store, chain, target, prepare, signal, say: () => undefined });
  } finally {
    await target.close();
    await dropDatabase(open, database);
  }
}

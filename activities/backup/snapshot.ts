import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { isUnitTable, type MarkedUnit, type Unit } from '../../db/queries/changed-units';
import { readRows } from './read-rows';
import { quoted, readPartitions, readShapes, type Partition, type TableShape } from './shapes';

// The promise: everything that is read is of one moment. One transaction WITH CONSISTENT SNAPSHOT on a connection of its
// own; and one backup at a time, by a lock of the same connection: who loses the connection loses both.

export interface Snapshot {
  /** UTC, the database's clock */
  at: string;
  server: { kind: 'mariadb' | 'mysql'; version: string };
  tables: ReadonlyMap<string, TableShape>;
  partitions: Readonly<Record<string, Partition[]>>;
  /** what changed since the last backup, as of this moment */
  marks: readonly MarkedUnit[];
  rows(table: TableShape, unit: Unit | null): AsyncIterable<string>;
  total(table: string): Promise<number>;
  /** gives back what reading a table holds: from then on partitions of it can be made */
  release(): Promise<void>;
}

/** Takes the lock, waiting for a backup or a drill that is under way. Whoever opened the connection closes it, and so gives the lock back. */
export async function lockBackups(connection: PoolConnection, signal: AbortSignal): Promise<void> {
  // CONCAT of the name: the lock belongs to the whole server
  const lock = `CONCAT('cryptoflow.backup.', LEFT(SHA2(DATABASE(), 256), 40))`;
  // it may say nothing for as long as a restore takes
  await connection.query('SET SESSION wait_timeout = 86400');
  for (;;) {
    signal.throwIfAborted();
    const [[row]] = await connection.query<RowDataPacket[]>(`SELECT GET_LOCK(${lock}, 5) AS locked`);
    if (row?.locked === 1) return;
  }
}

export async function takeSnapshot(connection: PoolConnection): Promise<Snapshot> {
  // a slow disk or bucket holds the server back: it must not take that for a dead client
  await connection.query('SET SESSION net_write_timeout = 3600');
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  const [[version]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
  const tables = await readShapes(connection);
  const partitions = await readPartitions(connection);
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  const [[now]] = await connection.query<RowDataPacket[]>('SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS now');
  await connection.query('SAVEPOINT backup');
  const marks = await readMarks(connection);
  const release = async () => void (await connection.query('ROLLBACK TO SAVEPOINT backup'));
  await release();
  return {
    at: String(now?.now),
    server: {
      kind: /mariadb/i.test(String(version?.version)) ? 'mariadb' : 'mysql',
      version: String(version?.version),
    },
    tables,
    partitions,
    marks,
    rows: (table, unit) => readRows(connection, table, unit),
    async total(table) {
      const [[row]] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS total FROM ${quoted(table)}`);
      return Number(row?.total);
    },
    release,
  };
}

async function readMarks(connection: PoolConnection): Promise<MarkedUnit[]> {
  // BIGINT UNSIGNED comes lossily: as text
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT table_name, coin, CAST(day AS CHAR) AS day, CAST(mark AS CHAR) AS mark FROM changed_units ORDER BY table_name, day, coin',
  );
  return (rows as { table_name: string; coin: string; day: string; mark: string }[]).map((row) => {
    if (!isUnitTable(row.table_name)) throw new Error(`changed_units names ${row.table_name}, which has no units`);
    return { table: row.table_name, coin: row.coin, day: row.day, mark: row.mark };
  });
}

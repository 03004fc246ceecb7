import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { Database } from '../../db/connect';
import { migrateTo, tablesUpTo } from '../../db/migrate';
import { isUnitTable, unitTables } from '../../db/queries/changed-units';
import { unitOf, type Manifest, type RowsFile } from './manifest';
import { readRowsFile, verifyFiles, type ReadManifest } from './read-backup';
import { createRowTally, readRows } from './read-rows';
import { partitionStatement, quoted, readPartitions, readShapes, unitCondition, type TableShape } from './shapes';
import { statementHead } from './sql-file';
import type { BackupStore } from './store';

// The promise: nothing is written before every byte of the chain has been compared with its SHA-256; nothing of a file
// runs as SQL but rows that were checked sign by sign; and what stands in the database afterwards is read again and
// compared with the checksums of the moment when it was backed up.

export interface RestoreTools {
  store: BackupStore;
  /** the full backup first */
  chain: readonly ReadManifest[];
  /** connected to only after the check */
  target: Database;
  /** makes the target an empty database, after the files were checked */
  prepare: () => Promise<unknown>;
  signal: AbortSignal;
  say: (line: string) => void;
}

export interface Restored {
  tables: number;
  rows: number;
  /** JSON that a MySQL writes in its own way: only the rows are counted */
  countedOnly: string[];
}

/** Restores a chain into an empty database, and compares what is there then. Throws at the first difference. */
export async function restoreChain({ store, chain, target, prepare, signal, say }: RestoreTools): Promise<Restored> {
  const [full] = chain;
  if (full === undefined || full.manifest.kind !== 'full') throw new Error('a chain begins with a full backup');
  for (const { manifest } of chain) {
    if (manifest.schemaVersion !== full.manifest.schemaVersion)
      throw new Error(`${manifest.id} has another schema than ${full.manifest.id}`);
    assertOwnTables(manifest);
    await verifyFiles(store, manifest, signal);
    say(`${manifest.id}  files are what was written`);
  }
  await prepare();
  await migrateTo(target.db, full.manifest.schemaVersion);
  const connection = await target.pool.getConnection();
  const restored: Restored = { tables: 0, rows: 0, countedOnly: [] };
  try {
    await setPartitions(connection, full.manifest);
    const shapes = await readShapes(connection);
    const isMysql = !(await isMariadb(connection));
    for (const { manifest } of chain) {
      for (const file of manifest.files) {
        const table = shapeOf(shapes, file);
        await loadFile({ store, manifest, file, table, connection, signal });
        // MySQL writes JSON in its own way: what came from a MariaDB cannot be equal to the byte
        const isRewritten = isMysql && manifest.server.kind === 'mariadb' && table.columns.some(({ isJson }) => isJson);
        await compareFile(connection, manifest, file, table, isRewritten);
        if (isRewritten && !restored.countedOnly.includes(table.name)) restored.countedOnly.push(table.name);
      }
      say(`${manifest.id}  restored and compared`);
    }
    const totals = chain.at(-1)!.manifest.totals;
    for (const [table, expected] of Object.entries(totals)) {
      const rows = await totalOf(connection, table);
      if (rows !== expected)
        throw new Error(`${table} has ${rows} rows after the restore and had ${expected} when it was backed up`);
      restored.tables += 1;
      restored.rows += rows;
    }
    connection.release();
    return restored;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function assertOwnTables({ id, schemaVersion, files, totals }: Manifest): void {
  const own = new Set(tablesUpTo(schemaVersion));
  for (const table of [...files.map((file) => file.table), ...Object.keys(totals)])
    if (!own.has(table)) throw new Error(`${id} holds a table ${table}, which is none of this schema`);
}

function shapeOf(shapes: ReadonlyMap<string, TableShape>, { table, columns }: RowsFile): TableShape {
  const shape = shapes.get(table);
  const known = shape?.columns.map(({ name }) => name).join();
  if (shape === undefined || known !== columns.join())
    throw new Error(`the columns of ${table} are ${columns.join()} in the backup and ${known ?? 'none'} in its schema`);
  return shape;
}

async function isMariadb(connection: PoolConnection): Promise<boolean> {
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
  return /mariadb/i.test(String(row?.version));
}

async function setPartitions(connection: PoolConnection, { partitions }: Manifest): Promise<void> {
  const present = await readPartitions(connection);
  for (const [table, wanted] of Object.entries(partitions)) {
    const isSame = JSON.stringify(present[table]) === JSON.stringify(wanted);
    if (isSame || !isUnitTable(table) || present[table] === undefined) continue;
    await connection.query(partitionStatement(table, unitTables[table].time, wanted));
  }
}

async function loadFile(load: {
  store: BackupStore;
  manifest: Manifest;
  file: RowsFile;
  table: TableShape;
  connection: PoolConnection;
  signal: AbortSignal;
}): Promise<void> {
  const { store, manifest, file, table, connection, signal } = load;
  const kinds = table.columns.map(({ kind }) => kind);
  const unit = (index: number) => unitOf(file, file.parts[index]!);
  let head = '';
  let sinceCommit = 0;
  await readRowsFile(
    store,
    manifest,
    file,
    kinds,
    {
      async begin(index) {
        const own = unit(index);
        head = statementHead(file.table, file.columns, own !== null);
        await connection.beginTransaction();
        await connection.query(
          `DELETE FROM ${quoted(file.table)}${own === null ? '' : ` WHERE ${unitCondition(own)}`}`,
        );
      },
      async rows(texts, size) {
        await connection.query(`${head}\n${texts.join(',\n')}`);
        sinceCommit += size;
        // a large table in one transaction would take as much undo; a unit, which replaces, stays in one
        if (unit(0) !== null || sinceCommit < 20_000_000) return;
        await connection.commit();
        await connection.beginTransaction();
        sinceCommit = 0;
      },
      end: () => connection.commit(),
    },
    signal,
  );
}

async function compareFile(
  connection: PoolConnection,
  { id }: Manifest,
  file: RowsFile,
  table: TableShape,
  isRewritten: boolean,
): Promise<void> {
  for (const part of file.parts) {
    const unit = unitOf(file, part);
    const tally = createRowTally();
    for await (const row of readRows(connection, table, unit)) tally.add(row);
    const { rows, checksum } = tally.result();
    if (rows === part.rows && (isRewritten || checksum === part.checksum)) continue;
    const what = unit === null ? file.table : `${file.table} ${unit.coin || 'all coins'} ${unit.day}`;
    throw new Error(`${what} of ${id}: ${rows} rows came back of ${part.rows}, or with other values`);
  }
}

async function totalOf(connection: PoolConnection, table: string): Promise<number> {
  const [[row]] = await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS total FROM ${quoted(table)}`);
  return Number(row?.total);
}

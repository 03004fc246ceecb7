import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { dayAfter } from '../../db/days';
import { unitTables, type Unit } from '../../db/queries/changed-units';
import type { ValueKind } from './row-text';

export interface TableShape {
  name: string;
  columns: readonly { name: string; kind: ValueKind; isJson: boolean }[];
  /** columns of the primary key, in its order */
  key: readonly string[];
  /** a column whose type cannot be written and read exactly; undefined: there is none */
  unreadable?: string;
}

export interface Partition {
  name: string;
  /** rows before this day; null: all that are left */
  before: string | null;
}

const kinds: Readonly<Record<string, ValueKind>> = {
  ...Object.fromEntries(
    ['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal'].map((type) => [type, 'number']),
  ),
  ...Object.fromEntries(
    ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set', 'json'].map((type) => [
      type,
      'text',
    ]),
  ),
  ...Object.fromEntries(['date', 'datetime', 'timestamp', 'time'].map((type) => [type, 'text'])),
  ...Object.fromEntries(
    ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'].map((type) => [type, 'bytes']),
  ),
};

/** The base tables of the connection's database. */
export async function readShapes(connection: PoolConnection): Promise<Map<string, TableShape>> {
  const [columns] = await connection.query<RowDataPacket[]>(`
    SELECT c.TABLE_NAME AS name, c.COLUMN_NAME AS col, c.DATA_TYPE AS type FROM information_schema.COLUMNS c
    JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
    WHERE c.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' AND COALESCE(c.GENERATION_EXPRESSION, '') = ''
    ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`);
  const [keys] = await connection.query<RowDataPacket[]>(`
    SELECT TABLE_NAME AS name, COLUMN_NAME AS col FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX`);
  const shapes = new Map<string, TableShape>();
  for (const { name, col, type } of columns as { name: string; col: string; type: string }[]) {
    const known = shapes.get(name);
    const key = (keys as { name: string; col: string }[]).filter((each) => each.name === name).map((each) => each.col);
    const kind = kinds[type.toLowerCase()];
    const column = { name: col, kind: kind ?? 'bytes', isJson: type.toLowerCase() === 'json' };
    const unreadable = known?.unreadable ?? (kind === undefined ? `${col} ${type}` : undefined);
    shapes.set(name, { name, columns: [...(known?.columns ?? []), column], key, unreadable });
  }
  return shapes;
}

/** By table; none for a table without partitions. */
export async function readPartitions(connection: PoolConnection): Promise<Record<string, Partition[]>> {
  const [rows] = await connection.query<RowDataPacket[]>(`
    SELECT TABLE_NAME AS name, PARTITION_NAME AS part, PARTITION_DESCRIPTION AS bound FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND PARTITION_NAME IS NOT NULL ORDER BY TABLE_NAME, PARTITION_ORDINAL_POSITION`);
  const partitions: Record<string, Partition[]> = {};
  for (const { name, part, bound } of rows as { name: string; part: string; bound: string }[]) {
    // the bound is SQL text: MAXVALUE, or '2026-02-01 00:00:00' in quotes
    (partitions[name] ??= []).push({ name: part, before: /\d{4}-\d\d-\d\d/.exec(bound)?.[0] ?? null });
  }
  return partitions;
}

/** The statement that gives an empty table these partitions. */
export function partitionStatement(table: string, column: string, partitions: readonly Partition[]): string {
  const list = partitions.map(
    ({ name, before }) =>
      `PARTITION ${quoted(name)} VALUES LESS THAN (${before === null ? 'MAXVALUE' : `'${before} 00:00:00'`})`,
  );
  return `ALTER TABLE ${quoted(table)} PARTITION BY RANGE COLUMNS (${quoted(column)}) (${list.join(', ')})`;
}

/** The SQL condition of a unit's rows: safe, as it holds nothing but a plain name and a day. */
export function unitCondition({ table, coin, day }: Unit): string {
  if (!/^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/.test(coin) || !/^\d{4}-\d\d-\d\d$/.test(day))
    throw new Error(`"${coin}" "${day}" is no unit of ${table}`);
  const { coin: coinColumn, time, by } = unitTables[table];
  const next = dayAfter(day);
  const days =
    by === 'date'
      ? `${quoted(time)} = '${day}'`
      : `${quoted(time)} >= '${day} 00:00:00' AND ${quoted(time)} < '${next} 00:00:00'`;
  return coin === '' ? days : `${quoted(coinColumn)} = '${coin}' AND ${days}`;
}

export function quoted(identifier: string): string {
  if (!/^\w+$/.test(identifier)) throw new Error(`Not a column or table name: ${identifier}`);
  return `\`${identifier}\``;
}

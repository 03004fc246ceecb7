import { CompiledQuery, type Transaction } from 'kysely';
import type { WriteResult } from './dialect';
import type { Schema } from './schema';

export type SqlValue = string | number | bigint | boolean | Date | Buffer | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface UpsertCounts {
  inserted: number;
  updated: number;
  unchanged: number;
}

export interface Upsert {
  table: string;
  /** Columns of the natural key. */
  key: readonly string[];
  /** All with the same columns, none of them log_id, created_at or updated_at. Times as UTC, amounts as decimal strings. */
  rows: readonly SqlRow[];
  /** Run that writes; left out for tables without log_id. */
  logId?: number | string;
  /** Columns that only an insert writes: an existing row keeps its own, and they do not make it count as updated. */
  insertOnly?: readonly string[];
}

// Far below max_allowed_packet (16 MB on MariaDB, 64 MB on MySQL), also when every character has to be escaped.
const MAX_ROWS = 1_000;
const MAX_CHARACTERS = 1_000_000;

/**
 * Inserts rows, or makes those that exist equal to what is given. A row that is equal already keeps every column,
 * updated_at and log_id included. A given row that answers to another unique key of the table moves the row it meets.
 *
 * Counts are exact, as the server counted: a key that is given twice counts for each time. Text is compared as its
 * column's collation compares it, so data columns have a binary one.
 *
 * @throws Error of the database as it came: a value that does not fit is an error, never cut
 */
export async function upsertRows(trx: Transaction<Schema>, upsert: Upsert): Promise<UpsertCounts> {
  const total: UpsertCounts = { inserted: 0, updated: 0, unchanged: 0 };
  const [first] = upsert.rows;
  if (!first) return total;
  const columns = Object.keys(first);
  const update = updateClause(upsert, columns);
  for (const chunk of chunks(upsert.rows, columns)) {
    // A statement of one row is answered without counts, and "inserted" then looks like "unchanged". So a row alone goes
    // twice: the second time it is unchanged.
    const rows = chunk.length === 1 ? [...chunk, ...chunk] : chunk;
    const { sql, parameters } = insertOf(upsert, columns, rows);
    const result: WriteResult = await trx.executeQuery(CompiledQuery.raw(`${sql}\n${update}`, parameters));
    const counts = countsOf(result, rows.length);
    total.inserted += counts.inserted;
    total.updated += counts.updated;
    total.unchanged += counts.unchanged - (rows.length - chunk.length);
  }
  return total;
}

/** Assignments run from left to right on both servers: log_id is decided while the old values are still there. */
function updateClause({ key, logId, insertOnly = [] }: Upsert, columns: readonly string[]): string {
  const written = columns.filter((column) => !insertOnly.includes(column)).map(quoted);
  const same = written.map((column) => `${column} <=> VALUES(${column})`).join(' AND ');
  const assignments = written.map((column) => `${column} = VALUES(${column})`);
  if (logId !== undefined) assignments.unshift(`log_id = IF(${same}, log_id, VALUES(log_id))`);
  for (const column of key) {
    if (!columns.includes(column)) throw new Error(`Rows to write lack the key column ${column}.`);
  }
  return `ON DUPLICATE KEY UPDATE ${assignments.join(', ')}`;
}

function insertOf({ table, logId }: Upsert, columns: readonly string[], rows: readonly SqlRow[]) {
  const parameters: SqlValue[] = [];
  const tuples = rows.map((row) => {
    const values = columns.map((column) => valueOf(row, column));
    if (logId !== undefined) values.push(logId);
    parameters.push(...values);
    return values.map(() => '?').join(', ');
  });
  const names = [...columns.map(quoted), ...(logId === undefined ? [] : ['log_id'])].join(', ');
  return { sql: `INSERT INTO ${quoted(table)} (${names}) VALUES (${tuples.join('),\n(')})`, parameters };
}

/**
 * inserted = Records − Duplicates, updated = affectedRows − Records: mysql2 asks for found rows, so unchanged ones count 1.
 * Measured on MariaDB 10.11 and MySQL 9.7; INSERT … SELECT counts otherwise, its Duplicates leave out unchanged rows.
 */
function countsOf(result: WriteResult, sent: number): UpsertCounts {
  const [, records, duplicates] = /Records: (\d+)\s+Duplicates: (\d+)/.exec(result.info ?? '')?.map(Number) ?? [];
  if (records !== sent || duplicates === undefined || result.numAffectedRows === undefined) {
    throw new Error(`The database did not count the rows of an upsert: sent ${sent}, answer "${result.info ?? ''}".`);
  }
  const inserted = records - duplicates;
  const updated = Number(result.numAffectedRows) - records;
  return { inserted, updated, unchanged: records - inserted - updated };
}

function* chunks(rows: readonly SqlRow[], columns: readonly string[]): Generator<SqlRow[]> {
  let chunk: SqlRow[] = [];
  let characters = 0;
  for (const row of rows) {
    const size = columns.reduce((sum, column) => sum + sizeOf(valueOf(row, column)), 0);
    if (chunk.length > 0 && (chunk.length === MAX_ROWS || characters + size > MAX_CHARACTERS)) {
      yield chunk;
      chunk = [];
      characters = 0;
    }
    chunk.push(row);
    characters += size;
  }
  yield chunk;
}

function valueOf(row: SqlRow, column: string): SqlValue {
  const value = row[column];
  if (value === undefined) throw new Error(`A row to write lacks the column ${column}: say null if there is no value.`);
  return value;
}

function sizeOf(value: SqlValue): number {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.length + 4 : 24;
}

function quoted(identifier: string): string {
  if (!/^\w+$/.test(identifier)) throw new Error(`Not a column or table name: ${identifier}`);
  return `\`${identifier}\``;
}

import { createHash } from 'node:crypto';
import type { Connection as CallbackConnection, TypeCastField, TypeCastNext } from 'mysql2';
import type { PoolConnection } from 'mysql2/promise';
import type { Unit } from '../../db/queries/changed-units';
import { valueText } from './row-text';
import { quoted, unitCondition, type TableShape } from './shapes';

/** Bytes as the server sent them, one character each: no value passes through a number or a date on its way. */
const asSent = (field: TypeCastField, _next: TypeCastNext): string | null => field.string('latin1');

/** The rows of a table, or of one unit of it, as text in the order of the key. Streamed: a few hundred in memory. */
export async function* readRows(
  connection: PoolConnection,
  { name, columns, key }: TableShape,
  unit: Unit | null,
): AsyncGenerator<string> {
  const list = columns.map((column) => quoted(column.name)).join(', ');
  const where = unit === null ? '' : ` WHERE ${unitCondition(unit)}`;
  const order = key.length === 0 ? '' : ` ORDER BY ${key.map(quoted).join(', ')}`;
  const sql = `SELECT ${list} FROM ${quoted(name)}${where}${order}`;
  const kinds = columns.map((column) => column.kind);
  // Typed as the promise interface, but it is the one with callbacks, which alone can stream.
  const plain = connection.connection as unknown as CallbackConnection;
  const rows = plain.query({ sql, rowsAsArray: true, typeCast: asSent }).stream({ highWaterMark: 500 });
  for await (const row of rows as AsyncIterable<(string | null)[]>) {
    let text = '(';
    for (let index = 0; index < kinds.length; index += 1) {
      if (index > 0) text += ',';
      text += valueText(kinds[index]!, row[index]!);
    }
    yield `${text})`;
  }
}

/** Counts rows and hashes their text, a line each. */
export function createRowTally() {
  const hash = createHash('sha256');
  let rows = 0;
  let waiting: string[] = [];
  return {
    add(text: string): void {
      rows += 1;
      waiting.push(text);
      if (waiting.length >= 500) flush();
    },
    result(): { rows: number; checksum: string } {
      flush();
      return { rows, checksum: hash.digest('hex') };
    },
  };
  function flush(): void {
    if (waiting.length > 0) hash.update(`${waiting.join('\n')}\n`);
    waiting = [];
  }
}

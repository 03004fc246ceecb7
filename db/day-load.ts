import { dayAfter } from './days';
import { Readable } from 'node:stream';
import { sql, type Kysely, type Transaction } from 'kysely';
import { infileQuery, type WriteResult } from './dialect';
import type { Schema } from './schema';
import { upsertRows, type SqlRow } from './upsert';

// A whole day of one coin in one table, as text: one line per row, the columns in one fixed order and in the form in which
// the database shows them, separated by tabs. The same lines are loaded and compared.

/** The rows that are meant: one coin, one day. */
export interface CoinDay {
  table: keyof Schema & ('raw_blockchain_blocks' | 'raw_blockchain_transactions');
  coinSymbol: string;
  /** YYYY-MM-DD */
  date: string;
  /** of the lines, in their order; those of the key (without coin_symbol) first, and of these the group first */
  columns: readonly string[];
  keyColumns: number;
  timeColumn: string;
}

/** Groups (block ids) of the day, both included. */
export interface GroupRange {
  first: number;
  last: number;
}

/** Whether the server takes files from its clients. Many do not: MySQL's own default, and most that are managed. */
export async function takesFiles(db: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql<{ enabled: number }>`SELECT @@local_infile AS enabled`.execute(db);
  return Number(rows[0]?.enabled) === 1;
}

/** Where the day's rows lie in the order of the primary key; undefined: there are none. */
export async function groupRange(db: Kysely<Schema>, day: CoinDay): Promise<GroupRange | undefined> {
  const group = sql.ref(day.columns[0]!);
  const time = sql.ref(day.timeColumn);
  // by its time, as all rows of a block have it: the narrowest index, and MySQL leaps from block to block in it
  const { rows } = await sql<{ first: number | null; last: number | null }>`
    SELECT MIN(first) AS first, MAX(last) AS last FROM (
      SELECT MIN(${group}) AS first, MAX(${group}) AS last FROM ${sql.table(day.table)} FORCE INDEX (idx_coin_time)
      WHERE coin_symbol = ${day.coinSymbol} AND ${isOfDay(day)} GROUP BY coin_symbol, ${time}) AS times`.execute(db);
  const { first, last } = rows[0]!;
  return first === null || last === null ? undefined : { first: Number(first), last: Number(last) };
}

function isOfDay({ timeColumn, date }: CoinDay) {
  const time = sql.ref(timeColumn);
  const next = dayAfter(date);
  return sql`${time} >= ${`${date} 00:00:00`} AND ${time} < ${`${next} 00:00:00`}`;
}

/** A scan of the primary key over the day's groups, within the partition of the day's month. */
function fromDay(day: CoinDay, { first, last }: GroupRange) {
  return sql`FROM ${sql.table(day.table)} FORCE INDEX (PRIMARY)
    WHERE coin_symbol = ${day.coinSymbol} AND ${sql.ref(day.columns[0]!)} BETWEEN ${first} AND ${last} AND ${isOfDay(day)}`;
}

/**
 * Sends lines into the table by LOAD DATA LOCAL. It never fails on a value or a key: it cuts, skips and warns. So what it
 * counted must be what was sent, or this throws. Returns what it loaded.
 */
export async function loadLines(
  trx: Transaction<Schema>,
  day: CoinDay,
  logId: number,
  lines: AsyncIterable<Buffer>,
): Promise<number> {
  const stream = Readable.from(lines, { objectMode: false, highWaterMark: 64 * 1024 });
  const statement = `LOAD DATA LOCAL INFILE 'the day' INTO TABLE ${day.table} CHARACTER SET ascii
    FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (${day.columns.join(', ')})
    SET coin_symbol = ${literal(day.coinSymbol)}, log_id = ${Number(logId)}`;
  let failed: unknown;
  stream.once('error', (error) => (failed = error));
  try {
    const { info = '' } = (await trx.executeQuery(infileQuery(statement, () => stream))) as WriteResult;
    const counts = /Records: (\d+)\s+Deleted: (\d+)\s+Skipped: (\d+)\s+Warnings: (\d+)/
      .exec(info)
      ?.slice(1)
      .map(Number);
    const [records, deleted, skipped, warnings] = counts ?? [];
    if (records === undefined || deleted !== 0 || skipped !== 0 || warnings !== 0) throw new LoadMismatch(info);
    return records;
  } catch (error) {
    // where the stream failed, whatever the server then said is not the reason
    throw failed ?? error;
  } finally {
    stream.destroy();
  }
}

/** The server did not take all lines as they were: nothing of it may stay. */
export class LoadMismatch extends Error {
  override readonly name = 'LoadMismatch';
  constructor(info: string) {
    super(`LOAD DATA took something else than was sent: ${info || 'it did not count'}`);
  }
}

function literal(text: string): string {
  if (!/^[\w.-]+$/.test(text)) throw new Error(`Not a ticker: ${text}`);
  return `'${text}'`;
}

export interface TableGroup {
  id: number;
  rows: number;
  /** its lines, in no certain order, with line ends between them */
  text: Buffer;
}

/** A group's text must fit one packet; where it does not its rows are asked for one by one. */
const longestGroup = 8 * 1024 * 1024;

/**
 * The day's rows by group, ascending: one row of the answer for all rows of a block, which takes a third of the time of
 * one each. Runs on a connection of its own, which sees what was committed before.
 */
export async function* tableGroups(db: Kysely<Schema>, day: CoinDay, range: GroupRange): AsyncGenerator<TableGroup> {
  const line = lineOf(day);
  const group = sql.ref(day.columns[0]!);
  const query = sql<{ id: number; n: number; text: Buffer }>`
    SELECT ${group} AS id, COUNT(*) AS n, CAST(GROUP_CONCAT(${line} SEPARATOR '\n') AS BINARY) AS text
    ${fromDay(day, range)} GROUP BY ${group} ORDER BY ${group}`.compile(db);
  for await (const { rows } of db.getExecutor().stream(query, 100)) {
    for (const { id, n, text } of rows as { id: number; n: number; text: Buffer }[]) {
      const isCut = text.length >= longestGroup;
      yield { id: Number(id), rows: Number(n), text: isCut ? await textOfGroup(db, day, Number(id)) : text };
    }
  }
}

/** For the connection that reads groups: the default cuts at 1 kB. */
export async function readWholeGroups(db: Kysely<Schema>): Promise<void> {
  await sql`SET SESSION group_concat_max_len = ${longestGroup}`.execute(db);
}

async function textOfGroup(db: Kysely<Schema>, day: CoinDay, id: number): Promise<Buffer> {
  const { rows } = await sql<{ line: string }>`
    SELECT ${lineOf(day)} AS line ${fromDay(day, { first: id, last: id })}`.execute(db);
  return Buffer.from(rows.map(({ line }) => line).join('\n'), 'latin1');
}

/** The key is never NULL; a needless IFNULL there costs MySQL a fifth of the time. */
function lineOf({ columns, keyColumns }: CoinDay) {
  const cells = columns.map((name, index) =>
    index < keyColumns ? sql.ref(name) : sql`IFNULL(${sql.ref(name)}, ${String.raw`\N`})`,
  );
  return sql`CONCAT_WS('\t', ${sql.join(cells)})`;
}

/** Rows to write, as lines, and keys of rows to remove, as the first cells of their lines. */
export interface Changes {
  written: readonly string[];
  removed: readonly string[];
}

/** Removes and writes within the day; a row that exists keeps created_at. */
export async function applyChanges(
  trx: Transaction<Schema>,
  day: CoinDay,
  logId: number,
  { written, removed }: Changes,
): Promise<void> {
  const key = day.columns.slice(0, day.keyColumns);
  if (removed.length > 0) {
    const keys = removed.map((line) => line.split('\t').slice(0, day.keyColumns));
    const tuples = keys.map((cells) => sql`(${sql.join(cells)})`);
    // MariaDB finds no range in a list of tuples
    const groups = [...new Set(keys.map(([group]) => group))];
    await sql`DELETE FROM ${sql.table(day.table)} WHERE coin_symbol = ${day.coinSymbol}
      AND ${sql.ref(day.columns[0]!)} IN (${sql.join(groups)}) AND ${isOfDay(day)}
      AND (${sql.join(key.map((name) => sql.ref(name)))}) IN (${sql.join(tuples)})`.execute(trx);
  }
  const rows = written.map((line) => rowOf(day, line));
  if (rows.length === 0) return;
  if (day.table === 'raw_blockchain_blocks') await freeHashes(trx, day.coinSymbol, rows);
  await upsertRows(trx, { table: day.table, key: ['coin_symbol', ...key], rows, logId });
}

/** A hash that another height has: after a reorganisation both heights are written, in whichever order. */
async function freeHashes(trx: Transaction<Schema>, coinSymbol: string, rows: readonly SqlRow[]): Promise<void> {
  const given = rows.map((row) => sql`(${row['block_id']}, ${row['block_hash']})`);
  await sql`DELETE FROM raw_blockchain_blocks WHERE coin_symbol = ${coinSymbol}
    AND block_hash IN (${sql.join(rows.map((row) => row['block_hash']))})
    AND (block_id, block_hash) NOT IN (${sql.join(given)})`.execute(trx);
}

function rowOf({ columns, coinSymbol }: CoinDay, line: string): SqlRow {
  const cells = line.split('\t');
  const values = columns.map((name, index) => [name, cells[index] === String.raw`\N` ? null : cells[index]!] as const);
  return { coin_symbol: coinSymbol, ...Object.fromEntries(values) };
}

/** Rows of the day, and the exact sum of a column of whole numbers over them, as the transaction sees them. */
export async function countAndSum(
  trx: Transaction<Schema>,
  day: CoinDay,
  range: GroupRange,
  column: string,
): Promise<{ rows: number; sum: bigint }> {
  const { rows } = await sql<{ n: number; total: string | null }>`
    SELECT COUNT(*) AS n, CAST(SUM(${sql.ref(column)}) AS CHAR) AS total ${fromDay(day, range)}`.execute(trx);
  return { rows: Number(rows[0]!.n), sum: BigInt(rows[0]!.total ?? 0) };
}

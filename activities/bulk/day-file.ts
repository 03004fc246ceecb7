import { SourceFailure } from '../failures';
import type { Bulk, BulkColumn, Reject, SourceCoin } from '../source';
import { bytes, cellWriter, longestCell, refused, type CellWriter } from './cells';
import { cellTexts, judgedColumns } from './canonical';
import { createGroup } from './group';

// A day's file as lines that the database takes as they are, in the order of the table's key. Whatever holds a block's
// rows is used again for the next one: memory does not grow with the day.

export interface DayFormat {
  bulk: Bulk;
  coin: SourceCoin;
  /** YYYY-MM-DD */
  date: string;
  /** of the columns, how many make the key (without coin_symbol) */
  keyColumns: number;
}

/** Lines of whole groups (blocks), each with its line end. */
export interface Batch {
  text: Buffer;
  groups: readonly { id: number; start: number; end: number; rows: number }[];
}

/** What was read so far. */
export interface DayTotals {
  rows: number;
  rejects: Reject[];
  /** over `sumColumn` of all rows */
  sum: bigint;
  firstGroup: number | undefined;
  lastGroup: number | undefined;
}

export function noTotals(): DayTotals {
  return { rows: 0, rejects: [], sum: 0n, firstGroup: undefined, lastGroup: undefined };
}

const batchBytes = 64 * 1024;

/** Beyond it, a file is not worth reading on: its form has changed. */
const mostRejects = 50_000;
/** Raw texts that are kept whole; later ones are cut, as they would fill the memory. */
const keptRawCharacters = 8_000_000;
const cutRawCharacters = 200;

/**
 * Reads decompressed bytes; `totals` grows with what is handed out. Throws SchemaMismatch for a file whose header, order
 * or amount is wrong, Unavailable for one that ends in the middle of a line.
 */
export async function* readDayFile(
  chunks: AsyncIterable<Buffer>,
  format: DayFormat,
  totals: DayTotals,
): AsyncGenerator<Batch, void> {
  const name = `the file of ${format.date}`;
  let rest: Buffer = Buffer.alloc(0);
  let reader: LineReader | undefined;
  for await (const chunk of chunks) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = data.indexOf(bytes.newline); end !== -1; end = data.indexOf(bytes.newline, from)) {
      if (reader) reader.take(data, from, end);
      else reader = lineReader(headerOf(data.subarray(from, end)), format, totals);
      from = end + 1;
    }
    rest = data.subarray(from);
    if (reader) yield* reader.full();
  }
  // no file ends with a line end
  if (rest.length > 0) {
    if (!reader) reader = lineReader(headerOf(rest), format, totals);
    else if (!reader.isWhole(rest)) throw new SourceFailure('Unavailable', `${name} ends in the middle of a line`);
    else reader.take(rest, 0, rest.length);
  }
  if (!reader) throw new SourceFailure('SchemaMismatch', `${name} is empty`);
  yield* reader.last();
  if (totals.rows + totals.rejects.length === 0) throw new SourceFailure('SchemaMismatch', `${name} has no rows`);
}

function headerOf(line: Buffer): string[] {
  return line.toString('utf8').split('\t');
}

interface LineReader {
  take(data: Buffer, start: number, end: number): void;
  /** it has as many cells as the header */
  isWhole(line: Buffer): boolean;
  /** the batches that are full, or at the end the last ones */
  full(): Iterable<Batch>;
  last(): Iterable<Batch>;
}

function lineReader(header: readonly string[], format: DayFormat, totals: DayTotals): LineReader {
  const { bulk, coin, date } = format;
  const columns = bulk.columns(coin);
  const cellOf = columns.map(({ cell, looks }) => (looks.form === 'none' ? 0 : header.indexOf(cell)));
  const missing = columns.filter((_, index) => cellOf[index] === -1).map(({ cell }) => cell);
  if (missing.length > 0) {
    throw new SourceFailure(
      'SchemaMismatch',
      `the file of ${date} has no column ${missing.join(', ')}; its columns: ${header.join(' ')}`,
    );
  }
  const writers = columns.map((each) => cellWriter(each, date));
  const sumAt = columns.findIndex(({ column }) => column === bulk.sumColumn);
  const group = createGroup(format.keyColumns, sumAt);
  const slow = slowWriter(columns, date);
  // where each cell begins; the last entry is behind the end of the line
  const starts = new Int32Array(header.length + 1);
  let lineNumber = 1;
  let rawCharacters = 0;
  let batches: Batch[] = [];
  let open = newBatch(0);

  function take(data: Buffer, start: number, end: number): void {
    lineNumber += 1;
    if (!findCells(data, start, end, starts)) {
      const found = countCells(data, start, end);
      reject({ key: null, field: null, reason: `${found} cells, ${header.length} expected` }, data, start, end);
      return;
    }
    const place = group.begin(columns.length * longestCell);
    let at = place;
    for (let index = 0; index < writers.length; index += 1) {
      const cell = cellOf[index]!;
      const to = writers[index]!(data, starts[cell]!, starts[cell + 1]! - 1, group.text(), at);
      if (to === refused) return takeSlowly(data, start, end);
      at = group.cellEnds(index, to);
    }
    commit(at);
  }

  /** By the rules of the API, for cells that look otherwise than they usually do. */
  function takeSlowly(data: Buffer, start: number, end: number): void {
    const texts = data.toString('utf8', start, end).split('\t');
    const cells = Object.fromEntries(
      header.map((name, index) => [name, texts[index] === String.raw`\N` ? null : texts[index]!]),
    );
    const judged = bulk.judge(coin, date, cells);
    if (!('row' in judged)) return reject(judged, data, start, end);
    let at = group.begin(columns.length * longestCell);
    for (const [index, text] of cellTexts(columns, judged.row).entries()) {
      const to = slow[index]!(text, group.text(), at);
      if (to === refused) {
        const { column, cell } = columns[index]!;
        const reason = `${cell}: ${text.slice(0, 60)} does not fit the column ${column}`;
        return reject({ key: cells['hash'] ?? null, field: cell, reason }, data, start, end);
      }
      at = group.cellEnds(index, to);
    }
    commit(at);
  }

  function commit(at: number): void {
    const id = group.idOfOpenRow();
    if (totals.lastGroup !== undefined && id < totals.lastGroup)
      throw new SourceFailure(
        'SchemaMismatch',
        `the file of ${date} is not in the order of its blocks: ${id} behind ${totals.lastGroup} in line ${lineNumber}`,
      );
    if (id !== totals.lastGroup) {
      const moved = flushGroup();
      totals.firstGroup ??= id;
      totals.lastGroup = id;
      return group.commit(at - moved, lineNumber);
    }
    group.commit(at, lineNumber);
  }

  /** Returns by how much the row that is being written has moved. */
  function flushGroup(): number {
    if (group.size() === 0) return 0;
    if (open.text.length - open.used < group.bytes()) {
      closeBatch();
      open = newBatch(group.bytes());
    }
    const start = open.used;
    const done = group.writeSorted(open.text, start, (duplicate) => {
      keep({ ...duplicate, key: null, field: null, reason: 'the same row stands twice' });
    });
    open.used = done.end;
    if (done.rows > 0) open.groups.push({ id: done.id, start, end: done.end, rows: done.rows });
    totals.rows += done.rows;
    totals.sum += done.sum;
    return done.moved;
  }

  function closeBatch(): void {
    if (open.groups.length > 0) batches.push({ text: open.text.subarray(0, open.used), groups: open.groups });
  }

  function reject(found: Omit<Reject, 'raw'>, data: Buffer, start: number, end: number): void {
    keep({ ...found, line: lineNumber, raw: data.toString('utf8', start, end) });
  }

  function keep({ raw, ...reject }: Reject): void {
    rawCharacters += raw.length;
    const isCut = rawCharacters > keptRawCharacters && raw.length > cutRawCharacters;
    totals.rejects.push({ ...reject, raw: isCut ? `${raw.slice(0, cutRawCharacters)}…` : raw });
    if (totals.rejects.length > mostRejects)
      throw new SourceFailure(
        'SchemaMismatch',
        `${mostRejects} rows of the file of ${date} were rejected, it was not read on. First: ${totals.rejects[0]!.reason}`,
      );
  }

  return {
    take,
    isWhole: (line) => countCells(line, 0, line.length) === header.length,
    *full() {
      const ready = batches;
      batches = [];
      yield* ready;
    },
    *last() {
      flushGroup();
      closeBatch();
      open = newBatch(0);
      yield* this.full();
    },
  };
}

interface OpenBatch {
  text: Buffer;
  used: number;
  groups: { id: number; start: number; end: number; rows: number }[];
}

function newBatch(least: number): OpenBatch {
  return { text: Buffer.allocUnsafe(least === 0 ? 0 : Math.max(batchBytes, least)), used: 0, groups: [] };
}

/** False where there are more or fewer cells than the header has. */
function findCells(data: Buffer, start: number, end: number, starts: Int32Array): boolean {
  const cells = starts.length - 1;
  let found = 1;
  starts[0] = start;
  for (let at = start; at < end; at += 1) {
    if (data[at] !== bytes.tab) continue;
    if (found === cells) return false;
    starts[found] = at + 1;
    found += 1;
  }
  starts[cells] = end + 1;
  return found === cells;
}

function countCells(data: Buffer, start: number, end: number): number {
  let cells = 1;
  for (let at = start; at < end; at += 1) if (data[at] === bytes.tab) cells += 1;
  return cells;
}

/** The quick writers again, for one text. */
function slowWriter(columns: readonly BulkColumn[], date: string) {
  const writers: CellWriter[] = judgedColumns(columns).map((each) => cellWriter({ ...each, nullable: true }, date));
  return writers.map((write) => (text: string, out: Buffer, at: number): number => {
    const input = Buffer.from(text, 'utf8');
    return write(input, 0, input.length, out, at);
  });
}

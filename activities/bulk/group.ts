import { bytes } from './cells';

/** A row that stands twice. */
export interface Duplicate {
  line: number;
  raw: string;
}

/** The rows of one block, one after the other, until they are written out in the order of the key. */
export interface Group {
  /** room for a row of so many bytes: where it begins */
  begin(bytes: number): number;
  /** the buffer to write it into; another one after `begin` */
  text(): Buffer;
  /** a cell ends at `at`: where the next one begins */
  cellEnds(index: number, at: number): number;
  /** value of the first cell of the row that is being written */
  idOfOpenRow(): number;
  /** the row is whole; its last cell's separator is at `at` - 1 */
  commit(at: number, line: number): void;
  size(): number;
  bytes(): number;
  /**
   * Writes all rows, sorted by key, and is empty afterwards but for the row that is being written, which moves to the
   * front. Of rows with the same key the first is written.
   */
  writeSorted(out: Buffer, at: number, onDuplicate: (duplicate: Duplicate) => void): Written;
}

export interface Written {
  id: number;
  /** behind the last line, in the buffer that was written to */
  end: number;
  rows: number;
  sum: bigint;
  /** by how much the row that is being written has moved */
  moved: number;
}

/** What is remembered of a row: where it begins, where its key and its summed cell are, and its line in the file. */
const [rowStart, keyEnd, sumStart, sumEnd, rowEnd, line, fields] = [0, 1, 2, 3, 4, 5, 6] as const;

/** Rows are sorted by four bytes of the second cell and their place in one number of 53 bits. */
const places = 2 ** 21;

export function createGroup(keyColumns: number, sumColumn: number): Group {
  let text = Buffer.allocUnsafe(1024 * 1024);
  let marks = new Int32Array(4_096 * fields);
  let order = new Float64Array(4_096);
  let rows = 0;
  let used = 0;
  let firstCellEnd = 0;
  let asked = 0;

  function compare(a: number, b: number): number {
    const [x, y] = [a * fields, b * fields];
    return (
      text.compare(text, marks[y + rowStart], marks[y + keyEnd], marks[x + rowStart], marks[x + keyEnd]) ||
      marks[x + line]! - marks[y + line]!
    );
  }

  function sortRows(firstEnd: number): Float64Array {
    if (order.length < rows) order = new Float64Array(rows * 2);
    const sorted = order.subarray(0, rows);
    if (rows > places) return sorted.map((_, index) => index).sort(compare);
    const skipped = firstEnd - marks[rowStart]! + 1;
    for (let row = 0; row < rows; row += 1)
      sorted[row] = text.readUInt32BE(marks[row * fields + rowStart]! + skipped) * places + row;
    // without a function of ours: ten times as fast
    sorted.sort();
    for (let from = 0; from < rows;) {
      const prefix = Math.floor(sorted[from]! / places);
      let to = from;
      for (; to < rows && Math.floor(sorted[to]! / places) === prefix; to += 1) sorted[to] = sorted[to]! % places;
      if (to - from > 1) sorted.subarray(from, to).sort(compare);
      from = to;
    }
    return sorted;
  }

  function moveOpenRow(): number {
    const moved = used;
    const open = rows * fields;
    // how long it is, nobody has said yet: no more than was asked for
    text.copyWithin(0, used, Math.min(text.length, used + asked));
    for (const mark of [rowStart, keyEnd, sumStart, sumEnd]) marks[mark] = marks[open + mark]! - moved;
    firstCellEnd -= moved;
    rows = 0;
    used = 0;
    return moved;
  }

  return {
    begin(most) {
      asked = most;
      if (text.length - used < most) {
        const larger = Buffer.allocUnsafe(text.length * 2 + most);
        text.copy(larger, 0, 0, used);
        text = larger;
      }
      if (marks.length < (rows + 1) * fields) {
        const larger = new Int32Array(marks.length * 2);
        larger.set(marks);
        marks = larger;
      }
      marks[rows * fields + rowStart] = used;
      return used;
    },
    text: () => text,
    cellEnds(index, at) {
      const row = rows * fields;
      text[at] = bytes.tab;
      if (index === 0) firstCellEnd = at;
      if (index === keyColumns - 1) marks[row + keyEnd] = at;
      if (index === sumColumn - 1) marks[row + sumStart] = at + 1;
      if (index === sumColumn) marks[row + sumEnd] = at;
      return at + 1;
    },
    idOfOpenRow: () => wholeNumber(text, marks[rows * fields + rowStart]!, firstCellEnd),
    commit(at, lineNumber) {
      text[at - 1] = bytes.newline;
      marks[rows * fields + rowEnd] = at;
      marks[rows * fields + line] = lineNumber;
      used = at;
      rows += 1;
    },
    size: () => rows,
    bytes: () => used,
    writeSorted(out, start, onDuplicate) {
      const firstEnd = text.indexOf(bytes.tab, marks[rowStart]);
      const id = wholeNumber(text, marks[rowStart]!, firstEnd);
      const sum = createSum();
      let at = start;
      let written = 0;
      let before = -1;
      for (const row of rows === 1 ? [0] : sortRows(firstEnd)) {
        const mark = row * fields;
        const from = marks[mark + rowStart]!;
        if (before !== -1 && isSameKey(before, row)) {
          onDuplicate({ line: marks[mark + line]!, raw: text.toString('latin1', from, marks[mark + rowEnd]! - 1) });
          continue;
        }
        before = row;
        at += text.copy(out, at, from, marks[mark + rowEnd]);
        sum.add(text, marks[mark + sumStart]!, marks[mark + sumEnd]!);
        written += 1;
      }
      const moved = moveOpenRow();
      return { id, end: at, rows: written, sum: sum.total(), moved };
    },
  };

  function isSameKey(a: number, b: number): boolean {
    const [x, y] = [a * fields, b * fields];
    return text.compare(text, marks[y + rowStart], marks[y + keyEnd], marks[x + rowStart], marks[x + keyEnd]) === 0;
  }
}

function wholeNumber(text: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) value = value * 10 + (text[at]! - bytes.zero);
  return value;
}

/** Exact: numbers that a double holds are added as such, the rest as big integers. NULL adds nothing. */
function createSum() {
  const safe = 15;
  let small = 0;
  let large = 0n;
  return {
    add(text: Buffer, start: number, end: number): void {
      const first = text[start]!;
      const isPlain = first >= bytes.zero;
      if (isPlain && end - start <= safe && first <= bytes.zero + 9) {
        small += wholeNumber(text, start, end);
        if (small > 4e15) {
          large += BigInt(small);
          small = 0;
        }
        return;
      }
      const digits = text.toString('latin1', start, end);
      if (digits !== String.raw`\N`) large += BigInt(digits);
    },
    total: () => large + BigInt(small),
  };
}

import type { Changes, TableGroup } from '../../db/day-load';
import type { Batch } from './day-file';

/** What a day's file changes in the table. */
export interface DayChanges {
  inserted: number;
  updated: number;
  unchanged: number;
  /** rows that the file does not have */
  removed: number;
}

/** Rows that are changed with one statement. */
const rowsAtOnce = 1_000;

/**
 * Goes through file and table side by side, both in the order of their groups, and hands out what differs. A group whose
 * text is the same on both sides is equal in every column; only others are looked at line by line.
 */
export async function compareDay(
  file: AsyncIterable<Batch>,
  table: AsyncIterable<TableGroup>,
  keyColumns: number,
  apply: (changes: Changes) => Promise<void>,
): Promise<DayChanges> {
  const total: DayChanges = { inserted: 0, updated: 0, unchanged: 0, removed: 0 };
  let written: string[] = [];
  let removed: string[] = [];
  const flush = async (): Promise<void> => {
    if (written.length === 0 && removed.length === 0) return;
    await apply({ written, removed });
    [written, removed] = [[], []];
  };
  const differ = async (given: Buffer, there: Buffer): Promise<void> => {
    const change = differences(linesOf(given), linesOf(there), keyColumns);
    total.inserted += change.inserted.length;
    total.updated += change.updated.length;
    total.unchanged += change.unchanged;
    total.removed += change.removed.length;
    for (const lines of chunks(change.removed)) {
      removed.push(...lines);
      if (removed.length >= rowsAtOnce) await flush();
    }
    for (const lines of chunks([...change.inserted, ...change.updated])) {
      written.push(...lines);
      if (written.length >= rowsAtOnce) await flush();
    }
  };

  const groups = table[Symbol.asyncIterator]();
  try {
    let there = await groups.next();
    for await (const batch of file) {
      for (const { id, start, end, rows } of batch.groups) {
        while (!there.done && there.value.id < id) {
          await differ(nothing, there.value.text);
          there = await groups.next();
        }
        // the last line end stands between groups
        const given = batch.text.subarray(start, end - 1);
        const other = !there.done && there.value.id === id ? there.value.text : nothing;
        if (given.equals(other)) total.unchanged += rows;
        else await differ(given, other);
        if (!there.done && there.value.id === id) there = await groups.next();
      }
    }
    for (; !there.done; there = await groups.next()) await differ(nothing, there.value.text);
    await flush();
  } finally {
    await groups.return?.(undefined);
  }
  return total;
}

const nothing = Buffer.alloc(0);

function linesOf(text: Buffer): string[] {
  return text.length === 0 ? [] : text.toString('latin1').split('\n').toSorted();
}

function* chunks(lines: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < lines.length; from += rowsAtOnce) yield lines.slice(from, from + rowsAtOnce);
}

/** Of lines in order: both sides of one group. */
export function differences(given: readonly string[], there: readonly string[], keyColumns: number) {
  const inserted: string[] = [];
  const updated: string[] = [];
  const removed: string[] = [];
  let unchanged = 0;
  let [a, b] = [0, 0];
  while (a < given.length || b < there.length) {
    const [mine, other] = [given[a], there[b]];
    if (mine === other) {
      unchanged += 1;
      a += 1;
      b += 1;
      continue;
    }
    const [myKey, otherKey] = [mine && keyOf(mine, keyColumns), other && keyOf(other, keyColumns)];
    if (myKey !== undefined && myKey === otherKey) {
      updated.push(mine!);
      a += 1;
      b += 1;
    } else if (otherKey === undefined || (myKey !== undefined && myKey < otherKey)) {
      inserted.push(mine!);
      a += 1;
    } else {
      removed.push(other!);
      b += 1;
    }
  }
  return { inserted, updated, removed, unchanged };
}

/** The key's cells with their separators, so that order of keys is order of lines. */
function keyOf(line: string, columns: number): string {
  let end = -1;
  for (let cell = 0; cell < columns; cell += 1) end = line.indexOf('\t', end + 1);
  return line.slice(0, end + 1);
}

import type { BulkColumn } from '../source';

// One cell of a file → the same value as the database would show it: decimals with all their places, times with
// microseconds, NULL as \N. That one text serves as the line to load and as what the table's rows are compared with.
// Bytes in, bytes out: a day has millions of cells, and a string for each would take most of the time.

/**
 * Writes the cell `input[start, end)` at `out[at]` and returns where it ends there, or `refused` where it does not look
 * as it usually does: for its line another, slower judge decides.
 */
export type CellWriter = (input: Buffer, start: number, end: number, out: Buffer, at: number) => number;

export const refused = -1;

/** The most bytes that a cell of any column takes, in the forms there are. */
export const longestCell = 160;

const [tab, minus, dot, zero, nine, backslash, space, tilde, capitalN, lowerX] = [
  ...[9, 45, 46, 48, 57, 92, 32, 126, 78, 120],
] as [number, number, number, number, number, number, number, number, number, number];
export const bytes = { tab, newline: 10, zero } as const;

/** @param date the file's day, YYYY-MM-DD */
export function cellWriter({ looks, nullable }: BulkColumn, date: string): CellWriter {
  const writer = writerOf(looks, date);
  return nullable ? orNull(writer) : writer;
}

function writerOf(looks: BulkColumn['looks'], date: string): CellWriter {
  switch (looks.form) {
    case 'whole':
      return whole(looks.most);
    case 'decimal':
      return decimal(looks.digits - looks.scale, looks.scale);
    case 'text':
      return text(looks.longest, looks.not === '0x');
    case 'time':
      return timeOf(date);
    case 'flag':
      return (input, start, end, out, at) => {
        const digit = input[start]!;
        if (end - start !== 1 || (digit !== zero && digit !== zero + 1)) return refused;
        out[at] = digit;
        return at + 1;
      };
    case 'none':
      return (_input, _start, _end, out, at) => {
        out[at] = backslash;
        out[at + 1] = capitalN;
        return at + 2;
      };
    case 'equals': {
      const wanted = Buffer.from(looks.text, 'latin1');
      return (input, start, end, out, at) => {
        if (input[start] === backslash) return refused;
        out[at] = wanted.compare(input, start, end) === 0 ? zero + 1 : zero;
        return at + 1;
      };
    }
  }
}

function orNull(writer: CellWriter): CellWriter {
  return (input, start, end, out, at) => {
    if (end - start !== 2 || input[start] !== backslash || input[start + 1] !== capitalN)
      return writer(input, start, end, out, at);
    out[at] = backslash;
    out[at + 1] = capitalN;
    return at + 2;
  };
}

/** Digits without a leading zero, up to `most`. */
function whole(most: number): CellWriter {
  return (input, start, end, out, at) => {
    if (start === end || end - start > 16 || (input[start] === zero && end - start > 1)) return refused;
    let value = 0;
    for (let from = start; from < end; from += 1) {
      const digit = input[from]!;
      if (digit < zero || digit > nine) return refused;
      value = value * 10 + (digit - zero);
      out[at + from - start] = digit;
    }
    return value <= most ? at + end - start : refused;
  };
}

/** `-12.5` with at most so many digits before and behind the point; zeros fill the places that are left. */
function decimal(integerDigits: number, scale: number): CellWriter {
  return (input, start, end, out, at) => {
    let from = start;
    let to = at;
    if (input[from] === minus) {
      out[to++] = minus;
      from += 1;
    }
    const first = from;
    let isZero = true;
    while (from < end) {
      const digit = input[from]!;
      if (digit < zero || digit > nine) break;
      if (digit !== zero) isZero = false;
      out[to++] = digit;
      from += 1;
    }
    const digits = from - first;
    if (digits === 0 || digits > integerDigits || (input[first] === zero && digits > 1)) return refused;
    let places = 0;
    if (scale > 0) out[to++] = dot;
    if (from < end) {
      if (input[from] !== dot || scale === 0) return refused;
      places = end - from - 1;
      if (places === 0 || places > scale) return refused;
      for (from += 1; from < end; from += 1) {
        const digit = input[from]!;
        if (digit < zero || digit > nine) return refused;
        if (digit !== zero) isZero = false;
        out[to++] = digit;
      }
    }
    // the database knows no -0
    if (isZero && first > start) return refused;
    for (; places < scale; places += 1) out[to++] = zero;
    return to;
  };
}

/** Printable ASCII without spaces and backslashes, as hashes are. */
function text(longest: number, not0x: boolean): CellWriter {
  return (input, start, end, out, at) => {
    const length = end - start;
    if (length === 0 || length > longest) return refused;
    if (not0x && input[start] === zero && input[start + 1] === lowerX) return refused;
    for (let index = 0; index < length; index += 1) {
      const byte = input[start + index]!;
      if (byte <= space || byte > tilde || byte === backslash) return refused;
      out[at + index] = byte;
    }
    return at + length;
  };
}

/** `2026-11-21 23:59:59` of the file's day, with the microseconds that the table has. */
function timeOf(date: string): CellWriter {
  const day = Buffer.from(`${date} `, 'latin1');
  const micros = Buffer.from('.000000', 'latin1');
  const length = 'YYYY-MM-DD hh:mm:ss'.length;
  return (input, start, end, out, at) => {
    if (end - start !== length) return refused;
    for (let index = 0; index < day.length; index += 1) {
      if (input[start + index] !== day[index]) return refused;
      out[at + index] = day[index]!;
    }
    for (let index = day.length; index < length; index += 1) {
      const byte = input[start + index]!;
      const isColon = index === 13 || index === 16;
      if (isColon ? byte !== 58 : byte < zero || byte > nine) return refused;
      out[at + index] = byte;
    }
    const isTime =
      twoDigits(input, start + 11) < 24 && twoDigits(input, start + 14) < 60 && twoDigits(input, start + 17) < 60;
    if (!isTime) return refused;
    for (let index = 0; index < micros.length; index += 1) out[at + length + index] = micros[index]!;
    return at + length + micros.length;
  };
}

function twoDigits(input: Buffer, at: number): number {
  return (input[at]! - zero) * 10 + input[at + 1]! - zero;
}

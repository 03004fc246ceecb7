// The text of one row in a backup, `(144,'BTC',NULL,_utf8mb4 x'E282BF')`: SQL that every MySQL and MariaDB reads in every
// sql_mode and character set, because all of it is printable ASCII on one line, without a backslash and without a quote
// inside quotes. What is not so plain is written in hexadecimal digits. The grammar is so small that a line can be
// checked sign by sign before a server sees it: a backup file is untrusted input.

/** number: digits as the server prints them · text: everything with characters · bytes: without a character set */
export type ValueKind = 'number' | 'text' | 'bytes';

const plain = /^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/;
const notPlain = /[^\x20-\x26\x28-\x5b\x5d-\x7e]/;
const digits = /^-?\d{1,80}(\.\d{1,40})?$/;

/** `bytes` holds one character per byte, as the server sent them (latin1); null is NULL. */
export function valueText(kind: ValueKind, bytes: string | null): string {
  if (bytes === null) return 'NULL';
  if (kind === 'number') return bytes;
  if (kind === 'text' && plain.test(bytes)) return `'${bytes}'`;
  const hex = Buffer.from(bytes, 'latin1').toString('hex').toUpperCase();
  return kind === 'text' ? `_utf8mb4 x'${hex}'` : `x'${hex}'`;
}

/** Throws for a line that is anything but a row of these columns. It then is safe to send to a server as it is. */
export function assertRowText(line: string, kinds: readonly ValueKind[]): void {
  const end = line.length - 1;
  if (line.charCodeAt(0) !== 40 || line.charCodeAt(end) !== 41) throw new NoRow('it does not stand in brackets');
  let at = 1;
  for (const [index, kind] of kinds.entries()) {
    at = endOfValue(line, at, kind);
    const isLast = index === kinds.length - 1;
    if (isLast ? at !== end : line.charCodeAt(at) !== 44)
      throw new NoRow(`${kinds.length} values are expected, and value ${index + 1} does not end at ${at}`);
    at += 1;
  }
}

class NoRow extends Error {
  constructor(why: string) {
    super(`not a row of this table: ${why}`);
  }
}

/** Where the value that begins at `at` ends; throws where none of its kind is there. */
function endOfValue(line: string, at: number, kind: ValueKind): number {
  if (line.startsWith('NULL', at)) return at + 4;
  if (kind === 'number') {
    const comma = line.indexOf(',', at);
    const end = comma === -1 ? line.length - 1 : comma;
    if (end - at > 130 || !digits.test(line.slice(at, end))) throw new NoRow(`no number at ${at}`);
    return end;
  }
  if (kind === 'text' && line.charCodeAt(at) === 39) {
    const end = line.indexOf("'", at + 1);
    if (end === -1 || notPlain.test(line.slice(at + 1, end))) throw new NoRow(`no text at ${at}`);
    return end + 1;
  }
  const prefix = kind === 'text' ? "_utf8mb4 x'" : "x'";
  if (!line.startsWith(prefix, at)) throw new NoRow(`no value at ${at}`);
  const begin = at + prefix.length;
  const end = line.indexOf("'", begin);
  if (end === -1 || (end - begin) % 2 !== 0 || /[^0-9A-F]/.test(line.slice(begin, end)))
    throw new NoRow(`no hexadecimal digits at ${begin}`);
  return end + 1;
}

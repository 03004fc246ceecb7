/** A cell of a table: numbers stand right, null and undefined are `-`. */
export type Cell = string | number | boolean | null | undefined;

export interface TableOptions {
  header?: readonly string[];
}

/**
 * Plain aligned columns, two spaces apart. Columns of numbers stand right. One line per row: line breaks within a cell
 * become spaces.
 */
export function table(rows: readonly (readonly Cell[])[], { header }: TableOptions = {}): string[] {
  const texts = rows.map((row) => row.map(cellText));
  const all = header ? [[...header], ...texts] : texts;
  const columns = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  const isRight = Array.from({ length: columns }, (_, column) => isNumeric(texts.map((row) => row[column] ?? '-')));
  return all.map((row) =>
    row
      .map((text, column) => (isRight[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '-';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  return isoTime(String(cell)).replaceAll(/\s*[\r\n\t]\s*/g, ' ');
}

function isNumeric(texts: readonly string[]): boolean {
  return texts.some((text) => text !== '-') && texts.every((text) => /^(-|-?\d+(\.\d+)?)$/.test(text));
}

/** A time as the database gives it, `2026-11-21 00:00:00.000000` in UTC, as ISO with Z; any other text as it is. */
export function isoTime(text: string): string {
  return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text) ? `${text.replace(' ', 'T')}Z` : text;
}

/** The one JSON document of `--json`: times as ISO with Z, flags as true and false, amounts the strings they are. */
export function jsonDocument(document: unknown): string {
  const text = JSON.stringify(
    document,
    (key, value: unknown) => {
      if (typeof value === 'string') return isoTime(value);
      if (typeof value === 'bigint') return value.toString();
      // BOOLEAN columns come as 0 and 1
      return (value === 0 || value === 1) && /^is_|_enabled$/.test(key) ? value === 1 : value;
    },
    2,
  );
  return `${text ?? 'null'}\n`;
}

/** `1 row`, `144 rows`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `412 ms`, `12.3 s`, `2 h 01 min`. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 120
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

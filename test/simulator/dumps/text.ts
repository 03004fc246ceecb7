import type { Row } from '../world/bitcoin-like';
import type { ChainTables, TableName } from '../world/tables';
import { DAY_MS } from '../world/time';

/** What the REST tables have and the dumps have not. */
const notInDumps: Readonly<Record<TableName, readonly string[]>> = {
  blocks: ['date'],
  transactions: ['date', 'id'],
};

/** The text of a day's file: header line, LF, no line end behind the last row. Undefined: the day has no blocks. */
export function dumpText(chain: ChainTables, table: TableName, dayMs: number): string | undefined {
  const first = chain.timeline.lastAt(dayMs - 1) + 1;
  const last = chain.timeline.lastAt(dayMs + DAY_MS - 1);
  if (last < first) return undefined;
  const isEthereum = chain.coin.chain.family === 'ethereum';
  const lines: string[] = [];
  let columns: string[] | undefined;
  for (let id = first; id <= last; id += 1) {
    for (const row of chain.rows(table, chain.timeline.slot(id)!)) {
      columns ??= Object.keys(row).filter((name) => !notInDumps[table].includes(name));
      if (lines.length === 0) lines.push(columns.join('\t'));
      lines.push(columns.map((name) => cell(row, name, isEthereum)).join('\t'));
    }
  }
  return lines.join('\n');
}

/** Booleans are digits, NULL is \N, and Ethereum's hex comes without 0x. */
function cell(row: Row, name: string, isEthereum: boolean): string {
  const value = row[name] as string | number | bigint | boolean | null | undefined;
  if (value === null || value === undefined) return String.raw`\N`;
  if (typeof value === 'boolean') return value ? '1' : '0';
  const text = String(value);
  return isEthereum && text.startsWith('0x') ? text.slice(2) : text;
}

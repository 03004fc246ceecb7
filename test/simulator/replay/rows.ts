import { isObject } from '../json';
import type { Row } from '../world/bitcoin-like';

const TEXTS = new Set([
  'hash',
  'time',
  'median_time',
  'version_hex',
  'version_bits',
  'merkle_root',
  'chainwork',
  'coinbase_data_hex',
  'guessed_miner',
  'cbtx',
]);
const FLAGS = new Set(['is_coinbase', 'has_witness']);

/** The table rows in a recorded answer: those of a table, or the block or transaction of a dashboard. */
export function rowsOfAnswer(answer: unknown): Row[] {
  const data = isObject(answer) ? answer['data'] : undefined;
  if (Array.isArray(data)) return data.filter(isObject);
  if (!isObject(data)) return [];
  return Object.values(data).flatMap((entry) => {
    const row = isObject(entry) ? (entry['block'] ?? entry['transaction']) : undefined;
    return isObject(row) ? [row] : [];
  });
}

/**
 * The rows of a daily dump in the shape of the REST tables: `date` is the day of `time`, and transactions, whose
 * internal id is not in dumps, are numbered from their first block's id.
 */
export function rowsOfDump(text: string): Row[] {
  const [header = '', ...lines] = text.split('\n');
  const columns = header.split('\t');
  const firstBlock = Number(lines[0]?.split('\t')[columns.indexOf('block_id')]);
  return lines
    .filter((line) => line !== '')
    .map((line, index) => {
      const cells = line.split('\t');
      const row: Row = Object.fromEntries(columns.map((column, at) => [column, cellOf(column, cells[at] ?? '')]));
      const date = String(row['time']).slice(0, 10);
      return columns.includes('id') ? { ...row, date } : { id: firstBlock + index, ...row, date };
    });
}

function cellOf(column: string, cell: string): unknown {
  if (cell === '\\N') return null;
  if (FLAGS.has(column)) return cell === '1';
  return TEXTS.has(column) ? cell : Number(cell);
}

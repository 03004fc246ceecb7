import type { Bulk, BulkColumn, CellForm, Reject, Row, SourceCoin } from '../source';
import {
  bitcoinTransactionRow,
  blockRow,
  ethereumTransactionRow,
  isEthereum,
  outsideDay,
  sort,
  type Parsed,
} from './rows';
import { bitcoinTransaction, block, ethereumTransaction } from './schema';

// The daily dumps: https://gz.blockchair.com/{chain}/{table}/blockchair_{chain}_{table}_YYYYMMDD.tsv.gz. `columns` says
// how the cells of an ordinary line look; whatever looks otherwise is judged by the schema of the API, so that both ways
// to a row know the same rules. Names and order of the files' columns: SOURCES, section a2.

const whole: CellForm = { form: 'whole', most: Number.MAX_SAFE_INTEGER };
const whole32: CellForm = { form: 'whole', most: 0xffff_ffff };
const hash: CellForm = { form: 'text', longest: 128, not: '0x' };
const usd: CellForm = { form: 'decimal', digits: 30, scale: 12 };
const native: CellForm = { form: 'decimal', digits: 38, scale: 0 };
const none: CellForm = { form: 'none' };
const time: CellForm = { form: 'time' };

const blockColumns: readonly BulkColumn[] = [
  { column: 'block_id', cell: 'id', looks: whole },
  { column: 'block_hash', cell: 'hash', looks: hash },
  { column: 'block_time', cell: 'time', looks: time },
  { column: 'transaction_count', cell: 'transaction_count', looks: whole32 },
  { column: 'size_bytes', cell: 'size', looks: whole },
  { column: 'difficulty', cell: 'difficulty', looks: { form: 'decimal', digits: 50, scale: 15 } },
];

const bitcoinColumns: readonly BulkColumn[] = [
  { column: 'block_id', cell: 'block_id', looks: whole },
  { column: 'tx_hash', cell: 'hash', looks: hash },
  { column: 'tx_time', cell: 'time', looks: time },
  { column: 'fee_usd', cell: 'fee_usd', looks: usd, nullable: true },
  { column: 'output_total_usd', cell: 'output_total_usd', looks: usd, nullable: true },
  { column: 'fee_native', cell: 'fee', looks: native },
  { column: 'output_total_native', cell: 'output_total', looks: native },
  { column: 'input_count', cell: 'input_count', looks: whole32 },
  { column: 'output_count', cell: 'output_count', looks: whole32 },
  { column: 'size_bytes', cell: 'size', looks: whole32 },
  { column: 'is_coinbase', cell: 'is_coinbase', looks: { form: 'flag' } },
];

/** A reward has no hash (`\N`), so its line is judged; its row still needs its flag from here. */
const ethereumColumns: readonly BulkColumn[] = [
  { column: 'block_id', cell: 'block_id', looks: whole },
  { column: 'tx_hash', cell: 'hash', looks: hash },
  { column: 'tx_time', cell: 'time', looks: time },
  { column: 'fee_usd', cell: 'fee_usd', looks: usd, nullable: true },
  { column: 'output_total_usd', cell: 'value_usd', looks: usd, nullable: true },
  { column: 'fee_native', cell: 'fee', looks: native, nullable: true },
  { column: 'output_total_native', cell: 'value', looks: native },
  ...['input_count', 'output_count', 'size_bytes'].map((column) => ({ column, cell: '', looks: none })),
  { column: 'is_coinbase', cell: 'type', looks: { form: 'equals', text: 'synthetic_coinbase' } },
];

export const blockDumps: Bulk = {
  path: (coin, date) => dumpPath(coin, 'blocks', date),
  columns: () => blockColumns,
  sumColumn: 'size_bytes',
  judge: (coin, date, cells) =>
    judged(cells, date, block.safeParse(numbered(cells, ['id', 'transaction_count', 'size'])), (item) =>
      blockRow(coin, item),
    ),
};

export const transactionDumps: Bulk = {
  path: (coin, date) => dumpPath(coin, 'transactions', date),
  columns: (coin) => (isEthereum(coin) ? ethereumColumns : bitcoinColumns),
  sumColumn: 'output_total_native',
  judge: (coin, date, cells) => {
    if (isEthereum(coin)) {
      const parsed = ethereumDumpTransaction.safeParse(
        numbered({ ...cells, recipient: with0x(cells.recipient) }, ['block_id']),
      );
      return judged(cells, date, parsed, (item) => ethereumTransactionRow(coin, { ...item, id: 0 }));
    }
    const counts = numbered(cells, ['block_id', 'size', 'input_count', 'output_count']);
    const parsed = bitcoinDumpTransaction.safeParse({ ...counts, is_coinbase: flag(cells.is_coinbase) });
    return judged(cells, date, parsed, (item) => bitcoinTransactionRow(coin, { ...item, id: 0 }));
  },
};

/** The API's internal id is not in the dumps, and not stored. */
const bitcoinDumpTransaction = bitcoinTransaction.omit({ id: true });
const ethereumDumpTransaction = ethereumTransaction.omit({ id: true });

function dumpPath(coin: SourceCoin, table: string, date: string): string {
  return `/${coin.sourceId}/${table}/blockchair_${coin.sourceId}_${table}_${date.replaceAll('-', '')}.tsv.gz`;
}

type Cells = Readonly<Record<string, string | null | undefined>>;

/** As the API has them: what it sends as a JSON number is one, where its digits allow. */
function numbered(cells: Cells, names: readonly string[]): Record<string, unknown> {
  const numbers = names.flatMap((name) => {
    const text = cells[name];
    return typeof text === 'string' && /^-?\d+(\.\d+)?$/.test(text) ? [[name, Number(text)] as const] : [];
  });
  return { ...cells, ...Object.fromEntries(numbers) };
}

/** The API's form of an address, which is part of a reward's key (SOURCES, trap 5: dumps leave out 0x). */
function with0x(address: string | null | undefined): string | null {
  return typeof address === 'string' && /^[\da-f]{40}$/i.test(address) ? `0x${address}` : (address ?? null);
}

/** Booleans are 1 and 0 in the dumps. */
function flag(cell: string | null | undefined): unknown {
  return cell === '1' ? true : cell === '0' ? false : cell;
}

/** One line, by the rules of an item of the API. */
function judged<T extends { time: string }>(
  cells: Cells,
  date: string,
  parsed: Parsed<T>['parsed'],
  toRow: (item: T) => Row,
): { row: Row } | Reject {
  const problem = ({ time: at }: T): string | undefined => outsideDay(at, date);
  const { rows, rejects } = sort([{ raw: cells, parsed }], ['hash', 'id'], problem, toRow);
  return rows[0] ? { row: rows[0] } : rejects[0]!;
}

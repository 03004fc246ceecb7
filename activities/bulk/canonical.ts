import { plainDecimal } from '../numbers';
import type { BulkColumn, Row, Value } from '../source';

/**
 * A row that the slow judge took, as texts that the quick writers take: decimals are rounded to the places of their
 * column as the database would (half away from zero). The writers still say whether they fit.
 */
export function cellTexts(columns: readonly BulkColumn[], row: Row): string[] {
  return columns.map((each) => cellText(each, row[each.column] ?? null));
}

/** The same columns for cells that were judged: `equals` has its answer already, and any text may begin with 0x. */
export function judgedColumns(columns: readonly BulkColumn[]): BulkColumn[] {
  return columns.map(({ looks, ...column }) => {
    if (looks.form === 'equals') return { ...column, looks: { form: 'flag' } };
    return { ...column, looks: looks.form === 'text' ? { ...looks, not: undefined } : looks };
  });
}

function cellText({ looks }: BulkColumn, value: Value): string {
  if (value === null) return String.raw`\N`;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (looks.form === 'decimal') return rounded(plainDecimal(String(value)), looks.scale);
  return String(value);
}

function rounded(plain: string, scale: number): string {
  const [whole = '0', fraction = ''] = plain.replace('-', '').split('.');
  if (fraction.length <= scale) return plain;
  const kept = BigInt(whole + fraction.slice(0, scale)) + (fraction[scale]! >= '5' ? 1n : 0n);
  const digits = String(kept).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return plain.startsWith('-') && kept !== 0n ? `-${text}` : text;
}

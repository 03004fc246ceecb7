import type { Unit } from '../../db/queries/changed-units';
import { quoted, unitCondition } from './shapes';

// The lines of a file of rows, which the stock client reads as SQL: `gunzip -c … | mariadb database`. A restore of ours
// executes none of them. It makes the same lines anew from the manifest and compares, so that only rows, checked sign by
// sign, ever come from the file.

/** First lines of a file. */
export function fileHead(id: string, table: string): string[] {
  return [`-- cryptoflow backup ${id}, table ${table}`, `SET time_zone = '+00:00';`];
}

/** Lines before the rows of a part. What it replaces is deleted in the transaction that brings the new rows. */
export function partHead(table: string, unit: Unit | null, isTransaction: boolean): string[] {
  const where = unit === null ? '' : ` WHERE ${unitCondition(unit)}`;
  return [...(isTransaction ? ['START TRANSACTION;'] : []), `DELETE FROM ${quoted(table)}${where};`];
}

export function partFoot(isTransaction: boolean): string[] {
  return isTransaction ? ['COMMIT;'] : [];
}

/** A line before some rows. REPLACE: a row that has moved here from another unit leaves its old place. */
export function statementHead(table: string, columns: readonly string[], isUnit: boolean): string {
  return `${isUnit ? 'REPLACE' : 'INSERT'} INTO ${quoted(table)} (${columns.map(quoted).join(', ')}) VALUES`;
}

/** A statement ends before it is larger: far below every server's max_allowed_packet (16 MB, 64 MB). */
export const longestStatement = 500_000;
export const mostRowsOfStatement = 1_000;

/** Longest line that a file may have: a raw record of 64 KB in hexadecimal digits, many times over. */
export const longestLine = 8 * 1024 * 1024;

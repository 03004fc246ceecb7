import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { RunResult } from '../activities/runs';

export const datasetAttribute = defineSearchAttributeKey('CryptoflowDataset', SearchAttributeType.KEYWORD);
export const coinAttribute = defineSearchAttributeKey('CryptoflowCoin', SearchAttributeType.KEYWORD);
export const statusAttribute = defineSearchAttributeKey('CryptoflowStatus', SearchAttributeType.KEYWORD);
export const logicalDateAttribute = defineSearchAttributeKey('CryptoflowLogicalDate', SearchAttributeType.DATETIME);

export function tagStatus(status: string): void {
  upsertSearchAttributes([{ key: statusAttribute, value: status }]);
}

export function tagRunning(date: string): void {
  upsertSearchAttributes([
    { key: logicalDateAttribute, value: new Date(date) },
    { key: statusAttribute, value: 'running' },
  ]);
}

/** A line of the details table: a run that has not ended yet has no result. */
export interface DetailsLine {
  dataset: string;
  coin: string;
  result?: RunResult;
}

/** What the UI shows under *Current Details* of a DAG: its datasets, their status and rows. */
export function showDetails(first: string, lines: readonly DetailsLine[]): void {
  const rows = lines.map(({ dataset, coin, result }) => {
    return [dataset, coin, result?.status ?? 'running', result ? rowsText(result.counts) : '', result?.message ?? ''];
  });
  setCurrentDetails(`${first}\n\n${markdownTable(['dataset', 'coin', 'status', 'rows', 'note'], rows)}`);
}

function rowsText({ processed, inserted, updated }: RunResult['counts']): string {
  return processed === 0 ? '0' : `${processed} (${inserted} new, ${updated} changed)`;
}

/** A table in Markdown. Upstream text must not break, or write, ours: every cell is escaped. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

/** The whole text is in the log; here it would push the other columns away. */
const longestCell = 120;

function cell(text: string): string {
  const plain = text.replaceAll(/\s+/g, ' ');
  const short = plain.length > longestCell ? `${plain.slice(0, longestCell)}…` : plain;
  // the UI draws cells without any space between them
  return `${short.replaceAll(/[\\`*_{}[\]<>()#|!~]/g, (character) => `\\${character}`)}\u00a0\u00a0`;
}

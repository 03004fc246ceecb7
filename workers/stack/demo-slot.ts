import { sql, type Kysely } from 'kysely';
import type { SlotResult } from '../../activities/collect';
import type { Schema } from '../../db/schema';
import { table, type Cell } from '../output';
import type { RunningStack } from './bring-up';

const shownAssets = 8;

/** Collects the present slot and shows its rows and their quality. Returns whether every source answered. */
export async function collectSlot(
  { client, db }: RunningStack,
  label: string,
  say: (line: string) => void,
): Promise<boolean> {
  say(`\ncollectOnchainAndSentiment for this quarter-hour (${label})`);
  const workflowId = `collectOnchainAndSentiment/demo/${new Date().toISOString().slice(0, 19)}Z`;
  const result: SlotResult = await client.workflow.execute('collectOnchainAndSentiment', {
    ...{ taskQueue: 'cryptoflow', workflowId, args: [], staticSummary: label },
  });
  say(table(result.sources.map(({ source, status, message }) => [source, status, message ?? ''])).join('\n'));
  say(`\nslot ${result.slot} (${label})\n${(await rowsOf(db, result.slot)).join('\n')}`);
  say(`${result.assets} assets; what came after the slot had begun counts from the next one on`);
  say(`\nquality (${label})\n${(await qualityOf(db)).join('\n')}`);
  return result.status === 'success' || result.status === 'skipped';
}

async function rowsOf(db: Kysely<Schema>, slot: string): Promise<string[]> {
  const columns = ['active_addresses', 'hash_rate', 'github_commits_30d', 'data_quality_score', 'data_source'] as const;
  const rows = await db
    .selectFrom('onchain_data')
    .select(['symbol', ...columns])
    .where('timestamp_iso', '=', `${slot.slice(0, -1).replace('T', ' ')}:00`)
    .orderBy('data_quality_score', 'desc')
    .orderBy('symbol')
    .limit(shownAssets)
    .execute();
  return table(
    rows.map((row) => [row.symbol, ...columns.map((column): Cell => row[column] ?? 'NULL')]),
    { header: ['symbol', ...columns] },
  );
}

async function qualityOf(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ tier: string; records: number; average: string }>`
    SELECT CASE WHEN data_quality_score >= 0.9 THEN 'High' WHEN data_quality_score >= 0.7 THEN 'Medium' ELSE 'Low' END AS tier,
      COUNT(*) AS records, ROUND(AVG(data_quality_score), 2) AS average
    FROM onchain_data WHERE timestamp_iso > UTC_TIMESTAMP(6) - INTERVAL 24 HOUR GROUP BY 1 ORDER BY 3 DESC`.execute(db);
  return table(
    rows.map(({ tier, records, average }) => [tier, records, average]),
    { header: ['tier', 'rows of 24 h', 'mean score'] },
  );
}

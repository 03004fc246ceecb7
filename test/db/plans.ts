import { sql, type Kysely, type RawBuilder } from 'kysely';
import { dailyNetworkMetricsQuery, selectionQuery } from '../../db/queries/views';
import type { Schema } from '../../db/schema';

// What `cli show` asks of the tables of slots, and how a server goes about it.

type Query = RawBuilder<unknown>;

export interface ReadsOf {
  /** `table key` of the plan */
  keys: readonly string[];
  /** partitions at most; undefined: an index of assets is looked up in each of them */
  months?: number;
}

const byCoin = [{ column: 'coin_id' }];
const limit = 51;
const of = (from: keyof Schema, more: object = {}): Query =>
  selectionQuery({ from, equal: {}, orderBy: byCoin, limit, ...more });

/** Days that reach into two months at most, however the calendar lies. */
const week = { days: 7, limit };

export const shownQueries: readonly (readonly [name: string, query: Query, reads: ReadsOf])[] = [
  ['onchain_latest', of('onchain_latest'), { keys: ['onchain_data idx_coin_timestamp'] }],
  [
    'onchain_latest of a coin',
    of('onchain_latest', { equal: { coin_id: 'bitcoin' } }),
    { keys: ['onchain_data idx_coin_timestamp'] },
  ],
  ['sentiment_latest', of('sentiment_latest'), { keys: ['crypto_sentiment_data idx_coin_timestamp'] }],
  ['data_quality_24h', of('data_quality_24h'), { keys: ['onchain_data uq_slot_coin'], months: 2 }],
  [
    'schema_coverage_24h',
    of('schema_coverage_24h', { orderBy: [{ column: 'table_name' }, { column: 'position' }] }),
    { keys: ['onchain_data uq_slot_coin'], months: 2 },
  ],
  // a week is a good part of its month: the servers may read that month in its own order
  ['network_metrics_daily of days', dailyNetworkMetricsQuery(week), { keys: [], months: 2 }],
  [
    'network_metrics_daily of a coin',
    dailyNetworkMetricsQuery({ coinId: 'bitcoin', days: limit, limit }),
    { keys: ['onchain_data idx_coin_timestamp'], months: 3 },
  ],
  [
    'network_metrics_daily of days of a coin',
    dailyNetworkMetricsQuery({ coinId: 'bitcoin', ...week }),
    { keys: ['onchain_data idx_coin_timestamp'], months: 2 },
  ],
];

export interface PlanStep {
  table: string;
  key: string | null;
  type: string | null;
  partitions: string[];
  rows: number;
}

/** The steps of a plan that read tables of ours, under the tables' own names. */
export async function planOf(db: Kysely<Schema>, query: Query): Promise<PlanStep[]> {
  const { rows: servers } = await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db);
  const explain = servers[0]!.version.includes('MariaDB') ? sql`EXPLAIN PARTITIONS` : sql`EXPLAIN FORMAT=TRADITIONAL`;
  const { rows } = await sql<Record<string, string | number | null>>`${explain} ${query}`.execute(db);
  return rows.map((row) => ({
    table: String(row.table),
    key: row.key as string | null,
    type: row.type as string | null,
    partitions: String(row.partitions ?? '')
      .split(',')
      .filter(Boolean),
    rows: Number(row.rows),
  }));
}

/** Steps that read all there is of a table of slots, of more months than `months`. */
export function fullReads(plan: readonly PlanStep[], months = 0): PlanStep[] {
  const isFull = ({ type }: PlanStep) => type === 'ALL' || type === 'index';
  return plan.filter((step) => isFull(step) && step.partitions.length > months);
}

import type { ColumnType, Generated } from 'kysely';

// One row type per table and view; meanings and units are the columns' comments in the database.

/** UTC: read as 'YYYY-MM-DD HH:MM:SS.ffffff', written as such or as a Date (milliseconds). */
type Time = ColumnType<string, string | Date, string | Date>;
/** UTC day, 'YYYY-MM-DD'. */
type Day = string;
/** Exact, never a float. */
type Decimal = string;
/** JSON as text: MySQL would hand out objects, MariaDB text. */
type Json = string;
/** All 64 bits: a string beyond 2^53. */
type Bits = ColumnType<number | string, bigint | number | string, bigint | number | string>;
/** Units of a budget: counted, not money. */
type Units = ColumnType<string, string | number, string | number>;
type Flag = ColumnType<0 | 1, boolean | 0 | 1, boolean | 0 | 1>;
type Default<T> = T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S, I | undefined, U> : Generated<T>;
type Null<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S | null, I | null | undefined, U | null>
    : ColumnType<T | null, T | null | undefined, T | null>;
interface Stamps {
  created_at: Default<Time>;
  updated_at: Default<Time>;
}
interface Counts {
  records_inserted: Default<number>;
  records_updated: Default<number>;
  records_unchanged: Default<number>;
  records_rejected: Default<number>;
}

type NetworkType = 'pow' | 'pos' | 'hybrid' | 'token';
type RunStatus = 'running' | 'success' | 'partial' | 'failed' | 'cancelled' | 'skipped';

// prettier-ignore
interface OnchainMetrics {
  active_addresses: Null<number>; transaction_count: Null<number>; transaction_volume: Null<Decimal>; block_height: Null<number>; block_time_seconds: Null<Decimal>;
  hash_rate: Null<Decimal>; difficulty: Null<Decimal>;
  circulating_supply: Null<Decimal>; total_supply: Null<Decimal>; max_supply: Null<Decimal>; supply_inflation_rate: Null<Decimal>;
  network_value_to_transactions: Null<Decimal>; realized_cap: Null<Decimal>; mvrv_ratio: Null<Decimal>; nvt_ratio: Null<Decimal>;
  github_commits_30d: Null<number>; developer_activity_score: Null<Decimal>;
  staking_yield: Null<Decimal>; staked_percentage: Null<Decimal>; validator_count: Null<number>;
  total_value_locked: Null<Decimal>; defi_protocols_count: Null<number>;
}
// prettier-ignore
interface SentimentMetrics {
  reddit_posts_24h: Null<number>; reddit_comments_24h: Null<number>; reddit_subscribers: Null<number>; reddit_avg_posts_48h: Null<Decimal>; reddit_karma_avg_48h: Null<Decimal>;
  twitter_followers: Null<number>; telegram_channel_user_count: Null<number>; social_sentiment_score: Null<Decimal>; community_score: Null<Decimal>;
}
interface Quality {
  data_source: Null<string>;
  data_quality_score: Null<Decimal>;
  collected_at: Default<Time>;
  log_id: number;
}
interface SlotRow extends Quality, Stamps {
  id: Generated<number>;
  symbol: string;
  coin_id: string;
  timestamp_iso: Time;
}
interface LatestRow extends Quality {
  coin_id: string;
  symbol: string;
  name: string | null;
  network_type: NetworkType | null;
  is_active: Null<Flag>;
  timestamp_iso: Time;
}
// prettier-ignore
interface Condensed extends Stamps { coin_id: string; metric: string; sample_count: number; sum_val: Decimal; min_val: Decimal; max_val: Decimal; first_val: Decimal; first_at: Time; last_val: Decimal; last_at: Time; log_id: number }
interface RunOf {
  source: string;
  data_type: string;
  coin_id: Null<string>;
  target_date: Null<Day>;
  slot: Null<Time>;
}
// prettier-ignore
interface Run extends RunOf, Counts, Stamps {
  id: Generated<number>; coin_symbol: Null<string>; run_key: string; status: RunStatus; records_processed: Default<number>; records_expected: Null<number>; attempts: Default<number>;
  started_at: Time; completed_at: Null<Time>; error_type: Null<string>; error_message: Null<string>;
  workflow_id: string; first_execution_run_id: string; run_id: string; triggered_by: string;
}

// prettier-ignore
export interface Schema {
  coin_metadata: Stamps & { symbol: string; name: string; coingecko_id: string; blockchair_id: Null<string>; is_active: Default<Flag>; ingestion_enabled: Default<Flag>; last_ingested_date: Null<Day>; market_cap_rank: Null<number>; operator_set: Null<Json> };
  crypto_assets: Stamps & { id: Generated<number>; symbol: string; coin_id: string; name: string; network_type: NetworkType; is_active: Default<Flag>; market_cap_rank: Null<number>; source_ids: Null<Json>; operator_set: Null<Json> };
  coin_proposals: Stamps & { coin_id: string; kind: 'ticker' | 'gone'; ours: string; theirs: Null<string> };

  raw_blockchain_blocks: Stamps & { coin_symbol: string; block_id: number; block_hash: string; block_time: Time; transaction_count: Null<number>; size_bytes: Null<number>; difficulty: Null<Decimal>; log_id: number };
  raw_blockchain_transactions: Stamps & { coin_symbol: string; block_id: number; tx_hash: string; tx_time: Time; fee_usd: Null<Decimal>; output_total_usd: Null<Decimal>; fee_native: Null<Decimal>; output_total_native: Null<Decimal>; input_count: Null<number>; output_count: Null<number>; size_bytes: Null<number>; is_coinbase: Null<Flag>; log_id: number };
  raw_blockchain_addresses: Stamps & { coin_symbol: string; address: string; first_seen_time: Null<Time>; last_seen_time: Null<Time>; transaction_count: Null<number>; received_total_usd: Null<Decimal>; spent_total_usd: Null<Decimal>; balance_usd: Null<Decimal>; log_id: number };
  watched_addresses: Stamps & { coin_symbol: string; address: string; label: Null<string>; is_active: Default<Flag> };
  raw_market_prices_volumes: Stamps & { coin_id: string; price_date: Day; price_usd: Decimal; volume_usd: Null<Decimal>; market_cap_usd: Null<Decimal>; log_id: number };

  data_ingestion_logs: Run;
  ingestion_pages: Counts & Stamps & { log_id: number; cursor_key: string; next_cursor: Null<string>; resume_cursor: Null<string>; records_expected: Null<number>; fetched_at: Default<Time> };
  ingestion_files: Stamps & { log_id: number; file_name: string; size_bytes: number; etag: Null<string>; sha256: string; records_read: number; sum_column: string; sum_value: Decimal; records_removed: number };
  rejected_records: RunOf & Stamps & { id: Generated<number>; log_id: number; record_key: Null<string>; line_number: Null<number>; field: Null<string>; reason: string; raw: string };
  source_call_failures: Stamps & { id: Generated<number>; source: string; dataset: Null<string>; coin_id: Null<string>; logical_date: Null<string>; workflow_id: string; run_id: string; activity_id: string; activity_type: string; attempt: number; error_type: string; http_status: Null<number>; method: Null<string>; url: Null<string>; message: string; body_snippet: Null<string>; retry_at: Null<Time>; failed_at: Time };
  source_budgets: Stamps & { source: string; requests_per_minute: Units; next_free_at: Default<Time>; turn_us: Default<number>; day: Null<Day>; day_quota: Null<Units>; day_live: Default<Units>; day_backfill: Default<Units>; month: Null<string>; month_quota: Null<Units>; month_live: Default<Units>; month_backfill: Default<Units>; live_reserve: Default<Units>; backfill_reserve: Default<Units>; max_concurrency: Null<number>; paused_until: Null<Time>; paused_reason: Null<string> };
  source_leases: Stamps & { source: string; lease_no: number; holder: Null<string>; lease_until: Null<Time> };
  admitted_dates: Stamps & { workflow_id: string; run_id: string; logical_date: string; lease_until: Time };

  onchain_data: SlotRow & OnchainMetrics;
  crypto_sentiment_data: SlotRow & SentimentMetrics;
  source_observations: Stamps & { slot: Time; coin_id: string; source: string; fields: Json; log_id: number };
  onchain_data_aggregated: Condensed & { day: Day };
  onchain_data_summary: Condensed & { month: Day };
  crypto_sentiment_data_aggregated: Condensed & { day: Day };
  crypto_sentiment_data_summary: Condensed & { month: Day };
  retention_ledger: Stamps & { table_name: string; coin_id: string; day: Day; slots_low: Default<Bits>; slots_high: Default<Bits> };
  backup_manifest: Stamps & { id: Generated<number>; backup_id: string; kind: 'full' | 'incremental'; base_id: Null<string>; status: 'running' | 'success' | 'failed' | 'deleted'; log_id: number; schema_version: string; snapshot_at: Null<Time>; location: Null<string>; size_bytes: Null<number>; sha256: Null<string>; contents: Null<Json>; verified_at: Null<Time>; verify_result: Null<string>; started_at: Time; completed_at: Null<Time>; error_message: Null<string> };

  changed_units: Stamps & { table_name: string; coin: string; day: Day; mark: Bits };

  // Views: read only.
  ingestion_state: Omit<Run, 'id'> & { log_id: number };
  onchain_latest: LatestRow & OnchainMetrics;
  sentiment_latest: LatestRow & SentimentMetrics;
  data_quality_24h: { coin_id: string; symbol: string; total_records: number; latest_collection: Time; avg_quality: Decimal | null; min_quality: Decimal | null; high_records: number; medium_records: number; low_records: number; high_quality_ratio: Decimal };
  schema_coverage_24h: { table_name: string; position: number; field: string; total_records: number; records_with_value: number; percentage: Decimal | null };
  network_metrics_daily: { coin_id: string; symbol: string; date: Day; samples: number; avg_transactions: Decimal | null; avg_active_addresses: Decimal | null; avg_transaction_volume: Decimal | null; max_block_height: number | null; avg_quality_score: Decimal | null };
  database_stats: { table_name: string; coin_symbol: string | null; estimated_rows: number | null; size_mb: Decimal | null; first_block_id: number | null; latest_block_id: number | null; latest_block_time: Null<Time> };
}

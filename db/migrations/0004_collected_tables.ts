import { ASCII, EXACT, LOG_ID, monthly, STAMPS, TABLE, type Statement } from './fragments';

export const id = '0004';

const COIN_ID = `coin_id VARCHAR(150) ${ASCII} NOT NULL COMMENT 'CoinGecko id (bitcoin)'`;
const SLOT_ROW = `id BIGINT NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key',
  symbol VARCHAR(100) ${EXACT} NOT NULL COMMENT 'Upper-case ticker (BTC); several assets may share one',
  ${COIN_ID},
  timestamp_iso DATETIME(6) NOT NULL COMMENT 'Slot: start of the quarter-hour (UTC); the row holds what was known then. The partition key'`;
const QUALITY = `data_source VARCHAR(255) ${EXACT} NULL COMMENT 'Sources whose values are in the row, comma separated; NULL: none',
  data_quality_score DECIMAL(5,4) NULL COMMENT 'Coverage × (1 − conflicts), 0 to 1; NULL: not scored',
  collected_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'When the row was collected, or last changed by a later collection (UTC)',
  ${LOG_ID},
  ${STAMPS}`;

/** One value per coin, metric and period: by day in …_aggregated, by month in …_summary. */
function condensed(table: string, period: 'day' | 'month', detail: string): string {
  const meaning = period === 'day' ? 'UTC day' : 'First day of the UTC month';
  return `CREATE TABLE IF NOT EXISTS ${table} (
  ${COIN_ID},
  metric VARCHAR(64) ${ASCII} NOT NULL COMMENT 'Column of ${detail}',
  ${period} DATE NOT NULL COMMENT '${meaning}',
  sample_count INT UNSIGNED NOT NULL COMMENT 'Slots with a value; those without one do not count',
  sum_val DECIMAL(65,15) NOT NULL COMMENT 'Sum of the values, in the unit of the metric; the mean is sum_val / sample_count',
  min_val DECIMAL(65,15) NOT NULL COMMENT 'Smallest value',
  max_val DECIMAL(65,15) NOT NULL COMMENT 'Largest value',
  first_val DECIMAL(65,15) NOT NULL COMMENT 'Value of the earliest slot that has one',
  first_at DATETIME(6) NOT NULL COMMENT 'That slot (UTC)',
  last_val DECIMAL(65,15) NOT NULL COMMENT 'Value of the latest slot that has one',
  last_at DATETIME(6) NOT NULL COMMENT 'That slot (UTC)',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (coin_id, metric, ${period}),
  KEY idx_${period} (${period})
) ${TABLE} COMMENT='${detail} by ${period}'`;
}

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'onchain_data',
    `CREATE TABLE IF NOT EXISTS onchain_data (
  ${SLOT_ROW},
  active_addresses BIGINT NULL COMMENT 'Distinct addresses active in the last full UTC day; NULL: no source',
  transaction_count BIGINT NULL COMMENT 'Transactions in the last full UTC day; NULL: no source',
  transaction_volume DECIMAL(38,8) NULL COMMENT 'Value moved on chain in the last full UTC day, USD; NULL: no source',
  block_height BIGINT NULL COMMENT 'Height of the newest block (slot number where a chain has no height); NULL: no source',
  block_time_seconds DECIMAL(14,4) NULL COMMENT 'Mean seconds between recent blocks; NULL: no source',
  hash_rate DECIMAL(38,12) NULL COMMENT 'Hash rate, TH/s; NULL: no source, or no proof of work',
  difficulty DECIMAL(50,15) NULL COMMENT 'Difficulty in the chain''s own unit; NULL: no source, or no proof of work',
  circulating_supply DECIMAL(38,8) NULL COMMENT 'Coins in circulation; NULL: no source',
  total_supply DECIMAL(38,8) NULL COMMENT 'Coins that exist; NULL: no source',
  max_supply DECIMAL(38,8) NULL COMMENT 'Coins that can ever exist; NULL: no limit, or no source',
  supply_inflation_rate DECIMAL(14,4) NULL COMMENT 'Growth of the supply, per cent a year (2.5 = 2.5 %); NULL: no source',
  network_value_to_transactions DECIMAL(30,8) NULL COMMENT 'Ours: market capitalisation ÷ transaction_volume; NULL: one of them has no source',
  realized_cap DECIMAL(38,2) NULL COMMENT 'Realized capitalisation, USD; NULL: no source',
  mvrv_ratio DECIMAL(20,4) NULL COMMENT 'Market value ÷ realized value; NULL: no source',
  nvt_ratio DECIMAL(20,4) NULL COMMENT 'The source''s own ratio of network value to transactions; NULL: no source',
  github_commits_30d INT NULL COMMENT 'Commits of the last 30 days in the asset''s repositories; NULL: no source',
  developer_activity_score DECIMAL(10,4) NULL COMMENT 'Ours: score from commits, 0 to 100; NULL: no source',
  staking_yield DECIMAL(10,4) NULL COMMENT 'Yield of staking, per cent a year; NULL: no source, or no staking',
  staked_percentage DECIMAL(10,4) NULL COMMENT 'Share of the supply that is staked, 0 to 100; NULL: no source, or no staking',
  validator_count INT NULL COMMENT 'Active validators; NULL: no source, or no staking',
  total_value_locked DECIMAL(38,2) NULL COMMENT 'Value locked in the chain''s DeFi protocols, USD; NULL: no source',
  defi_protocols_count INT NULL COMMENT 'DeFi protocols on the chain with more than 100,000 USD locked; NULL: no source',
  ${QUALITY},
  PRIMARY KEY (id, timestamp_iso),
  UNIQUE KEY uq_slot_coin (timestamp_iso, coin_id),
  KEY idx_coin_timestamp (coin_id, timestamp_iso),
  KEY idx_symbol_timestamp (symbol, timestamp_iso),
  KEY idx_collected_at (collected_at),
  KEY idx_quality_score (data_quality_score),
  KEY idx_symbol_timestamp_quality (symbol, timestamp_iso, data_quality_score),
  KEY idx_tvl_timestamp (total_value_locked, timestamp_iso),
  KEY idx_network_activity (transaction_count, active_addresses, timestamp_iso),
  KEY idx_dev_activity (github_commits_30d, developer_activity_score, timestamp_iso)
) ${TABLE} COMMENT='On-chain metrics by slot and asset, one partition a month'
${monthly('timestamp_iso')}`,
  ],
  [
    'crypto_sentiment_data',
    `CREATE TABLE IF NOT EXISTS crypto_sentiment_data (
  ${SLOT_ROW},
  reddit_posts_24h INT NULL COMMENT 'Posts in the asset''s subreddit in 24 hours; NULL: no source',
  reddit_comments_24h INT NULL COMMENT 'Comments in the asset''s subreddit in 24 hours; NULL: no source',
  reddit_subscribers INT NULL COMMENT 'Subscribers of the asset''s subreddit; NULL: no source',
  reddit_avg_posts_48h DECIMAL(10,2) NULL COMMENT 'Mean posts an hour over 48 hours; NULL: no source',
  reddit_karma_avg_48h DECIMAL(15,2) NULL COMMENT 'Mean karma over 48 hours; NULL: no source',
  twitter_followers INT NULL COMMENT 'Followers on Twitter/X; NULL: no source (CoinGecko dropped it in May 2025)',
  telegram_channel_user_count INT NULL COMMENT 'Users of the asset''s Telegram channel; NULL: no source',
  social_sentiment_score DECIMAL(5,2) NULL COMMENT 'Ours: score from observed counts, 0 to 100; NULL: no inputs',
  community_score DECIMAL(5,2) NULL COMMENT 'Ours: score of the community''s size, 0 to 100; NULL: no inputs',
  ${QUALITY},
  PRIMARY KEY (id, timestamp_iso),
  UNIQUE KEY uq_slot_coin (timestamp_iso, coin_id),
  KEY idx_coin_timestamp (coin_id, timestamp_iso),
  KEY idx_symbol_timestamp (symbol, timestamp_iso),
  KEY idx_sentiment_score (social_sentiment_score)
) ${TABLE} COMMENT='Community metrics by slot and asset, one partition a month'
${monthly('timestamp_iso')}`,
  ],
  [
    'source_observations',
    `CREATE TABLE IF NOT EXISTS source_observations (
  slot DATETIME(6) NOT NULL COMMENT 'Start of the quarter-hour that the observation was made for (UTC); the partition key',
  ${COIN_ID},
  source VARCHAR(32) ${ASCII} NOT NULL COMMENT 'Upstream service',
  fields JSON NOT NULL COMMENT 'By column: value as text and as_of, the value''s own time (ISO, UTC)',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (slot, coin_id, source),
  KEY idx_coin_slot (coin_id, slot)
) ${TABLE} COMMENT='What one source said about one asset in one slot, one partition a month'
${monthly('slot')}`,
  ],
  ['onchain_data_aggregated', condensed('onchain_data_aggregated', 'day', 'onchain_data')],
  ['onchain_data_summary', condensed('onchain_data_summary', 'month', 'onchain_data')],
  ['crypto_sentiment_data_aggregated', condensed('crypto_sentiment_data_aggregated', 'day', 'crypto_sentiment_data')],
  ['crypto_sentiment_data_summary', condensed('crypto_sentiment_data_summary', 'month', 'crypto_sentiment_data')],
  [
    'retention_ledger',
    `CREATE TABLE IF NOT EXISTS retention_ledger (
  table_name VARCHAR(64) ${ASCII} NOT NULL COMMENT 'Table whose rows were aggregated (onchain_data)',
  ${COIN_ID},
  day DATE NOT NULL COMMENT 'UTC day of the rows',
  slots_low BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Bit n: slot n of the day (00:00 + n × 15 min, n 0 to 47) is in the aggregates',
  slots_high BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Bit n: slot 48 + n of the day (12:00 + n × 15 min) is in the aggregates',
  ${STAMPS},
  PRIMARY KEY (table_name, coin_id, day),
  KEY idx_day (day)
) ${TABLE} COMMENT='Which slots are in the aggregates already: decides about a row that comes late'`,
  ],
  [
    'backup_manifest',
    `CREATE TABLE IF NOT EXISTS backup_manifest (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key; grows with time',
  backup_id VARCHAR(64) ${ASCII} NOT NULL COMMENT 'Name of the backup, for people and paths (2026-11-22-full)',
  kind ENUM('full','incremental') NOT NULL COMMENT 'incremental: the units written since the backup before it',
  base_id VARCHAR(64) ${ASCII} NULL COMMENT 'backup_id of the full one that this continues; NULL: this is a full one',
  status ENUM('running','success','failed','deleted') NOT NULL COMMENT 'deleted: its files were removed by the rule of how many to keep',
  log_id BIGINT UNSIGNED NOT NULL COMMENT 'Run (data_ingestion_logs.id) that made it',
  schema_version VARCHAR(255) ${ASCII} NOT NULL COMMENT 'Newest migration of the database at the time',
  snapshot_at DATETIME(6) NULL COMMENT 'Moment that the content is of (UTC, the database''s clock); NULL: not reached',
  location TEXT NULL COMMENT 'Folder or S3 URL of the files, without secrets; NULL: nothing written yet',
  size_bytes BIGINT UNSIGNED NULL COMMENT 'Size of the files, compressed; NULL: not finished',
  sha256 CHAR(64) ${ASCII} NULL COMMENT 'SHA-256 of the manifest file, which holds those of the others; NULL: not finished',
  contents JSON NULL COMMENT 'Per table: files, rows, checksum, units; NULL: not finished',
  verified_at DATETIME(6) NULL COMMENT 'Last time that its hashes were checked or it was restored for a drill (UTC); NULL: never',
  verify_result TEXT NULL COMMENT 'What that check found; NULL: never checked',
  started_at DATETIME(6) NOT NULL COMMENT 'Start (UTC)',
  completed_at DATETIME(6) NULL COMMENT 'End (UTC); NULL: running',
  error_message TEXT NULL COMMENT 'Why it failed; NULL: running or success',
  ${STAMPS},
  PRIMARY KEY (id),
  UNIQUE KEY uq_backup_id (backup_id),
  KEY idx_started (started_at)
) ${TABLE} COMMENT='Backups, and what is known of them'`,
  ],
];

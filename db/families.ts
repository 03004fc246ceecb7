/**
 * A table of slot rows and the two that keep its values condensed: by day, then by month. Retention, its reader and its
 * proofs go through this list; a test compares the metrics with the numeric columns of the database.
 */
export interface Family {
  detail: 'onchain_data' | 'crypto_sentiment_data';
  aggregated: 'onchain_data_aggregated' | 'crypto_sentiment_data_aggregated';
  summary: 'onchain_data_summary' | 'crypto_sentiment_data_summary';
  /** numeric columns of the detail, each condensed on its own */
  metrics: readonly string[];
}

const onchain: Family = {
  detail: 'onchain_data',
  aggregated: 'onchain_data_aggregated',
  summary: 'onchain_data_summary',
  metrics: [
    ...['active_addresses', 'transaction_count', 'transaction_volume', 'block_height', 'block_time_seconds'],
    ...['hash_rate', 'difficulty', 'circulating_supply', 'total_supply', 'max_supply', 'supply_inflation_rate'],
    ...['network_value_to_transactions', 'realized_cap', 'mvrv_ratio', 'nvt_ratio', 'github_commits_30d'],
    ...['developer_activity_score', 'staking_yield', 'staked_percentage', 'validator_count', 'total_value_locked'],
    ...['defi_protocols_count', 'data_quality_score'],
  ],
};

const sentiment: Family = {
  detail: 'crypto_sentiment_data',
  aggregated: 'crypto_sentiment_data_aggregated',
  summary: 'crypto_sentiment_data_summary',
  metrics: [
    ...['reddit_posts_24h', 'reddit_comments_24h', 'reddit_subscribers', 'reddit_avg_posts_48h'],
    ...['reddit_karma_avg_48h', 'twitter_followers', 'telegram_channel_user_count', 'social_sentiment_score'],
    ...['community_score', 'data_quality_score'],
  ],
};

export const families: readonly Family[] = [onchain, sentiment];

export type FamilyName = Family['detail'];

export function familyOf(name: FamilyName): Family {
  return name === 'onchain_data' ? onchain : sentiment;
}

import type { NetworkType } from '../db/queries/coins';

/**
 * Everything that sources can say about an asset in a slot. Most fields are columns of a table; `input` fields are what
 * our own columns (derive.ts, score.ts) are made of. Units are those of the columns, wherever a value came from.
 */
export interface Field {
  table: 'onchain_data' | 'crypto_sentiment_data' | 'input';
  unit: string;
  /** decimals that are kept; 0 = a count. More digits are rounded half away from zero, as the database would */
  scale: number;
  /** the kinds of network for which the field means something */
  kinds: readonly NetworkType[];
  /** how far two sources may differ, as a share of the larger value, before it is a conflict */
  tolerance: number;
  /** a later value of one source is never smaller (block height) */
  neverFalls?: true;
}

const every: readonly NetworkType[] = ['pow', 'pos', 'hybrid', 'token'];
const chains: readonly NetworkType[] = ['pow', 'pos', 'hybrid'];
const proofOfWork: readonly NetworkType[] = ['pow', 'hybrid'];
const proofOfStake: readonly NetworkType[] = ['pos', 'hybrid'];

const onchain = (unit: string, scale: number, kinds: readonly NetworkType[], tolerance: number) =>
  ({ table: 'onchain_data', unit, scale, kinds, tolerance }) as const;
const sentiment = (unit: string, scale: number) =>
  ({ table: 'crypto_sentiment_data', unit, scale, kinds: every, tolerance: 0.2 }) as const;
const input = (unit: string, scale: number) => ({ table: 'input', unit, scale, kinds: every, tolerance: 0.1 }) as const;

export const fields = {
  active_addresses: onchain('addresses a day', 0, every, 0.1),
  transaction_count: onchain('transactions a day', 0, every, 0.1),
  transaction_volume: onchain('USD a day', 8, every, 0.25),
  // nodes are a few blocks apart
  block_height: { ...onchain('blocks', 0, chains, 0.0001), neverFalls: true },
  block_time_seconds: onchain('s', 4, chains, 0.25),
  hash_rate: onchain('TH/s', 12, proofOfWork, 0.15),
  difficulty: onchain("the chain's own", 15, proofOfWork, 0.05),
  circulating_supply: onchain('coins', 8, every, 0.02),
  total_supply: onchain('coins', 8, every, 0.02),
  max_supply: onchain('coins', 8, every, 0.001),
  supply_inflation_rate: onchain('% a year', 4, every, 0.25),
  realized_cap: onchain('USD', 2, every, 0.05),
  mvrv_ratio: onchain('ratio', 4, every, 0.05),
  nvt_ratio: onchain('ratio', 4, every, 0.25),
  github_commits_30d: onchain('commits in 30 days', 0, every, 0.1),
  staking_yield: onchain('% a year', 4, proofOfStake, 0.2),
  staked_percentage: onchain('% of the supply', 4, proofOfStake, 0.05),
  validator_count: onchain('validators', 0, proofOfStake, 0.05),
  total_value_locked: onchain('USD', 2, chains, 0.1),
  defi_protocols_count: onchain('protocols', 0, chains, 0.1),

  reddit_posts_24h: sentiment('posts in 24 h', 0),
  reddit_comments_24h: sentiment('comments in 24 h', 0),
  reddit_subscribers: sentiment('subscribers', 0),
  reddit_avg_posts_48h: sentiment('posts an hour over 48 h', 2),
  reddit_karma_avg_48h: sentiment('karma over 48 h', 2),
  twitter_followers: sentiment('followers', 0),
  telegram_channel_user_count: sentiment('users', 0),

  market_cap: input('USD', 8),
  reddit_avg_comments_48h: input('comments an hour over 48 h', 2),
  sentiment_votes_up: input('% of votes', 4),
  watchlist_users: input('users', 0),
  staked_coins: input('coins', 18),
  issued_supply: input('coins', 18),
  annual_provisions: input('coins a year', 18),
  community_tax: input('share of what is minted', 18),
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof fields;

export const fieldNames = Object.keys(fields) as FieldName[];

export function fieldOf(name: FieldName): Field {
  return fields[name];
}

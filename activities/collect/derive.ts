import type { FieldName } from '../fields';
import { divideDecimals } from '../decimals';

/** A column of our own: a pure function of observed fields, NULL where one of them is missing. */
export interface DerivedColumn {
  table: 'onchain_data' | 'crypto_sentiment_data';
  column: string;
  unit: string;
  /** the formula in words, for documents */
  formula: string;
  /** without all of these there is no value */
  needs: readonly FieldName[];
  /** these are used where they are there */
  uses?: readonly FieldName[];
  scale: number;
  /** plain decimals in, a plain decimal or null out */
  of(values: Readonly<Partial<Record<FieldName, string>>>): string | null;
}

/** 0 at nothing, 50 at `middle`, towards 100: a share that no number of commits or followers leaves. */
function saturating(value: number, middle: number): number {
  return (100 * value) / (value + middle);
}

/** How far a number has got on the way to `full`, by orders of magnitude: 0 at 0, 100 from `full` on. */
function magnitude(value: number, full: number): number {
  return Math.min(100, (100 * Math.log10(1 + value)) / Math.log10(1 + full));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export const derived: readonly DerivedColumn[] = [
  {
    table: 'onchain_data',
    column: 'network_value_to_transactions',
    unit: 'ratio',
    formula: 'market capitalisation ÷ transaction_volume of a day',
    needs: ['market_cap', 'transaction_volume'],
    scale: 8,
    of: ({ market_cap: cap, transaction_volume: volume }) =>
      cap === undefined || volume === undefined || Number(volume) === 0 ? null : divideDecimals(cap, volume, 8),
  },
  {
    table: 'onchain_data',
    column: 'developer_activity_score',
    unit: '0–100',
    // half of the way at 100 commits a month: between a maintained chain and a busy one
    formula: '100 × c ÷ (c + 100), c = github_commits_30d',
    needs: ['github_commits_30d'],
    scale: 4,
    of: ({ github_commits_30d: commits }) =>
      commits === undefined ? null : saturating(Number(commits), 100).toFixed(4),
  },
  {
    table: 'crypto_sentiment_data',
    column: 'social_sentiment_score',
    unit: '0–100',
    formula: 'the share of up-votes that the source counted, in per cent',
    needs: ['sentiment_votes_up'],
    scale: 2,
    of: ({ sentiment_votes_up: votes }) => (votes === undefined ? null : Number(votes).toFixed(2)),
  },
  {
    table: 'crypto_sentiment_data',
    column: 'community_score',
    unit: '0–100',
    // the largest communities seen: 7 million subscribers, 1 million users, 2.5 million watchers
    formula:
      'mean of 100 × log(1 + n) ÷ log(1 + N) over those that are there: reddit_subscribers (N = 10 million), telegram_channel_user_count (1 million), watchlist users (3 million)',
    needs: [],
    uses: ['reddit_subscribers', 'telegram_channel_user_count', 'watchlist_users'],
    scale: 2,
    of: (values) => {
      const sizes = [
        [values.reddit_subscribers, 10_000_000],
        [values.telegram_channel_user_count, 1_000_000],
        [values.watchlist_users, 3_000_000],
      ] as const;
      const scores = sizes.flatMap(([text, full]) => (text === undefined ? [] : [magnitude(Number(text), full)]));
      return scores.length === 0 ? null : mean(scores).toFixed(2);
    },
  },
];

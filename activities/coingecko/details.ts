import { schemaMismatch } from '../http';
import type { ReadingAnswer, ReadingContext } from '../observation';
import { instant, readFields, type FieldReaders } from '../observed';
import type { SourceHttp } from '../source';
import { details } from './schema';

const votes = {
  sentiment_votes_up: { key: 'sentiment_votes_up_percentage' },
  watchlist_users: { key: 'watchlist_portfolio_users' },
} as const satisfies FieldReaders;

const telegram = {
  telegram_channel_user_count: { key: 'telegram_channel_user_count', zeroIsUnknown: true },
} as const satisfies FieldReaders;

const subscribers = {
  reddit_subscribers: { key: 'reddit_subscribers', zeroIsUnknown: true },
} as const satisfies FieldReaders;

const redditActivity = {
  reddit_avg_posts_48h: { key: 'reddit_average_posts_48h' },
  reddit_avg_comments_48h: { key: 'reddit_average_comments_48h' },
} as const satisfies FieldReaders;

export const detailFields = { ...votes, ...telegram, ...subscribers, ...redditActivity };

/** What of the answer is asked for: 126 KB become 4 KB. */
const flags = {
  ...{ localization: 'false', tickers: 'false', market_data: 'false', developer_data: 'false', sparkline: 'false' },
  community_data: 'true',
};

/**
 * Community data and votes of one coin. Nothing of `developer_data`: its commits are those of four weeks, which are not
 * thirty days. The source answers 0 for a subreddit at which it no longer looks, so activity counts only where somebody
 * was seen there.
 */
export async function fetchDetails(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const { coinId, sourceId } = assets[0]!;
  const body = await http.getJson({ path: `/coins/${encodeURIComponent(sourceId)}`, query: flags });
  const answer = details.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko coin', answer.error.issues, body);
  const asOf = instant(answer.data.last_updated);
  // without a time nobody could say how old it is
  if (asOf === undefined) return { observations: [], rejects: [] };
  const community = answer.data.community_data ?? {};
  const seen = readFields(coinId, community, {
    reddit_subscribers: { key: 'reddit_accounts_active_48h', zeroIsUnknown: true },
  }).fields.reddit_subscribers;
  const read = [
    readFields(coinId, answer.data, votes),
    readFields(coinId, community, { ...telegram, ...subscribers, ...(seen ? redditActivity : {}) }),
  ];
  return {
    observations: [{ coinId, asOf, fields: Object.assign({}, ...read.map(({ fields }) => fields)) as object }],
    rejects: read.flatMap(({ rejects }) => rejects),
  };
}

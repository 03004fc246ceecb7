import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fieldTable, fieldTableMarkdown } from '../../activities/collect/field-table';
import { sources } from '../../activities/registry';

const schema = readFileSync(path.join(__dirname, '..', '..', 'db', 'schema.ts'), 'utf8');

/** The metric columns of db/schema.ts: types are gone when tests run. */
function columnsOf(metrics: 'OnchainMetrics' | 'SentimentMetrics'): string[] {
  const [, body = ''] = new RegExp(`interface ${metrics} \\{([^}]*)\\}`).exec(schema) ?? [];
  return [...body.matchAll(/(\w+): Null/g)].map((match) => match[1]!);
}

const rows = fieldTable(sources);
const rowOf = (column: string) => rows.find((row) => row.column === column)!;

test('every metric column of both tables is there once, on a page', () => {
  const of = (table: string) => rows.filter((row) => row.table === table).map(({ column }) => column);
  expect(of('onchain_data')).toHaveLength(22);
  expect(of('onchain_data').toSorted()).toEqual(columnsOf('OnchainMetrics').toSorted());
  expect(of('crypto_sentiment_data').toSorted()).toEqual(columnsOf('SentimentMetrics').toSorted());
  expect(fieldTableMarkdown(rows).length).toBeLessThanOrEqual(40);
});

test('a column says who gives it, best first, in which unit, how old, and whether the past has it too', () => {
  expect(rowOf('hash_rate')).toEqual({
    table: 'onchain_data',
    column: 'hash_rate',
    unit: 'TH/s',
    kinds: ['pow', 'hybrid'],
    sources: [
      expect.objectContaining({ source: 'coinmetrics', unit: 'TH/s, GH/s or MH/s by asset', history: true }) as object,
      expect.objectContaining({ source: 'blockchaininfo', unit: 'GH/s; charts TH/s', history: true }) as object,
    ],
    note: null,
  });
  expect(rowOf('block_height').sources.map(({ source }) => source)).toEqual([
    ...['ethereum', 'blockchaininfo', 'solana', 'cosmos', 'koios'],
  ]);
  expect(rowOf('staking_yield')).toMatchObject({ kinds: ['pos', 'hybrid'], sources: [{ source: 'cosmos' }] });
  expect(fieldTableMarkdown(rows)).toContain(
    '| `github_commits_30d` | commits in 30 days | all | github (commits, 7d) |',
  );
  expect(fieldTableMarkdown(rows).find((line) => line.includes('`circulating_supply`'))).toContain(
    'coinmetrics (pow only, 72h, H)',
  );
});

test('columns of our own have their formula, those of nobody the reason', () => {
  for (const column of ['network_value_to_transactions', 'developer_activity_score'])
    expect(rowOf(column)).toMatchObject({ sources: [], note: expect.stringMatching(/^ours: .+/) as string });
  for (const column of ['social_sentiment_score', 'community_score'])
    expect(rowOf(column)).toMatchObject({
      table: 'crypto_sentiment_data',
      note: expect.stringMatching(/^ours: /) as string,
    });
  expect(rows.filter(({ note }) => note?.startsWith('no ')).map(({ column }) => column)).toEqual([
    ...['reddit_posts_24h', 'reddit_comments_24h', 'reddit_karma_avg_48h', 'twitter_followers'],
  ]);
  for (const { sources: given, note } of rows) expect(given.length > 0).toBe(note === null);
});

test('it follows the sources: without them nobody gives anything', () => {
  const none = fieldTable([]);
  expect(none).toHaveLength(rows.length);
  expect(none.every(({ sources: given, kinds }) => given.length === 0 && kinds.length === 0)).toBe(true);
});

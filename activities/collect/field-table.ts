import type { NetworkType } from '../../db/queries/coins';
import { fieldNames, fieldOf, type FieldName } from '../fields';
import type { Source } from '../source';
import { derived } from './derive';
import { rulesOf, type Rules } from './rules';

/** A metric column of the collected tables: where its values come from, in words for people. */
export interface FieldRow {
  table: 'onchain_data' | 'crypto_sentiment_data';
  column: string;
  unit: string;
  /** the kinds of network for which something is named; empty: none */
  kinds: NetworkType[];
  /** by precedence; empty for columns that are ours, or that nobody gives */
  sources: { source: string; unit: string; kinds: readonly NetworkType[]; maxAge: string; history: boolean }[];
  /** the formula of a column of our own, or why nobody gives it */
  note: string | null;
}

/** Columns of the specification that stay NULL, because no source says them. */
const nobodys: Readonly<Partial<Record<FieldName, string>>> = {
  twitter_followers: 'no honest source: CoinGecko took it out in May 2025, and nobody else counts for free',
  reddit_posts_24h: 'no honest source: CoinGecko has means of 48 hours only, and two days are not one',
  reddit_comments_24h: 'no honest source: CoinGecko has means of 48 hours only, and two days are not one',
  reddit_karma_avg_48h: 'no honest source: nobody gives it',
};

/** Every metric column with what the sources state about it, on-chain ones first. */
export function fieldTable(sources: readonly Source[]): FieldRow[] {
  const rules = rulesOf(sources);
  const observed = fieldNames.flatMap((name): FieldRow[] => {
    const { table, unit } = fieldOf(name);
    if (table === 'input') return [];
    const given = rules[name].map((rule) => ({
      ...{ source: rule.source, unit: rule.unit, kinds: rule.kinds, history: rule.history },
      maxAge: sources.find((each) => each.name === rule.source)!.observe!.fields[name]!.maxAge,
    }));
    const note = given.length > 0 ? null : (nobodys[name] ?? 'no source yet');
    return [{ table, column: name, unit, kinds: kindsOf(rules, name), sources: given, note }];
  });
  const ours = derived.map(({ table, column, unit, formula, needs, uses = [] }): FieldRow => {
    const kinds = fieldOf('market_cap').kinds.filter((kind) =>
      [...needs, ...uses.slice(0, needs.length === 0 ? 1 : 0)].every((name) => kindsOf(rules, name).includes(kind)),
    );
    return { table, column, unit, kinds, sources: [], note: `ours: ${formula}` };
  });
  return [...observed, ...ours].toSorted((one, other) => Number(isSentiment(one)) - Number(isSentiment(other)));
}

function isSentiment({ table }: FieldRow): boolean {
  return table === 'crypto_sentiment_data';
}

/** In the order in which a field lists them. */
function kindsOf(rules: Rules, name: FieldName): NetworkType[] {
  return fieldOf(name).kinds.filter((kind) => rules[name].some((each) => each.kinds.includes(kind)));
}

/** The same as a table in Markdown, a line each. */
export function fieldTableMarkdown(rows: readonly FieldRow[]): string[] {
  return [
    '| column | unit | for | from, best first (its unit, greatest age, H = also for past slots) |',
    '|---|---|---|---|',
    ...rows.map(({ column, unit, kinds, sources, note }) => {
      const from = sources.map((each) => `${each.source} (${detailsOf(each, unit, kinds.length).join(', ')})`);
      const who = kinds.length === 4 ? 'all' : kinds.join(', ') || '–';
      return `| \`${column}\` | ${unit} | ${who} | ${note ?? from.join(', ')} |`;
    }),
  ];
}

/** Only what is not as in the column. */
function detailsOf(given: FieldRow['sources'][number], unit: string, kinds: number): string[] {
  return [
    ...(given.kinds.length < kinds ? [`${given.kinds.join(' and ')} only`] : []),
    ...(given.unit === unit ? [] : [given.unit]),
    given.maxAge,
    ...(given.history ? ['H'] : []),
  ];
}

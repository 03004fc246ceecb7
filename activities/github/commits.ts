import { z } from 'zod';
import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import { count } from '../numbers';
import type { ReadingAnswer, ReadingContext, SourceIds } from '../observation';
import type { SourceHttp } from '../source';

const found = z.object({ total_count: count, incomplete_results: z.boolean() });
const daysMs = 30 * 86_400_000;

/** `source_ids.github`: one `owner/name` or several. */
export function repositoriesOf({ github }: SourceIds): readonly string[] {
  return github === undefined ? [] : [github].flat();
}

/** Commits on the default branches of an asset's repositories in the 30 days before the slot: one search, no rows. */
export async function fetchCommits(http: SourceHttp, { assets, slot }: ReadingContext): Promise<ReadingAnswer> {
  const { coinId, sourceIds } = assets[0]!;
  const repositories = repositoriesOf(sourceIds);
  const from = seconds(Date.parse(slot) - daysMs);
  const to = seconds(Date.parse(slot));
  const q = [...repositories.map((name) => `repo:${name}`), `committer-date:${from}..${to}`].join(' ');
  const body = await http.getJson({ path: '/search/commits', query: { q, per_page: 1 } });
  const answer = found.safeParse(body);
  if (!answer.success) throw schemaMismatch('github commits', answer.error.issues, body);
  // its search ran out of time: the count is too small
  if (answer.data.incomplete_results) throw new SourceFailure('Unavailable', 'github: the search is incomplete');
  const value = { value: String(answer.data.total_count), from: `${repositories.join(' + ')} since ${from}` };
  return { observations: [{ coinId, asOf: slot, fields: { github_commits_30d: value } }], rejects: [] };
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

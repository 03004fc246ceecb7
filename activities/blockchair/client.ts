import type { z } from 'zod';
import { judgeStatus, type FailureVerdict } from '../failures';
import { schemaMismatch } from '../http';
import type { SourceHttp } from '../source';
import { errorAnswer, tableAnswer } from './schema';

/** Rows of one answer: the documented maximum. */
export const pageSize = 100;

/** Points of one table query: (base + filters) × (1 + 1 % for each row asked for above 10). */
export function queryCost(base: number, filters: number, limit: number): number {
  return (base + filters) * (1 + 0.01 * Math.max(0, limit - 10));
}

export interface TableQuery<Row> {
  chain: string;
  table: 'blocks' | 'transactions';
  filters: readonly string[];
  sort: string;
  offset?: number;
  row: z.ZodType<Row>;
}

/**
 * One page of a table ("infinitable"). Rows that do not fit the schema come back as issues, not as an exception:
 * one bad row must not cost the page.
 */
export async function queryTable<Row>(http: SourceHttp, query: TableQuery<Row>) {
  const base = query.table === 'blocks' ? 2 : 5;
  const body = await http.getJson({
    path: `/${query.chain}/${query.table}`,
    query: { q: query.filters.join(','), s: query.sort, limit: pageSize, offset: query.offset || undefined },
    cost: queryCost(base, query.filters.length, pageSize),
  });
  const answer = tableAnswer.safeParse(body);
  if (!answer.success) throw schemaMismatch(`blockchair ${query.table}`, answer.error.issues, body);
  return {
    totalRows: answer.data.context.total_rows ?? undefined,
    rows: (answer.data.data ?? []).map((raw) => ({ raw, parsed: query.row.safeParse(raw) })),
  };
}

/** Blockchair's own statuses; the reason is its `context.error`. See SOURCES: 402, 429, 435–437 limits, 430, 434, 503 blocked. */
export function judge(status: number, body: unknown): FailureVerdict | undefined {
  const answer = errorAnswer.safeParse(body);
  const said = answer.success ? (answer.data.context.error ?? undefined) : undefined;
  const reason = (fallback: string): string => said ?? fallback;
  switch (status) {
    case 402:
      return { type: 'QuotaExhausted', reason: reason('the daily quota is used up') };
    case 430:
    case 434:
      return {
        type: 'RateLimited',
        reason: reason('IP blocked for a while; an API key is never blocked'),
        retryAfterMs: 10 * 60_000,
      };
    case 435:
      return { type: 'RateLimited', reason: reason('more than 5 requests in a second'), retryAfterMs: 2_000 };
    case 429:
    case 436:
    case 437:
      return { type: 'RateLimited', reason: reason('too many requests'), retryAfterMs: 60_000 };
    case 503:
      return { type: 'Unavailable', reason: reason('blocked or down for a while'), retryAfterMs: 60_000 };
    default: {
      // an error may also come inside a 200
      const code = answer.success ? answer.data.context.code : status;
      if (status === 200 && code >= 400) return judge(code, body) ?? judgeStatus(code);
      return status === 200 || said === undefined ? undefined : { ...judgeStatus(status), reason: said };
    }
  }
}

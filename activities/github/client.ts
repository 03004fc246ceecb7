import { z } from 'zod';
import type { FailureVerdict } from '../failures';

const said = z.object({ message: z.string() });

/** Searches are counted by the minute, and so is what GitHub calls its secondary limit. */
const minuteMs = 60_000;

/** A limit is a 403 as often as a 429; repositories that are gone, renamed or private make the search itself invalid. */
export function judge(status: number, body: unknown): FailureVerdict | undefined {
  const reason = said.safeParse(body).data?.message;
  if ((status === 403 || status === 429) && (reason === undefined || /rate limit/i.test(reason)))
    return { type: 'RateLimited', reason: reason ?? 'too many requests', retryAfterMs: minuteMs };
  if (status === 422) return { type: 'NotAvailable', reason: reason ?? 'the repositories cannot be searched' };
  return undefined;
}

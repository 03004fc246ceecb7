import type { FailureVerdict } from '../failures';

const minuteMs = 60_000;

/** Who asked too fast is kept out for a minute. Without a key, 403 is the network in front of the service. */
export function judge(status: number): FailureVerdict | undefined {
  if (status === 429) return { type: 'RateLimited', reason: 'too many requests', retryAfterMs: minuteMs };
  if (status === 403) return { type: 'Unavailable', reason: 'its network refuses the request for now' };
  return undefined;
}

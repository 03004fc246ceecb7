import { z } from 'zod';
import type { FailureVerdict } from '../failures';

const errorBody = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

/** CoinMetrics says itself what it does not like: which asset it does not know, which metric is not free. */
export function judge(status: number, body: unknown): FailureVerdict | undefined {
  const said = errorBody.safeParse(body).data?.error.message;
  if (said === undefined) return undefined;
  if (status === 400) return { type: 'BadInput', reason: said };
  if (status === 401 || status === 403) return { type: 'Unauthorized', reason: said };
  return undefined;
}

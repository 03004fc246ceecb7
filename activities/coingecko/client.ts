import { z } from 'zod';
import type { FailureVerdict } from '../failures';

const status = z.object({ error_code: z.number(), error_message: z.string().nullish() });

/** The four shapes of an error body (SOURCES, trap 9). */
const errorBody = z.union([
  z.object({ status }).transform((body) => body.status),
  z.object({ error: z.object({ status }) }).transform((body) => body.error.status),
  z.object({ error: z.string() }).transform((body) => ({ error_code: undefined, error_message: body.error })),
]);

/** No key, not on this plan, and a key for the other host, either way. */
const keyCodes = new Set([10002, 10005, 10010, 10011]);

/** CoinGecko's own codes; what they do not decide, the common table does. */
export function judge(httpStatus: number, body: unknown): FailureVerdict | undefined {
  if (httpStatus === 200) return undefined;
  const parsed = errorBody.safeParse(body);
  const said = parsed.success ? (parsed.data.error_message ?? undefined) : undefined;
  const code = parsed.success ? parsed.data.error_code : undefined;
  if (code === 10012) return { type: 'NotAvailable', reason: said ?? 'the plan sees only the last 365 days' };
  if (code !== undefined && keyCodes.has(code))
    return { type: 'Unauthorized', reason: said ?? 'the key does not fit COINGECKO_PLAN' };
  if (httpStatus === 404) return { type: 'NotAvailable', reason: said ?? 'the source does not have it' };
  if (httpStatus === 422 || httpStatus === 400)
    return { type: 'BadInput', reason: said ?? 'the source refuses the request' };
  return undefined;
}

import type { Answer } from '../upstream';

// CoinGecko has four shapes of error bodies; which status has which is from recordings and its documentation.

/** 404 and 422: `{"error":"coin not found"}`. */
export function plainError(status: number, text: string): Answer {
  return { status, body: { error: text } };
}

/** Limits and keys: `{"status":{"error_code":429,"error_message":"…"}}`. */
export function statusError(status: number, code: number, text: string, headers: Record<string, string> = {}): Answer {
  return { status, body: { status: { error_code: code, error_message: text } }, headers };
}

/** What a plan does not include: the same one level deeper, with a time. */
export function planError(status: number, code: number, text: string, now: Date): Answer {
  const timestamp = now.toISOString().replace('Z', '+00:00');
  return { status, body: { error: { status: { timestamp, error_code: code, error_message: text } } } };
}

/** The body that goes with a status when nothing more is known. */
export function bodyOf(status: number): unknown {
  if (status === 429) return rateLimited(60).body;
  if (status >= 500) return { status, error: status === 503 ? 'Service Unavailable' : 'Internal Server Error' };
  if (status === 404) return { error: 'coin not found' };
  return statusError(status, status, 'Request refused').body;
}

export function rateLimited(retryAfterSeconds: number): Answer {
  return statusError(
    429,
    429,
    "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits.",
    { 'retry-after': String(retryAfterSeconds) },
  );
}

export function beyondHistory(now: Date): Answer {
  return planError(
    401,
    10012,
    'Your request exceeds the allowed time range. Public API users are limited to querying historical data within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: https://www.coingecko.com/en/api/pricing. ',
    now,
  );
}

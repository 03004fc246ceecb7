/**
 * The one vocabulary of failures. A source, the HTTP client or the database says what went wrong in one of these
 * words; `rules` says what follows; nothing else decides about retries.
 */
export type FailureType =
  | 'RateLimited'
  | 'QuotaExhausted'
  | 'Unavailable'
  | 'NotAvailable'
  | 'Unauthorized'
  | 'BadInput'
  | 'SchemaMismatch'
  | 'DatabaseUnavailable';

interface FailureRule {
  retry: 'never' | 'backoff' | 'reset';
  /** shortest wait before the next attempt */
  firstWaitMs: number;
  longestWaitMs: number;
  /** what a person does about it when retrying has ended, or never helps */
  advice: string;
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Retrying goes on for two hours from the first failed attempt; then a person decides. */
export const giveUpAfterMs = 2 * hour;

export const rules: Readonly<Record<FailureType, FailureRule>> = {
  RateLimited: {
    retry: 'backoff',
    firstWaitMs: 2 * second,
    longestWaitMs: 10 * minute,
    advice: 'lower the rate, or use a key',
  },
  QuotaExhausted: {
    retry: 'reset',
    firstWaitMs: minute,
    longestWaitMs: 31 * 24 * hour,
    advice: 'wait for the reset, or use a larger plan',
  },
  Unavailable: {
    retry: 'backoff',
    firstWaitMs: second,
    longestWaitMs: 5 * minute,
    advice: 'start the run again when the source is back',
  },
  NotAvailable: { retry: 'never', firstWaitMs: 0, longestWaitMs: 0, advice: 'nothing: the source will never have it' },
  Unauthorized: {
    retry: 'never',
    firstWaitMs: 0,
    longestWaitMs: 0,
    advice: 'check the API key and plan, then start the run again',
  },
  BadInput: { retry: 'never', firstWaitMs: 0, longestWaitMs: 0, advice: 'start again with a corrected input' },
  SchemaMismatch: {
    retry: 'never',
    firstWaitMs: 0,
    longestWaitMs: 0,
    advice: 'the source changed its answer: compare it with schema.ts, deploy, start again',
  },
  DatabaseUnavailable: {
    retry: 'backoff',
    firstWaitMs: second,
    longestWaitMs: minute,
    advice: 'bring the database back: the run goes on by itself',
  },
};

/** What a person reads in the Temporal UI beside the message. All of it is redacted. */
export interface FailureDetails {
  source?: string;
  dataset?: string;
  method?: string;
  url?: string;
  status?: number;
  body?: string;
}

export interface FailureVerdict {
  type: FailureType;
  /** the reason in a few words, without source and path */
  reason: string;
  /** wait before the next attempt, when the source says so */
  retryAfterMs?: number;
}

/** The only failure that activities throw on purpose. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure';

  constructor(
    readonly type: FailureType,
    message: string,
    readonly details: FailureDetails = {},
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Not a failure: the budget says that it is someone else's turn. Costs no retry budget and is not recorded. */
export class NotYetTurn extends Error {
  override readonly name = 'NotYetTurn';

  constructor(
    message: string,
    readonly waitMs: number,
  ) {
    super(message);
  }
}

/** The common reading of HTTP statuses other than 200; a source's own `judge` goes first. */
export function judgeStatus(status: number): FailureVerdict {
  if (status === 429) return { type: 'RateLimited', reason: 'too many requests' };
  if (status === 402) return { type: 'QuotaExhausted', reason: 'the quota is used up' };
  if (status === 401 || status === 403)
    return { type: 'Unauthorized', reason: 'the key is missing, wrong or not allowed this' };
  if (status === 404 || status === 410) return { type: 'NotAvailable', reason: 'the source does not have it' };
  if (status === 408 || status === 425 || status >= 500)
    return { type: 'Unavailable', reason: 'the source is not answering properly' };
  if (status >= 300 && status < 400) return { type: 'Unavailable', reason: 'a redirect, which is not followed' };
  if (status < 300) return { type: 'Unavailable', reason: 'an answer without data' };
  return { type: 'BadInput', reason: 'the source refuses the request' };
}

/** A `Retry-After` beyond this is taken for a mistake. */
const longestRetryAfterMs = 24 * hour;

/**
 * The wait before attempt `failures` + 1: doubling from the rule's first wait to its longest, never shorter than the
 * source asks for. What comes back at a reset is tried at the reset, however often it failed before.
 */
export function backoffMs(type: FailureType, failures: number, retryAfterMs = 0): number {
  const { retry, firstWaitMs, longestWaitMs } = rules[type];
  if (retry === 'never') return 0;
  const asked = Math.min(retryAfterMs, Math.max(longestWaitMs, longestRetryAfterMs));
  if (retry === 'reset' && asked > 0) return Math.max(firstWaitMs, asked);
  const doubled = firstWaitMs * 2 ** Math.min(Math.max(failures - 1, 0), 20);
  return Math.max(Math.min(doubled, longestWaitMs), asked);
}

/** Replaces every configured secret, plain and as URLs, forms and JSON write it, wherever it stands in a text. */
export function createRedact(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter((secret) => secret.length > 0).flatMap(formsOf))]
    // the longest first, or a secret that contains another would leave its rest
    .toSorted((a, b) => b.length - a.length);
  if (forms.length === 0) return (text) => text;
  // %2f and %2F are the same, and some services answer in another case
  const pattern = new RegExp(forms.map(patternOf).join('|'), 'gi');
  return (text) => text.replace(pattern, '***');
}

function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1)];
}

/** JSON puts backslashes before quotes, PHP's also before slashes, and JSON inside JSON more of them. */
function patternOf(form: string): string {
  return form.replace(/\W/g, (sign) => `\\\\*\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

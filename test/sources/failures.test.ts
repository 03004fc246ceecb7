import { judge as judgeBlockchair } from '../../activities/blockchair/client';
import { judge as judgeCoinGecko } from '../../activities/coingecko/client';
import { backoffMs, createRedact, judgeStatus, rules, type FailureType } from '../../activities/failures';
import { requestsPerMinute } from '../../activities/budget';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

test.each<[number, FailureType]>([
  [202, 'Unavailable'],
  [204, 'Unavailable'],
  [301, 'Unavailable'],
  [304, 'Unavailable'],
  [400, 'BadInput'],
  [401, 'Unauthorized'],
  [402, 'QuotaExhausted'],
  [403, 'Unauthorized'],
  [404, 'NotAvailable'],
  [405, 'BadInput'],
  [408, 'Unavailable'],
  [410, 'NotAvailable'],
  [422, 'BadInput'],
  [425, 'Unavailable'],
  [429, 'RateLimited'],
  [500, 'Unavailable'],
  [502, 'Unavailable'],
  [503, 'Unavailable'],
  [504, 'Unavailable'],
  [520, 'Unavailable'],
  [524, 'Unavailable'],
])('status %i is %s', (status, type) => {
  const verdict = judgeStatus(status);
  expect(verdict.type).toBe(type);
  expect(verdict.reason).not.toBe('');
});

test.each<[number, unknown, FailureType | undefined, number | undefined, string | undefined]>([
  [200, { context: { code: 200 } }, undefined, undefined, undefined],
  [200, undefined, undefined, undefined, undefined],
  [200, { context: { code: 402, error: 'no more' } }, 'QuotaExhausted', undefined, 'no more'],
  [200, { context: { code: 500 } }, 'Unavailable', undefined, undefined],
  [402, undefined, 'QuotaExhausted', undefined, 'the daily quota is used up'],
  [429, undefined, 'RateLimited', minute, 'too many requests'],
  [
    430,
    { context: { code: 430, error: null } },
    'RateLimited',
    10 * minute,
    'IP blocked for a while; an API key is never blocked',
  ],
  [434, 'not even an object', 'RateLimited', 10 * minute, undefined],
  [435, undefined, 'RateLimited', 2 * second, undefined],
  [436, undefined, 'RateLimited', minute, undefined],
  [437, undefined, 'RateLimited', minute, undefined],
  [503, undefined, 'Unavailable', minute, undefined],
  [404, undefined, undefined, undefined, undefined],
  [400, { context: { code: 400, error: 'unknown filter' } }, 'BadInput', undefined, 'unknown filter'],
])('Blockchair %i with %j', (status, body, type, retryAfterMs, reason) => {
  const verdict = judgeBlockchair(status, body);
  expect([verdict?.type, verdict?.retryAfterMs]).toEqual([type, retryAfterMs]);
  if (reason !== undefined) expect(verdict?.reason).toBe(reason);
});

const withCode = (error_code: number) => ({ status: { error_code, error_message: `said ${error_code}` } });

test.each<[number, unknown, FailureType | undefined, string | undefined]>([
  [200, withCode(10002), undefined, undefined],
  [401, withCode(10002), 'Unauthorized', 'said 10002'],
  [401, withCode(10005), 'Unauthorized', 'said 10005'],
  [400, withCode(10010), 'Unauthorized', 'said 10010'],
  [400, withCode(10011), 'Unauthorized', 'said 10011'],
  [401, { error: withCode(10012) }, 'NotAvailable', 'said 10012'],
  [401, { status: { error_code: 10012, error_message: null } }, 'NotAvailable', 'the plan sees only the last 365 days'],
  [400, { status: { error_code: 10011 } }, 'Unauthorized', 'the key does not fit COINGECKO_PLAN'],
  [404, { error: 'coin not found' }, 'NotAvailable', 'coin not found'],
  [404, undefined, 'NotAvailable', 'the source does not have it'],
  [422, { error: 'Missing parameter date' }, 'BadInput', 'Missing parameter date'],
  [400, undefined, 'BadInput', 'the source refuses the request'],
  [429, withCode(429), undefined, undefined],
  [500, { status: 500, error: 'Internal Server Error' }, undefined, undefined],
  [401, undefined, undefined, undefined],
])('CoinGecko %i with %j', (status, body, type, reason) => {
  const verdict = judgeCoinGecko(status, body);
  expect([verdict?.type, verdict?.reason]).toEqual([type, reason]);
});

test.each<[FailureType, number, number | undefined, number]>([
  ['Unavailable', 1, undefined, second],
  ['Unavailable', 2, undefined, 2 * second],
  ['Unavailable', 5, undefined, 16 * second],
  ['Unavailable', 50, undefined, 5 * minute],
  ['Unavailable', 1, 60_000, minute],
  ['Unavailable', 50, 60_000, 5 * minute],
  ['RateLimited', 1, undefined, 2 * second],
  ['RateLimited', 1, 119_000, 119_000],
  ['RateLimited', 1, 0, 2 * second],
  ['RateLimited', 99, undefined, 10 * minute],
  // what the server says holds, also where it is longer than we would wait
  ['RateLimited', 1, 45 * minute, 45 * minute],
  ['RateLimited', 1, 10_000 * hour, 24 * hour],
  // at the reset, however often it failed before
  ['QuotaExhausted', 1, 5 * hour, 5 * hour],
  ['QuotaExhausted', 15, 5 * hour, 5 * hour],
  ['QuotaExhausted', 1, 20 * second, minute],
  ['QuotaExhausted', 1, 12 * 24 * hour, 12 * 24 * hour],
  ['QuotaExhausted', 1, undefined, minute],
  ['QuotaExhausted', 99, undefined, 31 * 24 * hour],
  ['DatabaseUnavailable', 1, undefined, second],
  ['DatabaseUnavailable', 1_000_000, undefined, minute],
])('%s after %i failures, asked to wait %s: %i ms', (type, failures, retryAfterMs, expected) => {
  expect(backoffMs(type, failures, retryAfterMs)).toBe(expected);
});

test('waits never become shorter while it fails, and what is never tried again has none', () => {
  for (const type of Object.keys(rules) as FailureType[]) {
    const waits = Array.from({ length: 60 }, (_, index) => backoffMs(type, index));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(rules[type].longestWaitMs);
    expect(rules[type].advice).not.toBe('');
    if (rules[type].retry === 'never') expect(backoffMs(type, 3, 5_000)).toBe(0);
  }
});

test.each([
  [['abc$1'], 'x abc$1 y', 'x *** y'],
  [['a.c'], 'a.c abc', '*** abc'],
  [['$&'], 'it costs $&', 'it costs ***'],
  [['p@ss:w/rd'], 'mysql://u:p%40ss%3Aw%2Frd@host', 'mysql://u:***@host'],
  [['quo"te'], JSON.stringify({ key: 'quo"te' }), '{"key":"***"}'],
  [['quo"te'], JSON.stringify(JSON.stringify({ key: 'quo"te' })), '"{\\"key\\":\\"***\\"}"'],
  [['pass', 'password'], 'password pass', '*** ***'],
  [['', 'key'], 'a key', 'a ***'],
  [[], 'nothing is secret', 'nothing is secret'],
])('secrets %j in %s', (secrets, text, expected) => {
  expect(createRedact(secrets)(text)).toBe(expected);
});

test('permits are given below the documented rate', () => {
  expect(requestsPerMinute({ perMinute: 30 })).toBe(27);
  expect(requestsPerMinute({ perSecond: 5 })).toBeLessThanOrEqual(0.9 * 300);
  expect(requestsPerMinute({ perSecond: 5, perMinute: 30 })).toBe(27);
  expect(requestsPerMinute({})).toBeGreaterThan(0);
});

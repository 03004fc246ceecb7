import { cutoffsOf, firstKept, problemOf } from '../../activities/retention/policies';
import { adapt } from '../../activities/retention/pace';
import { hasSlot } from '../../db/queries/retention-ledger';
import { ConfigError, readConfig } from '../../workers/config';

const policy = { detailDays: 90, aggregatedDays: 365, summaryDays: 1_825 };
const base = { DATABASE_URL: 'mysql://user@127.0.0.1:3306/x' };

test.each([
  // an ordinary day; a leap day and its day after; the ends of a year; 31 days of a month that ends on the cut-off
  ['2026-11-24', 90, '2026-08-27'],
  ['2024-02-29', 1, '2024-02-29'],
  ['2024-03-01', 2, '2024-02-29'],
  ['2025-03-01', 2, '2025-02-28'],
  ['2025-12-31', 365, '2025-01-01'],
  ['2024-12-31', 366, '2024-01-01'],
  ['2026-01-01', 1, '2026-01-01'],
])('of the days up to %s the newest %i begin with %s', (date, days, first) => {
  expect(firstKept(date, days)).toBe(first);
  expect((Date.parse(date) - Date.parse(first)) / 86_400_000 + 1).toBe(days);
});

test.each([
  // a month moves on the day after which all of its days are too old
  ['2026-12-30', '2025-12-01'],
  ['2026-12-31', '2026-01-01'],
  ['2025-02-28', '2024-03-01'],
  ['2025-02-27', '2024-02-01'],
  ['2024-02-29', '2023-03-01'],
])('on %s the first month that stays by day is %s', (date, month) => {
  expect(cutoffsOf(policy, date).aggregated).toBe(month);
});

test('the policies of the specification are the default; each can be set', () => {
  expect(
    readConfig({ ...base, CRYPTOFLOW_SENTIMENT_RETENTION_DAYS: '7/31/62' }).settings.retention.policies,
  ).toMatchObject({ crypto_sentiment_data: { detailDays: 7, aggregatedDays: 31, summaryDays: 62 } });
  expect(readConfig(base).settings.retention).toEqual({
    policies: {
      onchain_data: { detailDays: 90, aggregatedDays: 365, summaryDays: 1_825 },
      crypto_sentiment_data: { detailDays: 30, aggregatedDays: 365, summaryDays: 1_095 },
    },
    failureDays: 90,
  });
});

test.each([
  ['ONCHAIN', '400/365/1825', /CRYPTOFLOW_ONCHAIN_RETENTION_DAYS keeps .*detail would be gone before its daily values/],
  ['SENTIMENT', '30/365/370', /months would be gone when they are made; give the monthly ones at least 31/],
  ['ONCHAIN', '0/365/1825', /RETENTION_DAYS "0\/365\/1825" is not three numbers of days, each at least 1/],
  ['ONCHAIN', '-3/365/1825', /is not three numbers/],
  ['ONCHAIN', '90', /is not three numbers/],
  ['FAILURE', '1.5', /"1.5" is not whole days/],
  ['FAILURES', '9', /is not a variable of cryptoflow/],
])('a policy that would lose values, or reaches into the future, is refused: %s %s', (of, days, expected) => {
  const environment = { ...base, [`CRYPTOFLOW_${of}_RETENTION_DAYS`]: days };
  expect(() => readConfig(environment)).toThrow(ConfigError);
  expect(() => readConfig(environment)).toThrow(expected);
});

test('a policy may keep daily values no longer than the detail, as then they become monthly ones', () => {
  expect(problemOf({ detailDays: 90, aggregatedDays: 90, summaryDays: 121 })).toBeUndefined();
  expect(problemOf({ detailDays: 90, aggregatedDays: 90, summaryDays: 120 })).toBeDefined();
});

test('chunks go towards 150 ms, and a lucky or slow one does not throw them about', () => {
  const pace = { size: 4 };
  for (let chunk = 0; chunk < 20; chunk += 1) adapt(pace, pace.size, pace.size * 5);
  expect(pace.size).toBeGreaterThan(26);
  expect(pace.size).toBeLessThan(36);
  adapt(pace, pace.size, 1);
  expect(pace.size).toBeLessThan(60);
  const before = pace.size;
  adapt(pace, 2, 10);
  expect(pace.size).toBe(before);
  for (let chunk = 0; chunk < 20; chunk += 1) adapt(pace, pace.size, 10_000);
  expect(pace.size).toBe(1);
  for (let chunk = 0; chunk < 20; chunk += 1) adapt(pace, pace.size, pace.size * 5);
  expect(pace.size).toBeGreaterThan(26);
});

test('a slot is found by its bit, at both ends of both halves', () => {
  const bits = { low: 1n | (1n << 47n), high: 1n | (1n << 47n) };
  const at = (time: string) => hasSlot(bits, `2026-11-21T${time}:00Z`);
  expect(['00:00', '11:45', '12:00', '23:45'].map(at)).toEqual([true, true, true, true]);
  expect(['00:15', '11:30', '12:15', '23:30'].map(at)).toEqual([false, false, false, false]);
  expect(hasSlot(undefined, '2026-11-21T00:00:00Z')).toBe(false);
});

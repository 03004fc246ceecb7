import { dueRequests, monthLeft } from '../../activities/collect/due';
import { slotMs, slotName } from '../../activities/collect/slots';
import { spanMs } from '../../activities/spans';
import { requestsPerMinute, reserves } from '../../activities/budget';
import { source as coingecko } from '../../activities/coingecko';
import type { Observing, SourceAsset } from '../../activities/observation';
import { randomFrom, type Random } from '../simulator/world/random';

// A month of slots as openSlot plans them, every call counted as the budget counts it.

const first = Date.UTC(2026, 9, 1);
const days = 31;
const slotsPerDay = 96;
const observing: Observing = coingecko.observe!;
const { readings, fields } = observing;
const mostOfLimit = 0.4;
const isoSlots = Array.from({ length: days * slotsPerDay }, (_, index) =>
  new Date(first + index * slotMs).toISOString(),
);

interface Month {
  assets: number;
  quota: number;
  /** requests of the daily DAG at 01:00 UTC, one per coin */
  dailyCoins: number;
  /** one request for each, on the tenth day */
  backfilled: number;
  retried: number;
  perMinute: number;
}

interface Used {
  total: number;
  /** by reading: the longest that an asset waited for its next turn, in slots; the first turn counts from the month's first slot on */
  longestWait: Readonly<Record<string, number>>;
  mostInASlot: number;
}

const assetsOf = (count: number): SourceAsset[] =>
  Array.from({ length: count }, (_, index) => {
    const coinId = `coin-${String(index).padStart(3, '0')}`;
    return { coinId, symbol: coinId.toUpperCase(), kind: 'pow', sourceId: coinId, sourceIds: {} };
  });

function simulate(month: Month, random: Random): Used {
  const assets = assetsOf(month.assets);
  const asked = new Map<string, Map<string, number>>();
  const waits: Record<string, number> = {};
  const most = Math.max(1, Math.floor(requestsPerMinute({ perMinute: month.perMinute }) * mostOfLimit));
  let [total, mostInASlot, largest] = [0, 0, 0];
  const call = (requests: number): void => {
    for (let index = 0; index < requests; index++) total += random.chance(month.retried) ? 2 : 1;
  };
  for (let index = 0; index < days * slotsPerDay; index++) {
    const slot = isoSlots[index]!;
    if (index % slotsPerDay === 4) call(month.dailyCoins);
    if (index === 10 * slotsPerDay) call(month.backfilled);
    const left = monthLeft(
      { monthQuota: month.quota, usedThisMonth: total, backfillReserve: reserves.backfillReserve },
      month.dailyCoins,
      slot,
    );
    const lastOf = (coinId: string, reading: string) => asked.get(reading)?.get(coinId);
    const askedAt = ({ coinId }: SourceAsset, reading: string) => isoSlots[lastOf(coinId, reading) ?? -1];
    const due = dueRequests(readings, assets, slot, askedAt, most, left);
    for (const { reading, assets: covered } of due) {
      largest = Math.max(largest, covered.length / readings[reading]!.batch);
      const turns = asked.get(reading) ?? new Map<string, number>();
      asked.set(reading, turns);
      for (const { coinId } of covered) {
        waits[reading] = Math.max(waits[reading] ?? 0, index - (turns.get(coinId) ?? 0));
        turns.set(coinId, index);
      }
    }
    mostInASlot = Math.max(mostInASlot, due.length);
    call(due.length);
  }
  for (const [reading] of Object.entries(readings))
    for (const asset of assets) {
      const last = asked.get(reading)?.get(asset.coinId) ?? 0;
      waits[reading] = Math.max(waits[reading] ?? 0, days * slotsPerDay - last);
    }
  expect(largest).toBeLessThanOrEqual(1);
  return { total, longestWait: waits, mostInASlot };
}

/** The demo plan, with what else uses its key: seven coins a day, and 90 days of them and of all assets by ranges. */
const demo = { quota: 10_000, dailyCoins: 7, retried: 0.02, perMinute: 100 };

const months = new Map([50, 500].map((assets) => [assets, { ...demo, assets, backfilled: assets + demo.dailyCoins }]));
const used = new Map<number, Used>();
beforeAll(() => {
  for (const [assets, month] of months) used.set(assets, simulate(month, randomFrom(`month of ${assets}`)));
});

test.each([50, 500])(
  '%d assets, the daily DAG, a backfill and 2 %% retried calls stay within 10,000 calls a month',
  (assets) => {
    const { total, mostInASlot } = used.get(assets)!;
    expect(total).toBeLessThanOrEqual(demo.quota);
    // and what there is is used
    expect(total).toBeGreaterThan(0.4 * demo.quota);
    expect(mostInASlot).toBeLessThanOrEqual(Math.floor(100 * 0.9 * mostOfLimit));
  },
);

test('with 50 assets every value is asked for again within its greatest age', () => {
  const { longestWait } = used.get(50)!;
  for (const [reading, { gives }] of Object.entries(readings)) {
    const ages = gives.map((name) => spanMs(fields[name]!.maxAge));
    expect([reading, longestWait[reading]! * slotMs <= Math.min(...ages)]).toEqual([reading, true]);
  }
  // all in every slot, and each on its own about once a day
  expect(longestWait['markets']).toBe(1);
  expect(longestWait['details']).toBeLessThanOrEqual(1.25 * slotsPerDay);
});

test('with 500 assets what one request gives of many is there in every slot; the others take turns', () => {
  const { longestWait } = used.get(500)!;
  expect(longestWait['markets']).toBe(1);
  expect(longestWait['details']).toBeLessThan(days * slotsPerDay);
});

test('whatever the month allows, it is never exceeded where the daily DAG alone fits', () => {
  for (let index = 0; index < 8; index++) {
    const random = randomFrom(`any month ${index}`);
    const month = {
      assets: random.integer(1, 60),
      quota: random.integer(400, 12_000),
      dailyCoins: random.integer(0, 10),
      backfilled: random.integer(0, 30),
      retried: 0.02,
      perMinute: random.integer(5, 100),
    };
    const { total } = simulate(month, random);
    expect([month, total <= month.quota]).toEqual([month, true]);
  }
});

test('those that waited longest come first, then by name; batches before single assets', () => {
  const assets = assetsOf(12);
  const at = '2026-10-05T10:00:00.000Z';
  const askedAt = ({ coinId }: SourceAsset, reading: string): string | undefined => {
    if (reading === 'markets') return '2026-10-05T09:45:00.000Z';
    if (coinId === 'coin-007') return '2026-10-01T00:00:00.000Z';
    return coinId < 'coin-010' ? '2026-10-04T10:00:00.000Z' : '2026-10-04T10:15:00.000Z';
  };
  const due = dueRequests(readings, assets, at, askedAt, 36, undefined);
  expect(due.map(({ reading, assets: of }) => `${reading} ${of.length === 1 ? of[0]!.coinId : of.length}`)).toEqual([
    'markets 12',
    ...['007', '000', '001', '002', '003'].map((name) => `details coin-${name}`),
  ]);
  expect(dueRequests(readings, assets, '2026-10-05T09:45:00.000Z', askedAt, 36, undefined)).toEqual([
    { reading: 'details', assets: [assets[7]] },
  ]);
});

test('what is left of a month: without the share of backfills, what is used, and the days of the daily DAG to come', () => {
  const budget = { monthQuota: 10_000, usedThisMonth: 1_000, backfillReserve: 0.1 };
  expect(monthLeft(budget, 10, '2026-10-31T12:00:00.000Z')).toEqual({ requests: 7_990, slots: 48, slotNumber: 2_928 });
  expect(monthLeft(budget, 10, '2026-10-01T00:00:00.000Z')).toEqual({ requests: 7_690, slots: 2_976, slotNumber: 0 });
  expect(slotName(first)).toBe('2026-10-01T00:00Z');
});

import { performance } from 'node:perf_hooks';
import { sql } from 'kysely';
import {
  applyBudgets,
  toleratedLatenessMs,
  requestsPerMinute,
  waitForPermit,
  withLease,
} from '../../activities/budget';
import type { ConfiguredSource } from '../../activities/deps';
import { NotYetTurn } from '../../activities/failures';
import { findSource } from '../../activities/registry';
import type { Limits } from '../../activities/source';
import { changePause } from '../../activities/sources';
import { migrateToLatest } from '../../db/migrate';
import { askForPlace, datesAtOnce, leavePlace, setDatesAtOnce } from '../../db/queries/admitted-dates';
import { listRuns } from '../../db/queries/ingestion-logs';
import { listBudgets, takePermit, type BudgetClass } from '../../db/queries/source-budgets';
import { renewLease, releaseLease, takeLease } from '../../db/queries/source-leases';
import { databases, freshDatabase } from '../databases';

const source = 'blockchair';

function configured(limits: Limits): ConfiguredSource {
  const plan = { baseUrl: 'http://127.0.0.1', limits, pagesPerRun: 1, says: 'test' };
  return { source: findSource(source), plan, baseUrl: plan.baseUrl, planName: 'test' };
}

test.each<[Limits]>([
  [{ perMinute: 30 }],
  [{ perSecond: 10 }],
  [{ perSecond: 100 }],
  [{ perSecond: 5, perMinute: 100 }],
])('permits of %j stand so far apart that late ones do not fill a window', (limits) => {
  const gapMs = 60_000 / requestsPerMinute(limits);
  const lateMs = toleratedLatenessMs(limits);
  expect(lateMs).toBeGreaterThan(0);
  for (const [limit, windowMs] of [
    [limits.perMinute, 60_000],
    [limits.perSecond, 1_000],
  ] as const) {
    // limit + 1 requests, the first as late as it may be, the last on time
    if (limit !== undefined) expect(limit * gapMs - lateMs).toBeGreaterThan(windowMs);
  }
});

describe.each(databases())('budgets on $name', (server) => {
  let db: Awaited<ReturnType<typeof freshDatabase>>['db'];
  beforeAll(async () => {
    // one connection: its session's clock can be set, and is the database's clock for all that follows
    ({ db } = await freshDatabase(server, { poolSize: 1 }));
    await migrateToLatest(db);
  });
  beforeEach(async () => {
    await clock(undefined);
    await sql`DELETE FROM source_budgets`.execute(db);
    await sql`DELETE FROM source_leases`.execute(db);
    await sql`DELETE FROM admitted_dates`.execute(db);
  });

  const apply = (limits: Limits) => applyBudgets(db, [configured(limits)]);
  const clock = (time: string | undefined) =>
    time === undefined
      ? sql`SET timestamp = DEFAULT`.execute(db)
      : sql`SET timestamp = UNIX_TIMESTAMP(${time})`.execute(db);
  const take = (budgetClass: BudgetClass, cost = 1) =>
    takePermit(db, { source, cost, budgetClass, maxWaitMs: 10_000, leadMs: 0 });
  const spent = async () => {
    const [row] = await listBudgets(db);
    return [row!.day_live, row!.day_backfill, row!.month_live, row!.month_backfill].map(Number);
  };
  const granted = async (budgetClass: BudgetClass, cost: number, upTo = 100) => {
    for (let count = 0; count < upTo; count += 1) {
      const permit = await take(budgetClass, cost);
      if (!permit.granted) return { count, permit };
    }
    return { count: upTo, permit: undefined };
  };

  test('permits are spaced evenly, and the far ones are refused with the wait', async () => {
    await apply({ perMinute: 60 });
    const gapMs = 60_000 / 54;
    const from = performance.now();
    const dues: number[] = [];
    for (let asked = 0; asked < 10; asked += 1) {
      const permit = await take('live');
      if (permit.granted) dues.push(permit.dueAt - from);
      else expect(permit).toMatchObject({ reason: 'turn', waitMs: expect.any(Number) as number });
    }
    expect(dues).toHaveLength(10);
    // a due time is off by the way to the database and back
    for (const [index, due] of dues.entries()) expect(Math.abs(due - index * gapMs)).toBeLessThan(gapMs / 2);
    const refused = await take('live');
    if (refused.granted) throw new Error('the turn is beyond its reach');
    expect(refused.reason).toBe('turn');
    // at this moment the turn is ten seconds away: within reach
    expect(refused.waitMs).toBeGreaterThan(10 * gapMs - 10_000 - 200);
    expect(refused.waitMs).toBeLessThanOrEqual(10 * gapMs - 10_000 + 1);
  });

  test('what is refused is not counted', async () => {
    await apply({ perSecond: 1, perDay: 1_000 });
    const { count, permit } = await granted('live', 3);
    expect(permit).toMatchObject({ reason: 'turn' });
    expect(await spent()).toEqual([3 * count, 0, 3 * count, 0]);
    await granted('live', 3, 5);
    expect(await spent()).toEqual([3 * count, 0, 3 * count, 0]);
  });

  test('each class leaves the reserve of the other alone, and may spend the rest', async () => {
    await apply({ perSecond: 1_000, perDay: 100 });
    const backfill = await granted('backfill', 1);
    expect(backfill).toMatchObject({ count: 50, permit: { reason: 'day' } });
    const live = await granted('live', 1);
    expect(live).toMatchObject({ count: 50, permit: { reason: 'day' } });

    await sql`UPDATE source_budgets SET day_live = 0, day_backfill = 0`.execute(db);
    expect(await granted('live', 1)).toMatchObject({ count: 90, permit: { reason: 'day' } });
    expect(await granted('backfill', 1)).toMatchObject({ count: 10, permit: { reason: 'day' } });
  });

  test('the quota of the month binds like that of the day', async () => {
    await apply({ perSecond: 1_000, perMonth: 20 });
    expect(await granted('backfill', 2)).toMatchObject({ count: 5, permit: { reason: 'month' } });
    expect(await granted('live', 2)).toMatchObject({ count: 5, permit: { reason: 'month' } });
  });

  test('counts begin anew with the UTC day and month of the request, by the clock of the database', async () => {
    await clock('2026-11-30 23:59:50');
    await apply({ perMinute: 10, perDay: 2, perMonth: 4 });
    await sql`UPDATE source_budgets SET live_reserve = 0, backfill_reserve = 0`.execute(db);
    expect(await take('live')).toMatchObject({ granted: true });
    expect(await take('backfill')).toMatchObject({ granted: true });
    expect(await spent()).toEqual([1, 1, 1, 1]);
    // its turn would be 00:00:03: the next day's
    await clock('2026-11-30 23:59:56');
    expect(await take('live')).toMatchObject({ granted: true });
    const { rows } = await sql`SELECT day, month, day_live, day_backfill, month_live FROM source_budgets`.execute(db);
    expect(rows).toEqual([
      { day: '2026-12-01', month: '2026-12', day_live: '1.000', day_backfill: '0.000', month_live: '1.000' },
    ]);

    await clock('2026-12-01 12:00:00');
    expect(await take('live')).toMatchObject({ granted: true });
    await clock('2026-12-01 12:01:00');
    const day = await take('live');
    expect(day).toMatchObject({ granted: false, reason: 'day', waitMs: (12 * 60 - 1) * 60_000 });
    await clock('2026-12-02 00:00:00');
    expect(await take('live')).toMatchObject({ granted: true });
    expect(await spent()).toEqual([1, 0, 3, 0]);
    await clock('2026-12-02 00:01:00');
    expect(await take('live')).toMatchObject({ granted: true });
    await clock('2026-12-03 00:00:00');
    expect(await take('live')).toMatchObject({ granted: false, reason: 'month', waitMs: 29 * 86_400_000 });
    await clock('2027-01-01 00:00:00');
    expect(await take('live')).toMatchObject({ granted: true });
    expect(await spent()).toEqual([1, 0, 1, 0]);
  });

  test('a new plan changes the limits and leaves what is counted, and a pause', async () => {
    await apply({ perMinute: 60, perDay: 100 });
    await take('live', 7);
    await changePause(db, { source, pause: { forMs: 3_600_000, reason: 'maintenance' } }, by('a'));
    await apply({ perMinute: 600, perDay: 1_000, connections: 2 });
    const [row] = await listBudgets(db);
    expect(row).toMatchObject({ requests_per_minute: '540.000', day_quota: '1000.000', max_concurrency: 2 });
    expect(row).toMatchObject({ day_live: '7.000', paused_reason: 'maintenance' });
  });

  test('a paused source refuses with the reason, and is looked at again within half a minute', async () => {
    await apply({ perMinute: 6_000, perDay: 100 });
    await changePause(db, { source, pause: { forMs: 6 * 3_600_000, reason: 'maintenance' } }, by('b'));
    const asking = waitForPermit(db, { source, limits: { perMinute: 6_000 }, cost: 1, budgetClass: 'live' });
    const refused = (await asking.catch((error: unknown) => error)) as NotYetTurn;
    expect(refused).toBeInstanceOf(NotYetTurn);
    expect(refused.message).toMatch(/^blockchair is paused until \d{4}-\d\d-\d\dT\d\d:\d\dZ: maintenance$/);
    expect(refused.waitMs).toBe(28_000);
    expect(await spent()).toEqual([0, 0, 0, 0]);

    // the same change again, as an attempt does whose answer was lost: one row in the log
    await changePause(db, { source, pause: { forMs: null, reason: null } }, by('c'));
    await changePause(db, { source, pause: { forMs: null, reason: null } }, by('c'));
    const endless = (await waitForPermit(db, { source, limits: {}, cost: 1, budgetClass: 'live' }).catch(
      (error: unknown) => error,
    )) as NotYetTurn;
    expect(endless.message).toBe('blockchair is paused until it is resumed');
    const message = await changePause(db, { source, pause: undefined }, by('d'));
    expect(message).toBe('blockchair is resumed');
    await waitForPermit(db, { source, limits: {}, cost: 1, budgetClass: 'live' });
    const logged = await listRuns(db, { source: 'cryptoflow', limit: 10 });
    expect(logged.filter((run) => ['b', 'c', 'd'].includes(run.workflowId)).map((run) => run.status)).toEqual(
      Array(3).fill('success'),
    );
  });

  test('a process that wakes up too late for its permit takes another, and pays once', async () => {
    await apply({ perSecond: 100, perDay: 1_000 });
    const turn = { source, limits: { perSecond: 100 }, cost: 5, budgetClass: 'live' as const };
    await waitForPermit(db, turn);
    const before = await db.selectFrom('source_budgets').select('next_free_at').executeTakeFirstOrThrow();
    const waiting = waitForPermit(db, turn);
    // the event loop stands still while the answer of the database waits to be read
    setImmediate(() => {
      const until = performance.now() + 300;
      while (performance.now() < until);
    });
    await waiting;
    const after = await db.selectFrom('source_budgets').select('next_free_at').executeTakeFirstOrThrow();
    expect(Date.parse(`${after.next_free_at}Z`) - Date.parse(`${before.next_free_at}Z`)).toBeGreaterThan(300);
    expect(await spent()).toEqual([10, 0, 10, 0]);
  });

  test('so many connections as allowed, one per attempt; what a dead holder leaves is free after a minute', async () => {
    await clock('2026-11-21 12:00:00');
    await apply({ connections: 2 });
    const lease = (holder: string) => ({ source, holder });
    expect(await takeLease(db, lease('run/1/1'))).toBeUndefined();
    expect(await takeLease(db, lease('run/1/1'))).toBeUndefined();
    expect(await takeLease(db, lease('run/2/1'))).toBeUndefined();
    // the next attempt of the same activity is someone else: the one before may still be at it
    expect(await takeLease(db, lease('run/1/2'))).toEqual({ waitMs: 60_000 });
    await clock('2026-11-21 12:00:40');
    expect(await renewLease(db, lease('run/2/1'))).toBe(true);
    expect(await takeLease(db, lease('run/1/2'))).toEqual({ waitMs: 20_000 });
    await clock('2026-11-21 12:01:01');
    expect(await takeLease(db, lease('run/1/2'))).toBeUndefined();
    expect(await renewLease(db, lease('run/1/1'))).toBe(false);
    await releaseLease(db, lease('run/1/1'));
    expect(await takeLease(db, lease('run/3/1'))).toMatchObject({ waitMs: 39_000 });
    await releaseLease(db, lease('run/2/1'));
    expect(await takeLease(db, lease('run/3/1'))).toBeUndefined();

    await apply({ connections: 1 });
    expect(await takeLease(db, lease('run/4/1'))).toMatchObject({ waitMs: expect.any(Number) as number });
    await apply({});
    expect(await takeLease(db, lease('run/4/1'))).toEqual({ waitMs: null });
  });

  test('a lease is given back whatever happens, and refused as waiting, not failing', async () => {
    await apply({ connections: 1 });
    const one = { source, holder: 'one' };
    await withLease(db, one, undefined, async (signal) => {
      const refused = await withLease(db, { source, holder: 'two' }, undefined, async () => {}).catch(
        (e: unknown) => e,
      );
      expect(refused).toBeInstanceOf(NotYetTurn);
      expect(refused).toMatchObject({ waitMs: 5_000 });
      expect(signal.aborted).toBe(false);
    });
    await expect(withLease(db, one, undefined, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLease(db, { source, holder: 'two' }, undefined, async () => 'done')).toBe('done');
  });

  test('few old dates at once, newest first; who drops out of line is passed over', async () => {
    const date = (day: number) => ({
      workflowId: `dag-${day}`,
      runId: `run-${day}`,
      logicalDate: `2026-10-${10 + day}`,
    });
    await clock('2026-11-21 12:00:00');
    expect(await askForPlace(db, date(1))).toEqual({ isAdmitted: true });
    expect(await askForPlace(db, date(2))).toEqual({ isAdmitted: true });
    expect(await askForPlace(db, date(1))).toEqual({ isAdmitted: true });
    expect(await askForPlace(db, date(3))).toEqual({
      isAdmitted: false,
      atOnce: 2,
      admitted: [date(2), date(1)],
      before: 0,
      waitMs: 250,
    });
    expect(await askForPlace(db, date(5))).toMatchObject({ before: 0, waitMs: 250 });
    expect(await askForPlace(db, date(3))).toMatchObject({ before: 1, waitMs: 1_250 });
    expect(await askForPlace(db, { ...date(3), workflowId: 'dag-3-again' })).toMatchObject({ before: 2 });
    await leavePlace(db, date(1));
    expect(await askForPlace(db, date(3))).toMatchObject({ isAdmitted: false, before: 1 });
    expect(await datesAtOnce(db)).toMatchObject({ atOnce: 2, admitted: [date(2)], waiting: 3 });
    // the newest looks no more: it was terminated
    await clock('2026-11-21 12:00:14');
    expect(await askForPlace(db, date(3))).toEqual({ isAdmitted: true });
    await setDatesAtOnce(db, 3);
    expect(await askForPlace(db, { ...date(3), workflowId: 'dag-3-again' })).toEqual({ isAdmitted: true });
    // a place is no matter of time
    await clock('2026-11-29 12:00:00');
    expect(await datesAtOnce(db)).toMatchObject({ atOnce: 3, waiting: 0 });
    expect((await datesAtOnce(db)).admitted).toHaveLength(3);
  });

  const by = (id: string) => ({
    dataType: 'cli.sources',
    workflowId: id,
    firstExecutionRunId: id,
    runId: id,
    triggeredBy: 'test',
  });
});

describe.each(databases())('many who ask at once on $name', (server) => {
  test('places and permits are given once each', async () => {
    const { db } = await freshDatabase(server, { poolSize: 20 });
    await migrateToLatest(db);
    await applyBudgets(db, [configured({ perSecond: 1_000, connections: 3 })]);
    const asked = Array.from({ length: 40 }, (_, index) => index);
    const leases = await Promise.all(asked.map((index) => takeLease(db, { source, holder: `attempt-${index}` })));
    expect(leases.filter((refused) => refused === undefined)).toHaveLength(3);
    const permits = await Promise.all(
      asked.map(() => takePermit(db, { source, cost: 1, budgetClass: 'live', maxWaitMs: 10_000, leadMs: 0 })),
    );
    const dues = permits.map((permit) => (permit.granted ? permit.dueAt : Number.NaN)).toSorted((a, b) => a - b);
    expect(dues.at(-1)! - dues[0]!).toBeGreaterThan(30);
    const places = await Promise.all(
      asked.map((index) =>
        askForPlace(db, {
          workflowId: `dag-${index}`,
          runId: `run-${index}`,
          logicalDate: `2026-10-${10 + (index % 20)}`,
        }),
      ),
    );
    expect(places.filter((place) => place.isAdmitted)).toHaveLength(2);
    expect(await datesAtOnce(db)).toMatchObject({ atOnce: 2, waiting: 38 });
  });
});

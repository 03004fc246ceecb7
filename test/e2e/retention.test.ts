import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { sql } from 'kysely';
import { families, familyOf } from '../../db/families';
import { listRuns } from '../../db/queries/ingestion-logs';
import { cli } from '../cli/run-cli';
import { databases } from '../databases';
import { failureOf, startProduct, type Product } from '../product';
import { daysFrom, fillDetail } from '../retention/detail-rows';

const onchain = familyOf('onchain_data');
const sentiment = familyOf('crypto_sentiment_data');

interface Result {
  date: string;
  status: string;
  runs: { dataset: string; status: string; counts: Record<string, number>; message: string }[];
}

describe('applyRetention', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server: databases()[0]! });
  });
  afterAll(() => product.stop());

  const rowsOf = async (table: string) =>
    Number((await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(product.db)).rows[0]!.n);

  test('a dry run says it and changes nothing; the run does it, logs it, and leaves nothing for a second one', async () => {
    const { db } = product;
    // of 2026-11-21 on, 90 days of on-chain detail begin with 24 August, 30 days of sentiment with 23 October
    await fillDetail(db, onchain, {
      coins: ['bitcoin', 'ethereum'],
      days: daysFrom('2026-08-22', 3),
      everyNth: 2,
      sources: ['a'],
    });
    await fillDetail(db, sentiment, { coins: ['bitcoin'], days: daysFrom('2026-10-22', 2), everyNth: 2 });
    const input = { date: '2026-11-21', tables: ['onchain_data', 'crypto_sentiment_data'] };

    const dry = await product.run<Result>('applyRetention', { ...input, dryRun: true });
    expect(dry).toMatchObject({ date: '2026-11-21', status: 'dry run' });
    expect(dry.runs.map((run) => run.message)).toEqual([
      'would count 192 rows from before 2026-08-24 into daily values, turn 0 daily values from before 2025-11-01 into monthly ones, delete 0 monthly values from before 2021-11-01',
      'would count 48 rows from before 2026-10-23 into daily values, turn 0 daily values from before 2025-11-01 into monthly ones, delete 0 monthly values from before 2023-11-01',
    ]);
    const typed = ['run', 'applyRetention', '--date', '2026-11-21', '--tables', 'onchain_data', '--dry-run', '--wait'];
    const { stdout } = await cli(typed, product.environment);
    expect(stdout).toContain('would count 192 rows from before 2026-08-24 into daily values');
    expect(await rowsOf('onchain_data')).toBe(288);
    expect(await listRuns(db, { source: 'cryptoflow', limit: 10 })).toEqual([]);

    const done = await product.run<Result>('applyRetention', input, 'retention/first');
    expect(done.status).toBe('success');
    expect(done.runs.map((run) => [run.dataset, run.status, run.counts.inserted, run.message])).toEqual([
      ['cryptoflow.retention.onchain_data', 'success', 192, '192 rows counted into daily values'],
      ['cryptoflow.retention.crypto_sentiment_data', 'success', 48, '48 rows counted into daily values'],
    ]);
    expect(await rowsOf('onchain_data')).toBe(96);
    expect(await rowsOf('source_observations')).toBe(96);
    for (const { aggregated } of families) expect(await rowsOf(aggregated)).toBeGreaterThan(5);
    const [newest] = await listRuns(db, { source: 'cryptoflow', limit: 1 });
    expect(newest).toMatchObject({
      dataType: 'retention.crypto_sentiment_data',
      targetDate: '2026-11-21',
      status: 'success',
      processed: 48,
      workflowId: 'retention/first',
      triggeredBy: 'retention/first',
    });
    const { rows } = await sql<{
      log_id: number;
    }>`SELECT DISTINCT log_id FROM crypto_sentiment_data_aggregated`.execute(db);
    expect(rows).toEqual([{ log_id: newest!.id }]);

    const again = await product.run<Result>('applyRetention', { date: '2026-11-21' });
    expect(again.runs).toHaveLength(6);
    for (const run of again.runs) expect(run).toMatchObject({ status: 'success', message: 'nothing had had its time' });
  });

  test('bad input is refused at once, with what is allowed', async () => {
    const refused = (input: unknown) => failureOf(product.run('applyRetention', input));
    const today = new Date().toISOString().slice(0, 10);
    expect(await refused({ date: today })).toMatchObject({
      type: 'BadInput',
      message: expect.stringContaining('is not over yet') as string,
    });
    expect(await refused({ date: '2026-02-30' })).toMatchObject({ type: 'BadInput' });
    expect(await refused({ tables: ['raw_market_prices_volumes'] })).toMatchObject({
      type: 'BadInput',
      message: expect.stringContaining('known: onchain_data, crypto_sentiment_data') as string,
    });
    expect(await refused({ dryrun: true })).toMatchObject({
      type: 'BadInput',
      message: expect.stringContaining('dryRun') as string,
    });
    expect(await refused({ tables: [] })).toMatchObject({ type: 'BadInput' });
  });

  test('a run of 23:59:59 is for the day before, as any other of that day', async () => {
    const schedule = await product.client.schedule.create({
      scheduleId: `late-${randomBytes(3).toString('hex')}`,
      spec: { calendars: [{ hour: 23, minute: 59, second: 59 }] },
      policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL },
      action: {
        ...{ type: 'startWorkflow', workflowType: 'applyRetention', workflowId: 'late', taskQueue: 'cryptoflow' },
        args: [{ tables: ['rejected_records'] }],
      },
    });
    await schedule.backfill({ start: new Date('2026-02-28T00:00:00Z'), end: new Date('2026-03-01T23:59:59Z') });
    const dates = async () =>
      (await listRuns(product.db, { source: 'cryptoflow', limit: 100 }))
        .filter((run) => run.triggeredBy.startsWith('schedule late') && run.status === 'success')
        .map((run) => String(run.targetDate))
        .toSorted();
    for (let waited = 0; (await dates()).length < 2 && waited < 30_000; waited += 100) await sleep(100);
    expect(await dates()).toEqual(['2026-02-27', '2026-02-28']);
    await schedule.delete();
  });

  test('a run that cannot go on holds up no other, and its row ends with it', async () => {
    const { db } = product;
    await sql`RENAME TABLE onchain_data_summary TO away`.execute(db);
    try {
      await fillDetail(db, sentiment, { coins: ['solana'], days: ['2026-01-05'], everyNth: 12 });
      // a missing table is a matter of the deployment: it is tried again for as long as it lasts
      const running = await product.client.workflow.start('applyRetention', {
        ...{ taskQueue: 'cryptoflow', workflowId: 'retention/blocked' },
        args: [{ date: '2026-11-21', tables: ['onchain_data'] }],
      });
      const others = await product.run<Result>('applyRetention', {
        date: '2026-11-21',
        tables: ['crypto_sentiment_data'],
      });
      expect(others.runs[0]).toMatchObject({ status: 'success', counts: { inserted: 8 } });
      const open = async () => (await listRuns(db, { workflowId: 'retention/blocked', limit: 1 }))[0];
      for (let waited = 0; (await open())?.status !== 'running' && waited < 10_000; waited += 50) await sleep(50);
      await running.cancel();
      await running.result().catch(() => undefined);
      expect(await open()).toMatchObject({ status: 'cancelled', errorType: 'Cancelled' });
    } finally {
      await sql`RENAME TABLE away TO onchain_data_summary`.execute(db);
    }
  });

  test('cli metrics says where the values of a period live', async () => {
    const values = async (...words: string[]) => {
      const { code, stdout, stderr } = await cli(
        ['metrics', 'BTC', ...words, '--metric', 'transaction_count', '--json'],
        product.environment,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return (JSON.parse(stdout) as { values: { period: string; resolution: string; samples: number }[] }).values;
    };
    const all = await values('--from', '2026-08-22', '--to', '2026-08-24');
    expect(all.slice(0, 3)).toMatchObject([
      { period: '2026-08-22', resolution: 'daily' },
      { period: '2026-08-23', resolution: 'daily' },
      { period: '2026-08-24T00:00:00.000000Z', resolution: 'detail', samples: 1 },
    ]);
    expect(await values('--from', '2026-08-24', '--to', '2026-08-24', '--by', 'day')).toMatchObject([
      { period: '2026-08-24', resolution: 'detail', samples: all.length - 2 },
    ]);
    expect(await values('--days', '7')).toEqual([]);
    const { stdout } = await cli(
      ['metrics', 'bitcoin', '--from', '2026-08-22', '--to', '2026-08-24', '--metric', 'transaction_count'],
      product.environment,
    );
    expect(stdout).toMatch(/^metric +period +kept +samples +mean/);
    expect(stdout).toMatch(/\ntransaction_count +2026-08-22 +daily /);
    expect(stdout).toMatch(
      /\ndaily +2026-08-22 to 2026-08-23 +onchain_data_aggregated\ndetail +2026-08-24 to 2026-08-24 +onchain_data\n$/,
    );
    for (const [words, why] of [
      [['--days', '7', '--from', '2026-08-22'], '--days stands beside'],
      [['--from', '2026-08-24', '--to', '2026-08-22'], 'is after --to'],
      [['--metric', 'nothing'], 'there is no metric "nothing"'],
      [['--by', 'month'], 'one of slot, day'],
    ] as const) {
      const { code, stderr } = await cli(['metrics', 'BTC', ...words], product.environment);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(why) as string });
    }
  });
});

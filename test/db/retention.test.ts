import { sql, type Kysely } from 'kysely';
import { retainFamily, type Position } from '../../activities/retention/family';
import { deleteOldRows } from '../../activities/retention/old-rows';
import { planTable } from '../../activities/retention/plan';
import type { Cutoffs } from '../../activities/retention/policies';
import { retainedTables } from '../../activities/retention/tables';
import { openDatabase } from '../../db/connect';
import { families, familyOf, type Family } from '../../db/families';
import { describeDatabaseError } from '../../db/failures';
import { migrateToLatest } from '../../db/migrate';
import { catchAllRows, ensureMonthPartition } from '../../db/partitions';
import { condenseDay } from '../../db/queries/condensed';
import { readMetrics, type MetricValue } from '../../db/queries/metrics';
import { archivedSlots, hasSlot, holdLedger, partArchived } from '../../db/queries/retention-ledger';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { databases, freshDatabase } from '../databases';
import { contentOf, expectedDaily } from '../retention/content';
import { daysFrom, fillDetail } from '../retention/detail-rows';
import { retainUnchunked } from '../retention/unchunked';

const onchain = familyOf('onchain_data');
const sentiment = familyOf('crypto_sentiment_data');
const coins = ['bitcoin', 'ethereum', 'solana'];
const never: Pick<Cutoffs, 'aggregated' | 'summary'> = { aggregated: '2000-01-01', summary: '2000-01-01' };
/** the policies of the specification */
const { settings } = readConfig({ DATABASE_URL: 'mysql://user@127.0.0.1:3306/x' });

describe.each(databases())('retention on $name', (server) => {
  let db: Kysely<Schema>;
  let url: string;
  beforeAll(async () => {
    ({ db, url } = await freshDatabase(server));
    await migrateToLatest(db);
  });
  beforeEach(async () => {
    for (const { detail, aggregated, summary } of families)
      for (const table of [detail, aggregated, summary]) await db.deleteFrom(table).execute();
    for (const table of ['source_observations', 'retention_ledger', 'changed_units', 'ingestion_pages'] as const)
      await db.deleteFrom(table).execute();
  });

  const retain = (family: Family, cutoffs: Cutoffs, options: { db?: Kysely<Schema>; logId?: number } = {}) =>
    retainFamily({ db, family, logId: 1, cutoffs, isTimeUp: () => false, ...options });
  const count = async (table: keyof Schema) =>
    Number((await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(db)).rows[0]!.n);
  const insert = (family: Family, coin: string, slot: string, metric: string, value: string) =>
    sql`INSERT INTO ${sql.table(family.detail)} (symbol, coin_id, timestamp_iso, log_id, ${sql.ref(metric)})
      VALUES (${coin.toUpperCase()}, ${coin}, ${slot}, 1, ${value})`.execute(db);

  test('the metrics are all numeric columns of the detail', async () => {
    for (const { detail, metrics } of families) {
      const { rows } = await sql<{ name: string }>`
        SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${detail} AND NUMERIC_PRECISION IS NOT NULL
          AND COLUMN_NAME NOT IN ('id', 'log_id') ORDER BY ORDINAL_POSITION`.execute(db);
      expect(metrics).toEqual(rows.map(({ name }) => name));
    }
  });

  test.each(families)(
    'whole days of $detail become daily values, whole months monthly ones, then nothing',
    async (family) => {
      // over the ends of months, of a year, and a leap day: 2024 lies in p_before
      const days = [...daysFrom('2023-12-30', 4), ...daysFrom('2024-02-27', 4), ...daysFrom('2026-04-30', 2)];
      await fillDetail(db, family, { coins, days, everyNth: 5 });
      const expected = await expectedDaily(db, family, '2026-05-01');
      await retain(family, { detail: '2026-05-01', ...never });
      expect(await contentOf(db, family.aggregated)).toEqual(expected);
      expect(expected.length).toBeGreaterThan(100);
      expect(expected.some((row) => row.day === '2024-02-29')).toBe(true);
      const { rows } = await sql<{ first: string; n: number }>`
      SELECT MIN(timestamp_iso) AS first, COUNT(*) AS n FROM ${sql.table(family.detail)}`.execute(db);
      expect(rows).toEqual([{ first: '2026-05-01 00:00:00.000000', n: 20 * coins.length }]);

      const samples = expected.reduce((sum, row) => sum + Number(row.sample_count), 0);
      await retain(family, { detail: '2026-05-01', aggregated: '2024-02-01', summary: '2000-01-01' });
      const monthly = await contentOf(db, family.summary);
      expect(periodsOf(monthly.map((row) => row.month))).toEqual(['2023-12-01', '2024-01-01']);
      const daily = await contentOf(db, family.aggregated);
      expect(periodsOf(daily.map((row) => row.day))).toEqual([...daysFrom('2024-02-27', 4), '2026-04-30']);
      expect([...monthly, ...daily].reduce((sum, row) => sum + Number(row.sample_count), 0)).toBe(samples);
      const december = expected.filter((row) => row.coin_id === 'bitcoin' && String(row.day).startsWith('2023-12'));
      for (const metric of new Set(december.map((row) => row.metric))) {
        const own = december.filter((row) => row.metric === metric);
        const month = monthly.find(
          (row) => row.month === '2023-12-01' && row.coin_id === 'bitcoin' && row.metric === metric,
        );
        expect(month).toMatchObject({
          first_val: own[0]!.first_val,
          first_at: own[0]!.first_at,
          last_val: own.at(-1)!.last_val,
          last_at: own.at(-1)!.last_at,
          sample_count: own.reduce((sum, row) => sum + Number(row.sample_count), 0),
        });
      }

      await retain(family, { detail: '2026-05-01', aggregated: '2024-02-01', summary: '2024-01-01' });
      expect([...new Set((await contentOf(db, family.summary)).map((row) => row.month))]).toEqual(['2024-01-01']);
      const ledger = await db.selectFrom('retention_ledger').select('day').orderBy('day').limit(1).executeTakeFirst();
      expect(ledger?.day).toBe('2024-01-01');
      expect(await count(family.aggregated)).toBe(daily.length);
      expect(await catchAllRows(db)).toEqual([]);
    },
  );

  test('what the bench measures against writes the same', async () => {
    await fillDetail(db, sentiment, { coins, days: daysFrom('2026-03-30', 3), everyNth: 4 });
    const expected = await expectedDaily(db, sentiment, '2026-04-01');
    await retainUnchunked(db, sentiment, '2026-04-01');
    expect(await contentOf(db, sentiment.aggregated)).toEqual(expected);
    expect(await count(sentiment.detail)).toBe(24 * coins.length);
  });

  test('a late row counts once: one that was counted is discarded, a new one is merged', async () => {
    const day = '2026-06-30';
    await fillDetail(db, onchain, { coins, days: [day], everyNth: 2 });
    await retain(onchain, { detail: '2026-07-01', ...never });
    const before = await contentOf(db, onchain.aggregated);
    const archived = await archivedSlots(db, 'onchain_data', day, [...coins, 'dogecoin']);
    expect([...archived.keys()].toSorted()).toEqual(coins);
    expect(
      ['00:00', '00:15', '11:30', '12:00', '23:30', '23:45'].map((time) =>
        hasSlot(archived.get('bitcoin'), `${day}T${time}:00Z`),
      ),
    ).toEqual([true, false, true, true, true, false]);

    const rows = ['00:00', '00:15'].map((time) => ({ coin_id: 'bitcoin', timestamp_iso: `${day} ${time}:00.000000` }));
    const fromElsewhere = { coin_id: 'dogecoin', timestamp_iso: new Date(`${day}T00:00:00Z`) };
    expect(await partArchived(db, 'onchain_data', [...rows, fromElsewhere])).toEqual({
      ...{ open: [rows[1], fromElsewhere], archived: [rows[0]] },
    });

    // every second of these is counted: with other values, which must not show
    await fillDetail(db, onchain, { coins, days: [day], shift: 500 });
    await retain(onchain, { detail: '2026-07-01', ...never }, { logId: 7 });
    expect(await count('onchain_data')).toBe(0);
    const after = await contentOf(db, onchain.aggregated);
    // the same as both halves at once
    await db.deleteFrom('onchain_data_aggregated').execute();
    await db.deleteFrom('retention_ledger').execute();
    await fillDetail(db, onchain, { coins, days: [day], shift: 500 });
    await sql`DELETE FROM onchain_data WHERE MOD(MINUTE(timestamp_iso), 30) = 0`.execute(db);
    await fillDetail(db, onchain, { coins, days: [day], everyNth: 2 });
    await retain(onchain, { detail: '2026-07-01', ...never });
    expect(after).toEqual(await contentOf(db, onchain.aggregated));
    expect(after).not.toEqual(before);
    expect(await pagesOf(7)).toEqual([[`aggregate/${day}`, 48 * 3, 48 * 3]]);
  });

  const pagesOf = async (logId: number) =>
    (
      await db
        .selectFrom('ingestion_pages')
        .select(['cursor_key', 'records_inserted', 'records_unchanged'])
        .where('log_id', '=', logId)
        .orderBy('cursor_key')
        .execute()
    ).map((row) => [row.cursor_key, row.records_inserted, row.records_unchanged]);

  test('while a day is counted nobody writes into it, and everybody beside it', async () => {
    const days = daysFrom('2026-06-28', 3);
    await fillDetail(db, onchain, { coins, days, everyNth: 2 });
    const other = openDatabase(url, { poolSize: 1 });
    try {
      await sql`SET SESSION innodb_lock_wait_timeout = 1`.execute(other.db);
      const kindOf = (work: Promise<unknown>) =>
        work.then(
          () => 'done',
          (error: unknown) => describeDatabaseError(error).kind,
        );
      const write = (coin: string, slot: string) =>
        kindOf(
          sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, log_id, block_height) VALUES ('X', ${coin}, ${slot}, 1, 7)
          ON DUPLICATE KEY UPDATE block_height = VALUES(block_height)`.execute(other.db),
        );
      await db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (trx) => {
          await holdLedger(trx, 'onchain_data', '2026-06-29', coins);
          await condenseDay(trx, onchain, '2026-06-29', coins, { lock: true });
          expect(await write('bitcoin', '2026-06-29 12:00:00')).toBe('lock-timeout');
          expect(await write('bitcoin', '2026-06-29 12:15:00')).toBe('lock-timeout');
          expect(await write('solana', '2026-06-29 23:45:00')).toBe('lock-timeout');
          expect(await write('bitcoin', '2026-06-28 12:00:00')).toBe('done');
          expect(await write('bitcoin', '2026-11-25 12:00:00')).toBe('done');
        });
    } finally {
      await other.close();
    }
  });

  test('what sources said goes with the last row that it explains', async () => {
    const day = '2026-06-30';
    await fillDetail(db, sentiment, { coins: ['bitcoin', 'solana'], days: [day], everyNth: 8 });
    await fillDetail(db, onchain, { coins: ['bitcoin', 'ethereum'], days: [day], everyNth: 8, sources: ['a', 'b'] });
    await sql`INSERT INTO source_observations (slot, coin_id, source, fields, log_id) VALUES
      (${`${day} 00:00:00`}, 'solana', 'a', '{}', 1), (${`${day} 00:00:00`}, 'never-a-row', 'a', '{}', 1)`.execute(db);
    const explained = async () =>
      (await db.selectFrom('source_observations').select('coin_id').distinct().orderBy('coin_id').execute()).map(
        (row) => row.coin_id,
      );
    await retain(sentiment, { detail: '2026-07-01', ...never });
    expect(await explained()).toEqual(['bitcoin', 'ethereum', 'never-a-row']);
    await retain(onchain, { detail: '2026-07-01', ...never });
    expect(await explained()).toEqual(['never-a-row']);
    const sweep = (date: string) =>
      deleteOldRows('source_observations', { db, settings, date, logId: 3, isTimeUp: () => false });
    expect(await sweep('2026-09-27')).toBe(true);
    expect(await explained()).toEqual(['never-a-row']);
    expect(await sweep('2026-09-28')).toBe(true);
    expect(await explained()).toEqual([]);
    const noted = await db.selectFrom('changed_units').select('table_name').where('day', '=', day).execute();
    expect(noted.map((row) => row.table_name).toSorted()).toEqual([
      'crypto_sentiment_data',
      'crypto_sentiment_data_aggregated',
      'onchain_data',
      'onchain_data_aggregated',
      'retention_ledger',
      'source_observations',
    ]);
  });

  test('stops when its time is up, goes on from there, and two at once do the work once', async () => {
    const days = daysFrom('2026-03-30', 4);
    await fillDetail(db, onchain, { coins, days, everyNth: 4 });
    const expected = await expectedDaily(db, onchain, '2026-04-03');
    const cutoffs = { detail: '2026-04-03', ...never };
    let chunks = 0;
    const work = { db, family: onchain, logId: 1, cutoffs, isTimeUp: () => chunks === 1, onChunk: () => (chunks += 1) };
    const position = (await retainFamily(work)) as Position;
    expect(position).toMatchObject({ step: 'aggregate', from: '2026-03-31' });
    expect(await count('onchain_data')).toBe(3 * 24 * coins.length);
    const other = openDatabase(url);
    try {
      await Promise.all([
        retainFamily({ ...work, isTimeUp: () => false }, JSON.parse(JSON.stringify(position)) as Position),
        retain(onchain, cutoffs, { db: other.db, logId: 2 }),
      ]);
    } finally {
      await other.close();
    }
    expect(await contentOf(db, onchain.aggregated)).toEqual(expected);
    expect(await count('onchain_data')).toBe(0);
    expect([...(await pagesOf(1)), ...(await pagesOf(2))].reduce((sum, [, rows]) => sum + Number(rows), 0)).toBe(
      4 * 24 * coins.length,
    );
  });

  test('empty months go into p_before, from where a late write gets its own again', async () => {
    const names = async () =>
      (
        await sql<{ name: string }>`SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS
          WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'onchain_data' ORDER BY PARTITION_ORDINAL_POSITION`.execute(
          db,
        )
      ).rows.map(({ name }) => name);
    await insert(onchain, 'bitcoin', '2026-08-31 23:45:00', 'block_height', '1');
    await insert(onchain, 'bitcoin', '2026-10-01 00:00:00', 'block_height', '2');
    await retain(onchain, { detail: '2026-10-01', ...never });
    // the run that empties a month leaves it to the next one
    expect(await names()).toContain('p202608');
    await retain(onchain, { detail: '2026-10-01', ...never });
    expect((await names()).slice(0, 2)).toEqual(['p_before', 'p202610']);
    await ensureMonthPartition(db, 'onchain_data', '2026-08');
    expect((await names()).slice(0, 4)).toEqual(['p_before', 'p202608', 'p202609', 'p202610']);
    await insert(onchain, 'bitcoin', '2026-08-31 23:30:00', 'block_height', '0');
    await retain(onchain, { detail: '2026-10-02', ...never });
    await retain(onchain, { detail: '2026-10-02', ...never });
    expect((await names()).slice(0, 2)).toEqual(['p_before', 'p202610']);
    expect(await contentOf(db, onchain.aggregated)).toMatchObject([
      { day: '2026-08-31', sample_count: 2, first_val: '0.000000000000000', last_val: '1.000000000000000' },
      { day: '2026-10-01' },
    ]);
  });

  test('a reader gets every value once, wherever it lives, at every stage', async () => {
    const days = [...daysFrom('2026-08-30', 3), ...daysFrom('2026-10-31', 2)];
    await fillDetail(db, onchain, { coins, days, everyNth: 3 });
    const read = (byDay: boolean) =>
      readMetrics(db, {
        coinId: 'ethereum',
        from: '2026-08-01',
        to: '2026-11-30',
        metrics: ['transaction_count'],
        byDay,
      });
    const total = async (byDay: boolean) => (await read(byDay)).reduce((sum, value) => sum + Number(value.samples), 0);
    const all = await total(false);
    expect(all).toBeGreaterThan(100);
    const byDay = await read(true);
    expect(byDay.map((value) => [value.period, value.resolution, value.table])).toEqual(
      days.map((day) => [day, 'detail', 'onchain_data']),
    );
    await retain(onchain, { detail: '2026-11-01', ...never });
    expect(await total(false)).toBe(all);
    // the same values, of which only the place has changed; the server cuts a mean elsewhere
    const said = (values: readonly MetricValue[]) =>
      values.map(({ period, samples, mean, min, max, first, last }) => [
        ...[period, Number(samples), mean.slice(0, 12), min, max, first, last],
      ]);
    expect(said(await read(true))).toEqual(said(byDay));
    // late rows: one that is counted, one that is not
    await insert(onchain, 'ethereum', '2026-08-30 00:45:00', 'transaction_count', '5');
    await insert(onchain, 'ethereum', '2026-08-30 00:15:00', 'transaction_count', '5');
    expect(await total(false)).toBe(all + 1);
    expect(await total(true)).toBe(all + 1);
    await retain(onchain, { detail: '2026-11-01', aggregated: '2026-09-01', summary: '2000-01-01' });
    const values = await read(false);
    expect(values.reduce((sum, value) => sum + Number(value.samples), 0)).toBe(all + 1);
    expect([...new Set(values.map((value) => `${value.resolution} ${value.period.slice(0, 7)}`))]).toEqual([
      'monthly 2026-08',
      'daily 2026-09',
      'daily 2026-10',
      'detail 2026-11',
    ]);
    expect(await readMetrics(db, { coinId: 'nobody', from: '2026-08-01', to: '2026-11-30', byDay: false })).toEqual([]);
  });

  test('a dry run says what would be done, and does nothing of it', async () => {
    await fillDetail(db, onchain, { coins, days: daysFrom('2025-09-29', 3), everyNth: 8, sources: ['a'] });
    await retain(onchain, { detail: '2025-10-01', ...never });
    await insert(onchain, 'bitcoin', '2025-09-30 00:00:00', 'block_height', '1');
    const checksums = async () => {
      const tables = sql.join(
        [
          'onchain_data',
          'onchain_data_aggregated',
          'onchain_data_summary',
          'retention_ledger',
          'source_observations',
          'ingestion_pages',
          'changed_units',
          'data_ingestion_logs',
        ].map((table) => sql.table(table)),
      );
      return (await sql`CHECKSUM TABLE ${tables}`.execute(db)).rows;
    };
    const before = await checksums();
    const plans = [];
    for (const table of retainedTables) plans.push(await planTable(table, { db, settings, date: '2026-11-21' }));
    const daily = await count('onchain_data_aggregated');
    expect(plans).toEqual([
      {
        table: 'onchain_data',
        aggregate: { rows: 36, discard: 1, before: '2026-08-24' },
        summarize: { rows: daily, before: '2025-11-01' },
        delete: { rows: 0, before: '2021-11-01' },
      },
      {
        table: 'crypto_sentiment_data',
        aggregate: { rows: 0, discard: 0, before: '2026-10-23' },
        summarize: { rows: 0, before: '2025-11-01' },
        delete: { rows: 0, before: '2023-11-01' },
      },
      { table: 'source_observations', delete: { rows: 36, before: '2026-08-24' } },
      { table: 'data_ingestion_logs', delete: { rows: 0, before: '2026-10-23' } },
      { table: 'source_call_failures', delete: { rows: 0, before: '2026-08-24' } },
      { table: 'rejected_records', delete: { rows: 0, before: '2026-08-24' } },
    ]);
    expect(await checksums()).toEqual(before);
  });
});

/** Each once, in order. */
function periodsOf(periods: readonly (string | number | undefined)[]): string[] {
  return [...new Set(periods.map(String))].toSorted();
}

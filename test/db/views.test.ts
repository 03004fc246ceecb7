import { sql, type Kysely, type RawBuilder } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import { dailyNetworkMetrics } from '../../db/queries/views';
import type { Schema } from '../../db/schema';
import { databases, freshDatabase } from '../databases';
import { fullReads, planOf, shownQueries } from './plans';

describe.each(databases())('views on $name', (server) => {
  let db: Kysely<Schema>;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
  });

  it('ingestion_state is the newest success of a key, else its newest row', async () => {
    const log = (run_key: string, status: 'success' | 'partial' | 'failed' | 'running', workflow: string) =>
      db
        .insertInto('data_ingestion_logs')
        .values({
          source: 's',
          data_type: 't',
          run_key,
          status,
          started_at: new Date(0),
          workflow_id: workflow,
          first_execution_run_id: 'r',
          run_id: 'r',
          triggered_by: 'test',
          target_date: '2026-11-21',
        })
        .execute();
    await log('a', 'success', '1');
    await log('a', 'success', '2');
    await log('a', 'failed', '3');
    await log('b', 'failed', '4');
    await log('b', 'partial', '5');
    await log('c', 'running', '6');
    const state = await db
      .selectFrom('ingestion_state')
      .select(['run_key', 'status', 'workflow_id', 'log_id'])
      .orderBy('run_key')
      .execute();
    expect(state.map(({ run_key, status, workflow_id }) => [run_key, status, workflow_id])).toEqual([
      ['a', 'success', '2'],
      ['b', 'partial', '5'],
      ['c', 'running', '6'],
    ]);
    const only = await db.selectFrom('ingestion_state').select('log_id').where('run_key', '=', 'a').execute();
    expect(only).toEqual([{ log_id: state[0]!.log_id }]);
  });

  describe('with 40 days of slots of 50 assets', () => {
    beforeAll(async () => {
      // Slots back from now, every asset: value = age in slots.
      await sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, transaction_count, difficulty, data_quality_score, log_id)
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 959)
        SELECT a.symbol, a.coin_id, UTC_TIMESTAMP() - INTERVAL 60 * (n.i + 1) MINUTE, n.i, IF(a.symbol = 'ETH', NULL, n.i), IF(n.i % 2, 0.95, 0.75), 1
        FROM (SELECT symbol, coin_id FROM crypto_assets ORDER BY coin_id LIMIT 50) a CROSS JOIN n`.execute(db);
      await sql`INSERT INTO crypto_sentiment_data (symbol, coin_id, timestamp_iso, reddit_subscribers, log_id)
        VALUES ('BTC', 'bitcoin', UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, 5, 1), ('BTC', 'bitcoin', UTC_TIMESTAMP(6) - INTERVAL 2 HOUR, 4, 1)`.execute(
        db,
      );
      for (const table of ['onchain_data', 'crypto_sentiment_data', 'raw_blockchain_blocks'])
        await sql.raw(`ANALYZE TABLE ${table}`).execute(db);
    });

    it('latest rows', async () => {
      const rows = await db.selectFrom('onchain_latest').selectAll().orderBy('coin_id').execute();
      expect(rows).toHaveLength(50);
      expect(rows.find(({ coin_id }) => coin_id === 'bitcoin')).toMatchObject({
        coin_id: 'bitcoin',
        symbol: 'BTC',
        name: 'Bitcoin',
        network_type: 'pow',
        transaction_count: 0,
        log_id: 1,
      });
      expect(await db.selectFrom('sentiment_latest').select(['coin_id', 'reddit_subscribers']).execute()).toEqual([
        { coin_id: 'bitcoin', reddit_subscribers: 5 },
      ]);
    });

    it('quality and coverage of 24 hours', async () => {
      const quality = await db.selectFrom('data_quality_24h').selectAll().where('coin_id', '=', 'bitcoin').execute();
      expect(quality).toMatchObject([
        { symbol: 'BTC', total_records: 23, high_records: 11, medium_records: 12, low_records: 0 },
      ]);
      const coverage = await db
        .selectFrom('schema_coverage_24h')
        .selectAll()
        .orderBy('table_name')
        .orderBy('position')
        .execute();
      expect(coverage).toHaveLength(24 + 11);
      const of = (field: string) => coverage.find((row) => row.table_name === 'onchain_data' && row.field === field);
      expect(of('transaction_count')).toMatchObject({
        total_records: 1_150,
        records_with_value: 1_150,
        percentage: '100.00',
      });
      expect(of('difficulty')).toMatchObject({ total_records: 1_150, records_with_value: 1_127, percentage: '98.00' });
      expect(of('hash_rate')).toMatchObject({ records_with_value: 0, percentage: '0.00' });
    });

    it('daily metrics', async () => {
      const days = await db
        .selectFrom('network_metrics_daily')
        .selectAll()
        .where('coin_id', '=', 'bitcoin')
        .orderBy('date', 'desc')
        .execute();
      expect(days.reduce((sum, { samples }) => sum + samples, 0)).toBe(960);
      expect(days[1]).toMatchObject({
        symbol: 'BTC',
        samples: 24,
        avg_quality_score: expect.stringMatching(/^0\.85/) as string,
      });
    });

    it('daily metrics of days, of all coins and of one, are what the view says', async () => {
      const view = (where: RawBuilder<unknown>) =>
        sql`SELECT * FROM network_metrics_daily WHERE ${where} ORDER BY date DESC, coin_id`.execute(db);
      const [coin, days] = [sql`coin_id = 'bitcoin'`, sql`date >= UTC_DATE() - INTERVAL 3 DAY`];
      for (const [of, where, count] of [
        [{ coinId: 'bitcoin', days: 60 }, coin, 41],
        [{ days: 3 }, days, 200],
        [{ coinId: 'bitcoin', days: 3 }, sql`${coin} AND ${days}`, 4],
      ] as const) {
        const rows = await dailyNetworkMetrics(db, { ...of, limit: 1_000 });
        expect(rows).toEqual((await view(where)).rows);
        expect(rows.length).toBeGreaterThanOrEqual(count - 1);
      }
    });

    it('statistics', async () => {
      await sql`INSERT INTO raw_blockchain_blocks (coin_symbol, block_id, block_hash, block_time, log_id)
        VALUES ('BTC', 7, 'a', '2026-11-20', 1), ('BTC', 9, 'b', '2026-11-21', 1), ('LTC', 1, 'c', '2026-11-22', 1)`.execute(
        db,
      );
      const stats = await db.selectFrom('database_stats').selectAll().execute();
      const onchain = stats.find(({ table_name }) => table_name === 'onchain_data')!;
      expect(onchain.estimated_rows).toBeGreaterThan(1_000);
      expect(Number(onchain.size_mb)).toBeGreaterThan(0.1);
      expect(
        stats
          .filter(({ coin_symbol }) => coin_symbol)
          .map((row) => [row.coin_symbol, row.first_block_id, row.latest_block_id, row.latest_block_time]),
      ).toEqual([
        ['BTC', 7, 9, '2026-11-21 00:00:00.000000'],
        ['LTC', 1, 1, '2026-11-22 00:00:00.000000'],
      ]);
    });

    describe('plans', () => {
      beforeAll(async () => {
        await sql`INSERT INTO crypto_sentiment_data (symbol, coin_id, timestamp_iso, reddit_subscribers, log_id)
          SELECT symbol, coin_id, timestamp_iso, transaction_count, 1 FROM onchain_data WHERE coin_id <> 'bitcoin'`.execute(
          db,
        );
        await sql`ANALYZE TABLE crypto_sentiment_data`.execute(db);
      });

      it.each(shownQueries)(
        '%s reads ranges of an index, of few months, and never all slots',
        async (_, query, reads) => {
          const plan = await planOf(db, query);
          expect(plan.map(({ table, key }) => `${table} ${key}`)).toEqual(expect.arrayContaining([...reads.keys]));
          expect(fullReads(plan, reads.months)).toEqual([]);
          const months = Math.max(...plan.map(({ partitions }) => partitions.length));
          expect(months).toBeLessThanOrEqual(reads.months ?? Infinity);
        },
      );
    });

    it('ingestion_state of a key', async () => {
      const plan = await planOf(db, sql`SELECT * FROM ingestion_state WHERE run_key = 'a'`);
      expect(plan.map(({ key }) => key)).toContain('idx_run_key');
      expect(plan.filter(({ table, type }) => ['l', 's', 'n'].includes(table) && type === 'ALL')).toEqual([]);
    });
  });
});

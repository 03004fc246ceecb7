import { sql, type Kysely } from 'kysely';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import { catchAllRows, ensureMonthPartition, ensurePartitionsAhead } from '../../db/partitions';
import type { Schema } from '../../db/schema';
import { databases, freshDatabase } from '../databases';

const TABLE = 'raw_blockchain_transactions';

describe.each(databases())('partitions on $name', (server) => {
  let db: Kysely<Schema>;
  let url: string;
  beforeEach(async () => {
    ({ db, url } = await freshDatabase(server));
    await migrateToLatest(db);
  });

  const bounds = async (table = TABLE) =>
    (
      await sql<{ name: string; bound: string }>`SELECT PARTITION_NAME AS name, PARTITION_DESCRIPTION AS bound
        FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${table} ORDER BY PARTITION_ORDINAL_POSITION`.execute(
        db,
      )
    ).rows.map(({ name, bound }) => `${name} < ${bound.slice(0, 11).replace("'", '')}`);
  const insert = (time: string) =>
    sql`INSERT INTO raw_blockchain_transactions (coin_symbol, block_id, tx_hash, tx_time, log_id) VALUES ('BTC', 1, ${time}, ${time}, 1)`.execute(
      db,
    );

  it('begins with a partition a month', async () => {
    const all = await bounds();
    expect(all).toHaveLength(26);
    expect(all.slice(0, 2)).toEqual(['p_before < 2026-01-01', 'p202601 < 2026-02-01']);
    expect(all.slice(-2)).toEqual(['p202712 < 2028-01-01', 'p_future < MAXVALUE']);
    expect(await ensureMonthPartition(db, TABLE, '2026-11')).toBe(false);
    expect(await ensureMonthPartition(db, 'raw_blockchain_blocks', '2009-01')).toBe(false);
    await expect(ensureMonthPartition(db, 'no_such_table', '2026-11')).rejects.toThrow(
      'There is no table no_such_table',
    );
    await expect(ensureMonthPartition(db, TABLE, '2026-13')).rejects.toThrow('Not a month: 2026-13');
  });

  it('splits off months before, after and between', async () => {
    for (const month of ['2009-01', '2025-12', '2024-02', '2025-06', '2024-01', '2028-01', '2028-04']) {
      expect(await ensureMonthPartition(db, TABLE, month)).toBe(true);
      expect(await ensureMonthPartition(db, TABLE, month)).toBe(false);
    }
    const all = await bounds();
    expect(all.slice(0, 9)).toEqual([
      'p_before < 2009-01-01',
      'p200901 < 2009-02-01',
      'p_gap_200902 < 2024-01-01',
      'p202401 < 2024-02-01',
      'p202402 < 2024-03-01',
      'p_gap_202403 < 2025-06-01',
      'p202506 < 2025-07-01',
      'p_gap_202507 < 2025-12-01',
      'p202512 < 2026-01-01',
    ]);
    expect(all.slice(-4)).toEqual([
      'p202801 < 2028-02-01',
      'p_gap_202802 < 2028-04-01',
      'p202804 < 2028-05-01',
      'p_future < MAXVALUE',
    ]);
    expect(await ensureMonthPartition(db, TABLE, '2028-02')).toBe(true);
    expect((await bounds()).slice(-4, -1)).toEqual([
      'p202802 < 2028-03-01',
      'p202803 < 2028-04-01',
      'p202804 < 2028-05-01',
    ]);
    expect(await ensureMonthPartition(db, TABLE, '2028-03')).toBe(false);
  });

  it('never copies rows, and reports those that have no month', async () => {
    await insert('2026-11-21 00:00:00');
    expect(await catchAllRows(db)).toEqual([]);
    await insert('2025-05-05 00:00:00');
    await insert('2031-01-01 00:00:00');
    expect(await catchAllRows(db)).toEqual([
      { table: TABLE, partition: 'p_before' },
      { table: TABLE, partition: 'p_future' },
    ]);
    await expect(ensureMonthPartition(db, TABLE, '2025-04')).rejects.toThrow(
      /p_before takes that month and holds rows/,
    );
  });

  it('makes one partition when processes collide', async () => {
    const others = [openDatabase(url), openDatabase(url), openDatabase(url)];
    try {
      const made = await Promise.all(others.map((other) => ensureMonthPartition(other.db, TABLE, '2025-10')));
      expect(made.filter(Boolean)).toHaveLength(1);
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });

  it('makes partitions ahead of time in all tables', async () => {
    const made = await ensurePartitionsAhead(db, new Date('2027-11-30T23:59:59Z'), 3);
    const tables = ['crypto_sentiment_data', 'onchain_data', TABLE, 'source_observations'];
    expect(made).toEqual(tables.flatMap((table) => [`${table}.p202801`, `${table}.p202802`]));
    expect(await ensurePartitionsAhead(db, new Date('2027-11-30T23:59:59Z'), 3)).toEqual([]);
  });

  it('stays the place of its month when the one before was dropped', async () => {
    await insert('2026-02-03 00:00:00');
    await sql`ALTER TABLE raw_blockchain_transactions DROP PARTITION p202601`.execute(db);
    expect(await ensureMonthPartition(db, TABLE, '2026-02')).toBe(false);
  });

  it.each([
    ['raw_blockchain_transactions', `coin_symbol = 'BTC' AND tx_time >= '2026-11-21' AND tx_time < '2026-11-22'`],
    ['onchain_data', `timestamp_iso >= '2026-11-21' AND timestamp_iso < '2026-11-22'`],
    ['source_observations', `slot = '2026-11-21 10:15:00' AND coin_id = 'bitcoin'`],
  ])('a day of %s reads one partition', async (table, where) => {
    const explain = server.name.startsWith('maria') ? 'EXPLAIN PARTITIONS' : 'EXPLAIN FORMAT=TRADITIONAL';
    const { rows } = await sql<{
      partitions: string;
    }>`${sql.raw(`${explain} SELECT * FROM ${table} WHERE ${where}`)}`.execute(db);
    expect(rows[0]!.partitions).toBe('p202611');
  });
});

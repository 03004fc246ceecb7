import { sql, type Kysely, type RawBuilder } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import { ensureMonthPartition } from '../../db/partitions';
import type { Schema } from '../../db/schema';
import { databases, freshDatabase } from '../databases';
import { preload } from '../proof/load/preload';

// The questions that analysts ask of the chain tables: each reads one partition, or a range of an index, never everything.

const rows = 200_000;

interface Step {
  table: string | null;
  type: string | null;
  key: string | null;
  partitions: string | null;
  rows: string | number | null;
}

describe.each(databases())('questions to 200,000 transactions, on $name', (server) => {
  let db: Kysely<Schema>;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
    for (const month of ['2026-08', '2026-09'])
      await ensureMonthPartition(db, 'raw_blockchain_transactions', month);
    const tables = ['raw_blockchain_transactions'];
    await preload(db, { tables, rows, before: '2026-09-12', days: 23 }, () => undefined);
    await sql`INSERT INTO raw_blockchain_blocks (coin_symbol, block_id, block_hash, block_time, log_id)
      SELECT coin_symbol, block_id, SHA2(MAX(block_id), 256), MIN(tx_time), 1 FROM raw_blockchain_transactions
      GROUP BY coin_symbol, block_id`.execute(db);
    await sql`ANALYZE TABLE raw_blockchain_transactions, raw_blockchain_blocks`.execute(db);
  });

  const explain = async (question: RawBuilder<unknown>): Promise<Step[]> => {
    const version = (await sql<{ v: string }>`SELECT VERSION() AS v`.execute(db)).rows[0]!.v;
    const word = /MariaDB/i.test(version) ? sql`EXPLAIN PARTITIONS` : sql`EXPLAIN FORMAT=TRADITIONAL`;
    return (await sql<Step>`${word} ${question}`.execute(db)).rows;
  };
  const transactions = sql`raw_blockchain_transactions`;
  const day = sql`tx_time >= '2026-09-01' AND tx_time < '2026-09-02'`;

  test.each([
    [
      'transactions of a block, its day from the blocks table',
      sql`SELECT * FROM ${transactions}
      WHERE coin_symbol = 'BTC' AND block_id = 800040 AND ${day}`,
      20_000,
    ],
    [
      'transactions of a day, counted',
      sql`SELECT COUNT(*) FROM ${transactions} WHERE coin_symbol = 'BTC' AND ${day}`,
      40_000,
    ],
    [
      'a transaction by its hash and day',
      sql`SELECT * FROM ${transactions}
      WHERE coin_symbol = 'BTC' AND tx_hash = SHA2('p7', 256) AND ${day}`,
      10,
    ],
  ])('%s: one partition, by an index', async (_what, question, most) => {
    const [step] = await explain(question);
    expect(step).toMatchObject({ partitions: 'p202609', key: expect.any(String) as string });
    expect(step!.type).not.toMatch(/ALL|index$/);
    expect(Number(step!.rows)).toBeLessThanOrEqual(most);
  });

  test.each([
    [
      'a transaction by its hash alone',
      sql`SELECT * FROM ${transactions}
      WHERE coin_symbol = 'BTC' AND tx_hash = SHA2('p7', 256)`,
    ],
    [
      'blocks of a coin and a week',
      sql`SELECT * FROM raw_blockchain_blocks WHERE coin_symbol = 'BTC'
      AND block_time >= '2026-09-01' AND block_time < '2026-09-03'`,
    ],
    ['the latest block of each coin', sql`SELECT * FROM database_stats WHERE table_name = 'raw_blockchain_blocks'`],
  ])('%s: a range of an index, or one row', async (_what, question) => {
    const steps = (await explain(question)).filter(({ table }) => /^(raw_|f$|l$|b$)/.test(table ?? ''));
    for (const { type, key, rows: read } of steps) {
      expect(key).not.toBeNull();
      expect(type).not.toBe('ALL');
      expect(Number(read)).toBeLessThan(rows / 10);
    }
  });
});

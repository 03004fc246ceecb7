import { sql } from 'kysely';
import { openDatabase, type Database } from '../../db/connect';
import { assertSchemaCurrent, migrateToLatest, schemaState } from '../../db/migrate';
import { databases, freshDatabase } from '../databases';

describe.each(databases())('migrations on $name', (server) => {
  it('makes everything once, and nothing the second time', async () => {
    const { db } = await freshDatabase(server);
    expect(await schemaState(db)).toMatchObject({ state: 'empty' });
    const { applied } = await migrateToLatest(db);
    expect(applied[0]).toBe('0001_01_coin_metadata');
    expect(applied).toContain('0002_01_raw_blockchain_blocks');
    expect(applied).toEqual(applied.toSorted());
    expect(await migrateToLatest(db)).toEqual({ applied: [] });
    await expect(assertSchemaCurrent(db)).resolves.toBeUndefined();
  });

  it('lets one of several processes work while the others wait', async () => {
    const { db, url } = await freshDatabase(server);
    const others = [openDatabase(url), openDatabase(url), openDatabase(url)];
    try {
      const results = await Promise.all([db, ...others.map((other) => other.db)].map((each) => migrateToLatest(each)));
      expect(results.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
      expect(await schemaState(db)).toMatchObject({ state: 'current' });
    } finally {
      await Promise.all(others.map((other) => other.close()));
    }
  });

  it('goes on behind a statement that ran and was not recorded', async () => {
    const { db } = await freshDatabase(server);
    const { applied } = await migrateToLatest(db);
    for (const crashed of ['0005_07', '0005_01', '0003_01', '0001_03', '0001_01']) {
      const from = applied.findIndex((name) => name.startsWith(crashed));
      await sql`DELETE FROM schema_migrations WHERE name >= ${applied[from]!}`.execute(db);
      for (const name of applied.slice(from + 1)) await dropObject(db, name);
      expect(await schemaState(db)).toMatchObject({ state: from === 0 ? 'empty' : 'behind' });
      expect(await migrateToLatest(db)).toEqual({ applied: applied.slice(from) });
    }
  });

  it('keeps what an operator changed in the seeds', async () => {
    const { db } = await freshDatabase(server);
    await migrateToLatest(db);
    await sql`UPDATE coin_metadata SET name = 'Mine' WHERE symbol = 'BTC'`.execute(db);
    await sql`DELETE FROM schema_migrations WHERE name >= '0001_03'`.execute(db);
    const seed = await seedAgain(db);
    expect(seed).toEqual([{ name: 'Mine' }]);
    const coins = await db
      .selectFrom('coin_metadata')
      .select(['symbol', 'coingecko_id', 'blockchair_id'])
      .orderBy('symbol')
      .execute();
    expect(coins.map(({ symbol }) => symbol)).toEqual(['BCH', 'BTC', 'DASH', 'DOGE', 'ETH', 'LTC', 'ZEC']);
  });

  it('refuses tables of ours that it did not make', async () => {
    const { db } = await freshDatabase(server);
    await sql`CREATE TABLE onchain_data (id INT PRIMARY KEY)`.execute(db);
    await expect(migrateToLatest(db)).rejects.toThrow(
      'Cannot migrate: the database is not ours: it has a table onchain_data that our migrations did not make. Use an empty database, or move those tables away.',
    );
    const { rows } =
      await sql`SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`.execute(db);
    expect(rows).toHaveLength(1);
  });

  it('refuses a record of migrations that is another program’s', async () => {
    const { db } = await freshDatabase(server);
    await sql`CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY)`.execute(db);
    await expect(migrateToLatest(db)).rejects.toThrow('its table schema_migrations belongs to another program');
  });

  it('says what to do about an older and a newer schema', async () => {
    const { db } = await freshDatabase(server);
    await expect(assertSchemaCurrent(db)).rejects.toThrow(/no schema yet: run npm run cli -- migrate/);
    const { applied } = await migrateToLatest(db);
    const last = applied.at(-1)!;
    await sql`DELETE FROM schema_migrations WHERE name = ${last}`.execute(db);
    await expect(assertSchemaCurrent(db)).rejects.toThrow(
      `lacks 1 migrations, ${last} first: run npm run cli -- migrate`,
    );
    await migrateToLatest(db);
    await sql`INSERT INTO schema_migrations VALUES ('9999_01_from_the_future', '2030-01-01')`.execute(db);
    const refused = /made by a newer version \(it has 9999_01_from_the_future.*deploy the newer worker/;
    await expect(assertSchemaCurrent(db)).rejects.toThrow(refused);
    await expect(migrateToLatest(db)).rejects.toThrow(refused);
  });

  it('explains every column, and stamps every row', async () => {
    const { db } = await freshDatabase(server);
    await migrateToLatest(db);
    const { rows } = await sql<{ c: string; comment: string; type: string }>`
      SELECT CONCAT(c.TABLE_NAME, '.', c.COLUMN_NAME) AS c, c.COLUMN_COMMENT AS comment, c.COLUMN_TYPE AS type
      FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
      WHERE TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME NOT LIKE 'schema_migrations%'`.execute(
      db,
    );
    expect(rows.filter(({ comment }) => comment.trim() === '')).toEqual([]);
    expect(rows.filter(({ type }) => /timestamp|datetime$|datetime\([0-5]\)/.test(type))).toEqual([]);
    const tables = new Set(rows.map(({ c }) => c.split('.')[0]));
    for (const table of tables) {
      expect(rows.map(({ c }) => c)).toEqual(expect.arrayContaining([`${table}.created_at`, `${table}.updated_at`]));
    }
    const { rows: silent } = await sql`SELECT c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS c
      WHERE c.TABLE_SCHEMA = DATABASE() AND c.IS_NULLABLE = 'YES' AND c.COLUMN_COMMENT NOT LIKE '%NULL:%'
        AND EXISTS (SELECT 1 FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME AND t.TABLE_TYPE = 'BASE TABLE')`.execute(
      db,
    );
    expect(silent).toEqual([]);
  });
});

async function dropObject(db: Database['db'], migration: string): Promise<void> {
  const name = migration.replace(/^\d+_\d+_/, '');
  if (name.startsWith('seed_')) return;
  await sql.raw(`DROP ${migration.startsWith('0005') ? 'VIEW' : 'TABLE'} ${name}`).execute(db);
}

async function seedAgain(db: Database['db']): Promise<unknown[]> {
  const { rows: views } = await sql<{ name: string; type: string }>`
    SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'schema_migrations%'
      AND TABLE_NAME NOT IN ('coin_metadata', 'crypto_assets')`.execute(db);
  for (const { name, type } of views) await sql.raw(`DROP ${type === 'VIEW' ? 'VIEW' : 'TABLE'} ${name}`).execute(db);
  await migrateToLatest(db);
  return (await sql`SELECT name FROM coin_metadata WHERE symbol = 'BTC'`.execute(db)).rows;
}

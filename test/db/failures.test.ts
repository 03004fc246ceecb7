import { createServer } from 'node:net';
import { sql } from 'kysely';
import { openDatabase, redactDatabaseUrl } from '../../db/connect';
import { describeDatabaseError, retrying } from '../../db/failures';
import { databases, freshDatabase } from '../databases';

const PASSWORD = 's3cret/p@ss word';

async function failureOf(url: string, statement = 'SELECT 1') {
  const { db, close } = openDatabase(url, { poolSize: 1 });
  try {
    await sql.raw(statement).execute(db);
  } catch (error) {
    return describeDatabaseError(error, url);
  } finally {
    await close();
  }
  throw new Error('It did not fail.');
}

describe.each(databases())('failures of $name', (server) => {
  const changed = (change: (url: URL) => void) => {
    const url = new URL(server.url);
    change(url);
    return url.href;
  };

  it('a wrong password', async () => {
    const failure = await failureOf(changed((url) => (url.password = encodeURIComponent(PASSWORD))));
    expect(failure).toMatchObject({ kind: 'denied', transient: false });
    expect(failure.message).toMatch(
      /refused the login.* \(mysql:\/\/\w+:\*\*\*@127.*Access denied.* - Check user, password/s,
    );
    expect(failure.message).not.toContain('s3cret');
  });

  it('a database that is not there', async () => {
    const failure = await failureOf(changed((url) => (url.pathname = '/no_such_database')));
    expect(failure).toMatchObject({ kind: 'missing-database', transient: false });
    expect(failure.message).toContain('CREATE DATABASE');
  });

  it('a server that is not there', async () => {
    const port = await new Promise<number>((resolve) => {
      const listener = createServer().listen(0, '127.0.0.1', () => {
        const address = listener.address();
        listener.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    expect(await failureOf(changed((url) => (url.port = String(port))))).toMatchObject({
      kind: 'unreachable',
      transient: true,
    });
    expect(await failureOf(changed((url) => (url.hostname = 'no-such-host.invalid')))).toMatchObject({
      kind: 'unreachable',
    });
  });

  it('a table that is not there, and statements that cannot work', async () => {
    const { url } = await freshDatabase(server);
    expect(await failureOf(url, 'SELECT * FROM onchain_data')).toMatchObject({
      kind: 'missing-table',
      transient: false,
    });
    expect(await failureOf(url, 'SELEKT 1')).toMatchObject({ kind: 'other', transient: false });
    await openAndRun(url, 'CREATE TABLE t (id INT PRIMARY KEY, n TINYINT NOT NULL, d DATE, j JSON)');
    await openAndRun(url, 'INSERT INTO t VALUES (1, 1, NULL, NULL)');
    expect(await failureOf(url, 'INSERT INTO t VALUES (1, 1, NULL, NULL)')).toMatchObject({
      kind: 'duplicate',
      transient: false,
    });
    for (const values of [
      '2, 300, NULL, NULL',
      `2, 'abc', NULL, NULL`,
      '2, NULL, NULL, NULL',
      `2, 1, '2026-02-30', NULL`,
      `2, 1, '0000-00-00', NULL`,
      `2, 1, NULL, '{'`,
    ]) {
      expect(await failureOf(url, `INSERT INTO t VALUES (${values})`)).toMatchObject({
        kind: 'bad-value',
        transient: false,
      });
    }
    expect(await failureOf(url, 'SELECT 1; SELECT 2')).toMatchObject({ kind: 'other' });
  });

  it('a read-only transaction', async () => {
    const { db } = await freshDatabase(server);
    await sql`CREATE TABLE t (id INT PRIMARY KEY)`.execute(db);
    const write = db
      .transaction()
      .setAccessMode('read only')
      .execute((trx) => sql`INSERT INTO t VALUES (1)`.execute(trx));
    const error: unknown = await write.catch((reason: unknown) => reason);
    expect(describeDatabaseError(error)).toMatchObject({ kind: 'read-only', transient: true });
  });

  it('a deadlock is tried again', async () => {
    const { db } = await freshDatabase(server);
    await sql`CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)`.execute(db);
    await sql`INSERT INTO t VALUES (1, 0), (2, 0)`.execute(db);
    let starts = 0;
    const lock = (first: number, second: number) =>
      retrying(() =>
        db.transaction().execute(async (trx) => {
          starts += 1;
          await sql`UPDATE t SET n = n + 1 WHERE id = ${first}`.execute(trx);
          await new Promise((resolve) => setTimeout(resolve, 200));
          await sql`UPDATE t SET n = n + 1 WHERE id = ${second}`.execute(trx);
        }),
      );
    await Promise.all([lock(1, 2), lock(2, 1)]);
    expect(starts).toBeGreaterThan(2);
    expect((await sql`SELECT n FROM t`.execute(db)).rows).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it('a connection that is killed within a transaction is lost, and the work is done again', async () => {
    const { db, close } = await freshDatabase(server, { poolSize: 2 });
    await sql`CREATE TABLE t (id INT PRIMARY KEY)`.execute(db);
    const failures: unknown[] = [];
    await retrying(async () => {
      try {
        await db.transaction().execute(async (trx) => {
          await sql`INSERT INTO t VALUES (1)`.execute(trx);
          if (failures.length > 0) return;
          const { rows } = await sql<{ id: number }>`SELECT CONNECTION_ID() AS id`.execute(trx);
          await sql.raw(`KILL ${rows[0]!.id}`).execute(db);
          await new Promise((resolve) => setTimeout(resolve, 100));
          await sql`SELECT 1`.execute(trx);
        });
      } catch (error) {
        failures.push(describeDatabaseError(error));
        throw error;
      }
    });
    expect(failures).toMatchObject([{ kind: 'lost-connection', transient: true }]);
    expect((await sql`SELECT id FROM t`.execute(db)).rows).toEqual([{ id: 1 }]);
    await close();
    const error: unknown = await sql`SELECT 1`.execute(db).catch((reason: unknown) => reason);
    expect(describeDatabaseError(error).kind).toMatch(/closed|other/);
  });

  it('other errors are not tried again', async () => {
    let calls = 0;
    const work = retrying(async () => {
      calls += 1;
      throw new Error('mine');
    });
    await expect(work).rejects.toThrow('mine');
    expect(calls).toBe(1);
  });

  it('a refused connection of something else is not the database’s', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:7233'), {
      code: 'ECONNREFUSED',
      errno: -111,
    });
    expect(describeDatabaseError(error).kind).toBe('other');
    expect(describeDatabaseError(new Error('fetch failed', { cause: error })).kind).toBe('other');
  });

  it('every connection speaks UTC, strict SQL and utf8mb4', async () => {
    const { db, url } = await freshDatabase(server);
    const { rows } = await sql<Record<string, string>>`
      SELECT @@SESSION.time_zone AS zone, @@SESSION.sql_mode AS mode, @@SESSION.character_set_connection AS charset,
        CAST('2026-11-21 01:02:03.000004' AS DATETIME(6)) AS t, CAST(${new Date('2026-11-21T00:00:00.123Z')} AS DATETIME(6)) AS given,
        CAST('2026-11-21' AS DATE) AS d, 9007199254740993 AS big, 1.10 AS decimal_value, CAST('{"a":1}' AS CHAR) AS j`.execute(
      db,
    );
    expect(rows[0]).toMatchObject({
      zone: '+00:00',
      mode: expect.stringContaining('STRICT_ALL_TABLES') as string,
      charset: 'utf8mb4',
      t: '2026-11-21 01:02:03.000004',
      given: '2026-11-21 00:00:00.123000',
      d: '2026-11-21',
      big: '9007199254740993',
      decimal_value: '1.10',
    });
    expect(redactDatabaseUrl(url)).not.toContain(':crypto@');
  });
});

describe('a database URL', () => {
  it.each([
    ['nonsense', 'Cannot use the database URL ***: it is not a URL'],
    [`mysql://me:pa/s3cret@host/db`, 'Cannot use the database URL ***@host/db: it is not a URL'],
    [`mysql://me:12/s3cret@host/db`, 'Cannot use the database URL ***@host/db: it is not a URL'],
    [`mysql://me:#s3cret@host/db`, 'Cannot use the database URL ***@host/db: it is not a URL'],
    [`postgres://me:s3cret@host/db`, 'postgres://me:***@host/db: it begins with postgres:// instead of mysql://'],
    ['mysql://me:s3cret@host', 'mysql://me:***@host: it names no database'],
    ['mysql://me:s3cret@host/', 'it names no database'],
    ['mysql://me:s3cret@host/db?tls=1', 'it has the unknown parameter "tls"; only ssl=true is known'],
    ['mysql://me:s3cret@host/db?ssl=yes', 'its parameter ssl is neither true nor false'],
    ['mysql://me:s3cret%zz@host/db', 'it holds a % that begins no percent-encoded character'],
  ])('%s is refused without showing its password', (url, message) => {
    expect(() => openDatabase(url)).toThrow(message);
    expect(() => openDatabase(url)).not.toThrow(/s3cret/);
  });
});

async function openAndRun(url: string, statement: string): Promise<void> {
  const { db, close } = openDatabase(url, { poolSize: 1 });
  await sql.raw(statement).execute(db);
  await close();
}

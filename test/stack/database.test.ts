import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import { findDatabase, type DatabaseOptions } from '../../workers/stack/database';
import { which } from '../../workers/stack/processes';

const PATH = [process.env.PATH, '/usr/sbin', '/usr/libexec'].join(delimiter);
const hasServer = ['mariadbd', 'mysqld'].some((name) => which(PATH, name) !== undefined);
const testWithServer = hasServer ? test : test.skip;

let folder: string;
let cleanup: Cleanup;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoflow-test-'));
  said = [];
  cleanup = createCleanup({ say: (line) => said.push(line), handleSignals: false });
});

afterEach(async () => {
  await cleanup.run();
  rmSync(folder, { recursive: true, force: true });
});

function options(more: Partial<DatabaseOptions> = {}): DatabaseOptions {
  return {
    dataDir: join(folder, 'mysql'),
    interactive: false,
    commandPath: PATH,
    say: (line) => said.push(line),
    cleanup,
    extraServerArgs: ['--innodb-flush-log-at-trx-commit=0'],
    ...more,
  };
}

async function query(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(url);
  try {
    return (await connection.query<RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}

testWithServer('a private server finds its data again', async () => {
  const first = await findDatabase(options());
  expect(said.at(-1)).toMatch(/^database {2}private (MariaDB|MySQL) \d+\.\d+\.\d+ on 127\.0\.0\.1:\d+, data in /);
  await query(first.url, 'CREATE TABLE kept (name VARCHAR(20))');
  await query(first.url, "INSERT INTO kept VALUES ('🪙')");
  const [settings] = await query(
    first.url,
    'SELECT @@local_infile AS local_files, @@bind_address AS address, @@character_set_database AS charset, @@time_zone AS zone',
  );
  expect(settings).toEqual({ local_files: 1, address: '127.0.0.1', charset: 'utf8mb4', zone: '+00:00' });
  for (const secret of ['password', 'init.sql']) {
    expect(statSync(join(folder, 'mysql', secret)).mode & 0o777).toBe(0o600);
  }
  await first.stop();
  await expect(query(first.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);

  const begun = Date.now();
  const second = await findDatabase(options());
  expect(Date.now() - begun).toBeLessThan(10_000);
  expect(await query(second.url, 'SELECT name FROM kept')).toEqual([{ name: '🪙' }]);
});

testWithServer(
  'two folders have a server each, a folder in use is refused, a path too long for a socket works',
  async () => {
    const here = await findDatabase(options());
    const there = await findDatabase(options({ dataDir: join(folder, 'x'.repeat(120)) }));
    expect(there.url).not.toBe(here.url);
    expect(await query(there.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await expect(findDatabase(options())).rejects.toThrow(/is in use by process \d+.*Stop that one first/);
  },
);

test('a given database is taken as it is, without its password in what is said', async () => {
  const database = await findDatabase(options({ givenUrl: 'mysql://me:secret@db.example:3307/market' }));
  expect(database).toMatchObject({ url: 'mysql://me:secret@db.example:3307/market', started: false });
  expect(said).toEqual(['database  db.example:3307/market (given)']);
});

test('with nothing to be found the error names every way', async () => {
  mkdirSync(join(folder, 'empty'));
  const found = findDatabase(options({ commandPath: join(folder, 'empty'), serverFolders: [] }));
  await expect(found).rejects.toThrow(
    /mariadbd or mysqld on PATH: not found[^]*Docker or Podman: not found[^]*apt-get: [^]*DATABASE_URL/,
  );
});

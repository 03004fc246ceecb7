import { sql } from 'kysely';
import type { Database } from '../../db/connect';
import { quoted } from './shapes';

/** Opens a database of the configured server, under another name. */
export type OpenDatabase = (name?: string) => Database;

const systemDatabases = ['mysql', 'information_schema', 'performance_schema', 'sys'];

/** The name of a database that may be made or filled. Throws a sentence. */
export function assertDatabaseName(name: string): void {
  if (!/^[A-Za-z0-9_]{1,64}$/.test(name) || systemDatabases.includes(name.toLowerCase()))
    throw new Error(
      `"${name.slice(0, 80)}" is no name for this database: letters, digits and _, and none of the server's own`,
    );
}

/** What is in a database; undefined: there is none of this name. */
export async function contentsOf(
  open: OpenDatabase,
  name: string,
): Promise<{ name: string; isView: boolean }[] | undefined> {
  return onServer(open, async ({ db }) => {
    const schemata = await sql`SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${name}`.execute(db);
    if (schemata.rows.length === 0) return undefined;
    const { rows } = await sql<{ name: string; type: string }>`
      SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${name}`.execute(
      db,
    );
    return rows.map((row) => ({ name: row.name, isView: row.type === 'VIEW' }));
  });
}

export async function createDatabase(open: OpenDatabase, name: string): Promise<void> {
  assertDatabaseName(name);
  await onServer(open, ({ pool }) =>
    pool.query(`CREATE DATABASE IF NOT EXISTS ${quoted(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`),
  );
}

export async function dropDatabase(open: OpenDatabase, name: string): Promise<void> {
  assertDatabaseName(name);
  await onServer(open, ({ pool }) => pool.query(`DROP DATABASE ${quoted(name)}`));
}

/** Drops everything in a database, and leaves the database and the rights on it. */
export async function emptyDatabase(open: OpenDatabase, name: string): Promise<void> {
  assertDatabaseName(name);
  const contents = (await contentsOf(open, name)) ?? [];
  const database = open(name);
  try {
    for (const each of contents.toSorted((one, other) => Number(other.isView) - Number(one.isView)))
      await database.pool.query(`DROP ${each.isView ? 'VIEW' : 'TABLE'} \`${each.name.replaceAll('`', '``')}\``);
  } finally {
    await database.close();
  }
}

/** information_schema is there on every server, whatever became of the others. */
async function onServer<T>(open: OpenDatabase, work: (server: Database) => Promise<T>): Promise<T> {
  const server = open('information_schema');
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

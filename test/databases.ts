import { appendFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '../db/connect';

export interface DatabaseServer {
  name: string;
  /** A user who may create databases. */
  url: string;
}

/** The servers that a test of the database runs on, from TEST_DATABASES_JSON: `[{"name":"mariadb","url":"mysql://…"}]`. */
export function databases(): DatabaseServer[] {
  const servers = JSON.parse(process.env.TEST_DATABASES_JSON ?? '[]') as DatabaseServer[];
  if (servers.length === 0) throw new Error('No database to test on: TEST_DATABASES_JSON names none.');
  return servers;
}

/** A new empty database. It is dropped after the tests of the file, unless one of them failed: then its URL is printed. */
export async function freshDatabase(
  server: DatabaseServer,
  options?: { poolSize?: number },
): Promise<Database & { url: string }> {
  if (process.env.TEST_USED_SERVERS_FILE) appendFileSync(process.env.TEST_USED_SERVERS_FILE, `${server.name}\n`);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await administer(server, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const database = { ...openDatabase(url.href, options), url: url.href };
  opened.push(async (failed) => {
    await database.close();
    if (failed) process.stderr.write(`kept for a look: ${url.href}\n`);
    else await administer(server, `DROP DATABASE ${name}`);
  });
  return database;
}

const opened: ((failed: boolean) => Promise<void>)[] = [];

afterAll(async () => {
  const failed = hasFailedTest(circusRoot());
  for (const finish of opened.splice(0)) await finish(failed);
});

interface Block {
  children: Block[];
  errors?: unknown[];
}

function hasFailedTest(block: Block | undefined): boolean {
  if (!block) return false;
  return (block.errors?.length ?? 0) > 0 || (block.children ?? []).some(hasFailedTest);
}

/** Jest tells no hook whether a test failed; its runner's state, under a symbol of the global object, does. */
function circusRoot(): Block | undefined {
  const key = Object.getOwnPropertySymbols(globalThis).find(({ description }) => description === 'JEST_STATE_SYMBOL');
  return key && (globalThis as unknown as Record<symbol, { rootDescribeBlock: Block }>)[key]?.rootDescribeBlock;
}

async function administer(server: DatabaseServer, statement: string): Promise<void> {
  const { pool } = openDatabase(server.url, { poolSize: 1 });
  try {
    await pool.query(statement);
  } finally {
    await pool.end();
  }
}

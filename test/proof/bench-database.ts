import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { openDatabase } from '../../db/connect';
import { readStackConfig } from '../../workers/config';
import type { Cleanup } from '../../workers/stack/cleanup';
import { findDatabase } from '../../workers/stack/database';
import { stateFolder } from '../../workers/stack/stack';

/** As much memory as `shared/mysql/mysql9` has, so that a day of chain data fits; the demo's server has 128 MB. */
export const privateServerArgs = ['--innodb-buffer-pool-size=512M'];

/** The server of DATABASE_URL, else a private one. Its URL, as a user who may create databases. */
export async function benchServer(folder: string, tools: { say: (line: string) => void; cleanup: Cleanup }) {
  const config = readStackConfig();
  const server = await findDatabase({
    givenUrl: config.databaseUrl,
    dataDir: path.join(stateFolder, folder, 'database'),
    interactive: false,
    commandPath: config.commandPath,
    extraServerArgs: privateServerArgs,
    ...tools,
  });
  return server.url;
}

/** A new database on the server, dropped by the cleanup. Returns its URL. */
export async function makeDatabase(serverUrl: string, cleanup: Cleanup): Promise<string> {
  const name = `bench_${randomBytes(4).toString('hex')}`;
  const administer = async (statement: string) => {
    const { pool } = openDatabase(serverUrl, { poolSize: 1 });
    try {
      await pool.query(statement);
    } finally {
      await pool.end();
    }
  };
  await administer(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  cleanup.add(() => administer(`DROP DATABASE ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

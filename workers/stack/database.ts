import { resolve } from 'node:path';
import { getuid } from 'node:process';
import type { Cleanup } from './cleanup';
import { aptInstall } from './apt';
import { containerDatabase } from './container-database';
import { madeBy } from './database-folder';
import { privateDatabase } from './private-database';

export interface DatabaseOptions {
  /** What DATABASE_URL says; then nothing is started. */
  givenUrl?: string;
  /** Where a private server keeps its data, its password and its log. */
  dataDir: string;
  /** Chosen free when not given. */
  port?: number;
  /** Whether someone is there to answer a question. */
  interactive: boolean;
  /** A PATH value. */
  commandPath: string;
  /** Where else servers are looked for; by default the system folders that are often not on PATH. */
  serverFolders?: string[];
  say: (line: string) => void;
  cleanup: Cleanup;
  /** More server options, for tests (`--innodb-flush-log-at-trx-commit=0`). */
  extraServerArgs?: string[];
}

export interface Database {
  /** mysql://user:password@host:port/database: not for any log. */
  url: string;
  describe: string;
  started: boolean;
  pid?: number;
  /** Ends it if we started it; the cleanup does so too. */
  stop(): Promise<void>;
}

/** A way gives a database, or the reason why it cannot. */
export type DatabaseAttempt = Database | { whyNot: string };

/**
 * The database to use: the given one, else a private MariaDB or MySQL on loopback that finds its data again, else a
 * container, else MariaDB from apt. Says one line for each thing found or got. Throws an error that names all the ways and
 * why each did not work; throws as well when data of an earlier start is there and its server does not come up.
 */
export async function findDatabase(options: DatabaseOptions): Promise<Database> {
  const database = options.givenUrl === undefined ? await startDatabase(options) : givenDatabase(options.givenUrl);
  options.say(`database  ${database.describe}`);
  return database;
}

function givenDatabase(url: string): Database {
  const { hostname, port, pathname } = new URL(url);
  return {
    url,
    describe: `${hostname}:${port || 3306}${pathname} (given)`,
    started: false,
    stop: () => Promise.resolve(),
  };
}

async function startDatabase(given: DatabaseOptions): Promise<Database> {
  const options = { ...given, dataDir: resolve(given.dataDir) };
  const ways = {
    'mariadbd or mysqld on PATH': privateDatabase,
    'Docker or Podman': containerDatabase,
    'apt-get': aptDatabase,
  };
  const reasons: string[] = [];
  for (const [name, way] of Object.entries(ways)) {
    options.cleanup.signal.throwIfAborted();
    const attempt = await way(options);
    if ('url' in attempt) return attempt;
    reasons.push(`  ${name}: ${attempt.whyNot}`);
  }
  throw new Error(
    `no database found, and none could be got:\n${reasons.join('\n')}\n` +
      'Do one of these: set DATABASE_URL (mysql://user:password@host:3306/database) to MySQL 8.4+ or MariaDB 10.11+; ' +
      'install one of them so that mysqld or mariadbd is on PATH; or start Docker or Podman.',
  );
}

async function aptDatabase(options: DatabaseOptions): Promise<DatabaseAttempt> {
  if (madeBy(options.dataDir) === 'container') return { whyNot: 'would not bring back the data in the container' };
  const failure = await aptInstall(['mariadb-server-core', 'mariadb-client-core'], {
    ...options,
    isRoot: getuid?.() === 0,
  });
  return failure ?? privateDatabase(options);
}

import { createPool, type Pool, type PoolOptions } from 'mysql2/promise';
import { Kysely } from 'kysely';
import { mysqlDialect } from './dialect';
import type { Schema } from './schema';

export interface Database {
  db: Kysely<Schema>;
  /** The same connections, for what Kysely cannot say (LOAD DATA, streams). */
  pool: Pool;
  close: () => Promise<void>;
}

const STRICT =
  'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
// MariaDB skips /*!80000 … */. MySQL otherwise shows row counts and sizes of tables that are up to a day old.
const SESSION = `SET time_zone = '+00:00', sql_mode = '${STRICT}' /*!80000 , information_schema_stats_expiry = 0 */`;

/**
 * A pool of connections to MySQL or MariaDB that all speak UTC, strict SQL and utf8mb4. Nothing connects before the
 * first query.
 *
 * What comes back: DATETIME(6) as 'YYYY-MM-DD HH:MM:SS.ffffff' and DATE as 'YYYY-MM-DD' (UTC), DECIMAL as string, BIGINT
 * as number, beyond 2^53 as string, BOOLEAN as 0 or 1, JSON as text. A `Date` that is given is written as UTC.
 *
 * @param url `mysql://user:password@host:port/database`, with `?ssl=true` for TLS with a verified certificate
 * @throws Error that says what is wrong with the URL and never holds the password
 */
export function openDatabase(url: string, options: { poolSize?: number } = {}): Database {
  const pool = createPool({
    ...connectionOptions(url),
    connectionLimit: options.poolSize ?? 10,
    connectTimeout: 10_000,
    // a host that is gone without a word would hold its connections for two hours (Linux), and the pages behind them
    keepAliveInitialDelay: 10_000,
    charset: 'utf8mb4_unicode_ci',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    jsonStrings: true,
    multipleStatements: false,
  });
  // Statements of one connection run in order: this one is ahead of whatever the connection was opened for.
  pool.pool.on('connection', (connection) => {
    connection.query(SESSION, (error) => {
      if (error) connection.destroy();
    });
  });
  const db = new Kysely<Schema>({ dialect: mysqlDialect(pool) });
  let closed: Promise<void> | undefined;
  return {
    db,
    pool,
    // not `db.destroy()`: Kysely ends the pool only if a query went through it
    close: () => (closed ??= pool.end()),
  };
}

/** `mysql://user:***@host:port/database`: a database URL as it may be shown. */
export function redactDatabaseUrl(url: string): string {
  const parsed = parseUrl(url);
  if (!parsed) return url.includes('@') ? `***${url.slice(url.lastIndexOf('@'))}` : '***';
  const user = parsed.username && `${parsed.username}${parsed.password && ':***'}@`;
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}`;
}

function connectionOptions(url: string): PoolOptions {
  const parsed = parseUrl(url);
  const refuse = (why: string) =>
    new Error(
      `Cannot use the database URL ${redactDatabaseUrl(url)}: ${why}. ` +
        'Give it as mysql://user:password@host:3306/database, with special characters of the password percent-encoded (@ as %40, / as %2F).',
    );
  if (!parsed) throw refuse('it is not a URL');
  if (parsed.protocol !== 'mysql:') throw refuse(`it begins with ${parsed.protocol}// instead of mysql://`);
  if (!parsed.hostname) throw refuse('it names no host');
  const database = parsed.pathname.slice(1);
  if (!/^[^/]+$/.test(database)) throw refuse('it names no database');
  for (const [name, value] of parsed.searchParams) {
    if (name !== 'ssl') throw refuse(`it has the unknown parameter "${name}"; only ssl=true is known`);
    if (value !== 'true' && value !== 'false') throw refuse('its parameter ssl is neither true nor false');
  }
  try {
    return {
      host: parsed.hostname.replace(/^\[|\]$/g, ''),
      port: parsed.port ? Number(parsed.port) : 3306,
      user: decodeURIComponent(parsed.username),
      password: decodeURIComponent(parsed.password),
      database: decodeURIComponent(database),
      ssl: parsed.searchParams.get('ssl') === 'true' ? {} : undefined,
    };
  } catch {
    throw refuse('it holds a % that begins no percent-encoded character');
  }
}

/** An unencoded / ? or # in the password ends the host part early: what then looks like a path is half a password. */
function parseUrl(url: string): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const afterHost = `${parsed.pathname}${parsed.search}${parsed.hash}`;
  return afterHost.includes('@') || parsed.hash ? undefined : parsed;
}

import { redactDatabaseUrl } from './connect';

export type DatabaseFailureKind =
  | 'unreachable'
  | 'denied'
  | 'missing-database'
  | 'missing-table'
  | 'deadlock'
  | 'lock-timeout'
  | 'interrupted'
  | 'lost-connection'
  | 'closed'
  | 'read-only'
  | 'disk-full'
  | 'too-large'
  | 'duplicate'
  | 'bad-value'
  | 'other';

export interface DatabaseFailure {
  kind: DatabaseFailureKind;
  /** The same statement may work later although nobody has changed it. */
  transient: boolean;
  /** What failed - why - what to do. Holds no password and no statement. */
  message: string;
}

interface Kind {
  what: string;
  todo: string;
  transient: boolean;
  /** Names of Node, mysql2 and the servers; numbers where mysql2 has no name for what MariaDB or a newer MySQL sends. */
  codes: readonly (string | number)[];
}

const KINDS: Record<Exclude<DatabaseFailureKind, 'other'>, Kind> = {
  unreachable: {
    what: 'The database server cannot be reached',
    todo: 'Check that it runs and that host and port are right',
    transient: true,
    codes: [
      ...[
        'ECONNREFUSED',
        'ENOTFOUND',
        'EAI_AGAIN',
        'ETIMEDOUT',
        'EHOSTUNREACH',
        'ENETUNREACH',
        'HANDSHAKE_NO_SSL_SUPPORT',
      ],
      ...['ER_CON_COUNT_ERROR', 'ER_HOST_IS_BLOCKED', 'ER_USER_LIMIT_REACHED', 'ER_TOO_MANY_USER_CONNECTIONS'],
    ],
  },
  denied: {
    what: 'The database refused the login or the right to do this',
    todo: 'Check user, password and grants of the database URL',
    transient: false,
    codes: [
      ...[
        'ER_ACCESS_DENIED_ERROR',
        'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
        'ER_DBACCESS_DENIED_ERROR',
        'ER_HOST_NOT_PRIVILEGED',
      ],
      ...[
        'ER_TABLEACCESS_DENIED_ERROR',
        'ER_COLUMNACCESS_DENIED_ERROR',
        'ER_SPECIFIC_ACCESS_DENIED_ERROR',
        'ER_ACCOUNT_HAS_BEEN_LOCKED',
      ],
      ...[
        'ER_VIEW_INVALID',
        'ER_MUST_CHANGE_PASSWORD',
        'ER_MUST_CHANGE_PASSWORD_LOGIN',
        'ER_NOT_SUPPORTED_AUTH_MODE',
        1698,
        3118,
      ],
    ],
  },
  'missing-database': {
    what: 'The database does not exist',
    todo: 'Create it (CREATE DATABASE … CHARACTER SET utf8mb4) or correct the name in the database URL',
    transient: false,
    codes: ['ER_BAD_DB_ERROR', 'ER_NO_DB_ERROR'],
  },
  'missing-table': {
    what: 'The schema of the database is not the one that this version needs',
    todo: 'Run: npm run cli -- migrate',
    transient: false,
    codes: ['ER_NO_SUCH_TABLE', 'ER_BAD_TABLE_ERROR', 'ER_BAD_FIELD_ERROR'],
  },
  deadlock: {
    what: 'Two transactions waited for each other and the database rolled this one back',
    todo: 'It is tried again; if this stays, look for two runs that write the same rows',
    transient: true,
    codes: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', 'ER_XA_RBDEADLOCK', 1020],
  },
  'lock-timeout': {
    what: 'Another transaction held a lock for too long',
    todo: 'It is tried again; if this stays, look for a long transaction (SHOW PROCESSLIST)',
    transient: true,
    codes: ['ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_NOWAIT'],
  },
  interrupted: {
    what: 'The database cancelled the statement (KILL, or its time limit for statements)',
    todo: 'It is tried again; if this stays, raise the time limit',
    transient: true,
    codes: ['ER_QUERY_INTERRUPTED', 'ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT', 1969, 3024],
  },
  'lost-connection': {
    what: 'The connection to the database was lost',
    todo: 'It is tried again; if this stays, read the log of the database server',
    transient: true,
    codes: [
      ...['PROTOCOL_CONNECTION_LOST', 'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'],
      ...['ER_SERVER_SHUTDOWN', 'ER_CONNECTION_KILLED', 'ER_CLIENT_INTERACTION_TIMEOUT', 'ER_NET_READ_ERROR'],
      ...['ER_NET_READ_INTERRUPTED', 'ER_NET_ERROR_ON_WRITE', 'ER_NET_WRITE_INTERRUPTED', 1053, 1927, 4031],
    ],
  },
  closed: {
    what: 'The connections of this process are closed already',
    todo: 'The process is stopping; another worker goes on',
    transient: true,
    codes: ['POOL_CLOSED'],
  },
  'read-only': {
    what: 'The database takes no writes at present (read-only: a replica, a failover or maintenance)',
    todo: 'Point the database URL to the primary, or wait until it is writable',
    transient: true,
    codes: [
      'ER_OPTION_PREVENTS_STATEMENT',
      'ER_READ_ONLY_MODE',
      'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
      'ER_OPEN_AS_READONLY',
    ],
  },
  'disk-full': {
    what: 'The disk of the database server is full',
    todo: 'Free space there; the work goes on by itself afterwards',
    transient: true,
    codes: [
      'ER_DISK_FULL',
      'ER_RECORD_FILE_FULL',
      'ER_ERROR_ON_WRITE',
      'ER_DISK_FULL_NOWAIT',
      'ER_ENGINE_OUT_OF_MEMORY',
    ],
  },
  'too-large': {
    what: 'A statement is larger than the database accepts',
    todo: 'Raise max_allowed_packet of the server to 16 MB or more',
    transient: false,
    codes: ['ER_NET_PACKET_TOO_LARGE'],
  },
  duplicate: {
    what: 'A row with the same unique key exists',
    todo: 'See which of the two is right',
    transient: false,
    codes: ['ER_DUP_ENTRY', 'ER_DUP_ENTRY_WITH_KEY_NAME', 'ER_DUP_KEY'],
  },
  'bad-value': {
    what: 'A value does not fit its column',
    todo: 'Widen the column by a migration, or reject the value before it is written',
    transient: false,
    codes: [
      ...[
        'ER_DATA_TOO_LONG',
        'ER_WARN_DATA_OUT_OF_RANGE',
        'ER_TRUNCATED_WRONG_VALUE',
        'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD',
      ],
      ...[
        'ER_BAD_NULL_ERROR',
        'ER_NO_DEFAULT_FOR_FIELD',
        'ER_CHECK_CONSTRAINT_VIOLATED',
        'ER_CONSTRAINT_FAILED',
        'WARN_DATA_TRUNCATED',
      ],
      ...['ER_NO_PARTITION_FOR_GIVEN_VALUE', 'ER_INVALID_JSON_TEXT', 'ER_INVALID_JSON_TEXT_IN_PARAM', 3819, 4025, 3140],
    ],
  },
};

const KIND_OF_CODE = new Map<string | number, DatabaseFailureKind>(
  Object.entries(KINDS).flatMap(([kind, { codes }]) => codes.map((code) => [code, kind as DatabaseFailureKind])),
);

/**
 * Says of an error that a query or a connection threw what kind it is, and what to do. Any other error is of kind `other`.
 * @param url the database URL, named in the message without its password; its password is taken out of the server's words
 */
export function describeDatabaseError(error: unknown, url?: string): DatabaseFailure {
  const cause = rootError(error);
  const kind = kindOf(cause);
  const where = url ? ` (${redactDatabaseUrl(url)})` : '';
  const why = withoutPassword(cause.message || String(cause.code ?? 'no reason given'), url).slice(0, 500);
  if (kind === 'other') {
    return {
      kind,
      transient: false,
      message: `The database refused a statement${where} - ${why} - This is a defect: report it.`,
    };
  }
  const { what, todo, transient } = KINDS[kind];
  return { kind, transient, message: `${what}${where} - ${why} - ${todo}.` };
}

const RETRIED: ReadonlySet<DatabaseFailureKind> = new Set(['deadlock', 'lock-timeout', 'lost-connection']);
const PAUSES_MS = [50, 200, 1_000];

/**
 * Runs a whole unit of work (a transaction), again up to three times after a deadlock, a lock wait timeout or a lost
 * connection. When the connection is lost at COMMIT nobody knows whether the work was done, so `work` must be idempotent:
 * done twice it must leave the same rows, and count the same.
 */
export async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await work();
    } catch (error) {
      if (!RETRIED.has(describeDatabaseError(error).kind)) throw error;
      // Half of the pause is chance: two that deadlocked must not meet again.
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
    }
  }
  return work();
}

interface DriverError {
  message: string;
  code?: string;
  errno?: number;
  /** Set by mysql2 on whatever ends a connection. */
  fatal?: boolean;
}

/** The driver's error inside whatever wraps it. */
function rootError(error: unknown): DriverError {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && isErrorLike(current); depth += 1) {
    if (typeof current.code === 'string' || !isErrorLike(current.cause)) return current;
    current = current.cause;
  }
  return { message: String(current) };
}

/** By shape, not by class: errors of Node's own modules are of another realm within tests. */
function isErrorLike(error: unknown): error is DriverError & { cause?: unknown } {
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string';
}

function kindOf({ code, errno, message, fatal }: DriverError): DatabaseFailureKind {
  // ECONNREFUSED and the like of an HTTP call or of Temporal are none of the database's.
  if (/^E(?!R_)/.test(code ?? '') && !fatal) return 'other';
  // Got error 28 "No space left on device" from storage engine: one code for every errno of the engine.
  if (/\b(error|errno:?) 28\b|No space left/i.test(message)) return 'disk-full';
  // mysql2 gives these no code.
  if (/Pool is closed/i.test(message)) return 'closed';
  if (/connection is in closed state|Connection lost/i.test(message)) return 'lost-connection';
  // 1290 is any option that forbids a statement, --secure-file-priv for one.
  if (errno === 1290 && !/read.only/i.test(message)) return 'denied';
  return KIND_OF_CODE.get(code ?? '') ?? KIND_OF_CODE.get(errno ?? 0) ?? 'other';
}

function withoutPassword(text: string, url?: string): string {
  if (!url || !URL.canParse(url)) return text;
  const { password } = new URL(url);
  if (!password) return text;
  return text.replaceAll(password, '***').replaceAll(unescapePercent(password), '***');
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

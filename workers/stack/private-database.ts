import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { getuid } from 'node:process';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { Cleanup } from './cleanup';
import type { DatabaseAttempt, DatabaseOptions } from './database';
import { madeBy, passwordOf, rememberMaker } from './database-folder';
import { endLeftover, rememberServer } from './leftovers';
import { freePort, run, startServer, waitUntilReady, which } from './processes';

interface Program {
  path: string;
  kind: 'MariaDB' | 'MySQL';
  version: string;
}

// Shutting down writes the dirty pages of a 128 MB buffer pool: seconds on a slow disk. Killing it would be safe too.
const graceMs = 60_000;

// Where packages put servers; often not on a user's PATH.
const usualFolders = ['/usr/sbin', '/usr/libexec', '/usr/local/sbin'];

const oldest = { MariaDB: [10, 11], MySQL: [8, 4] } as const;

/**
 * A MariaDB or MySQL server of our own, run by the current user on 127.0.0.1 with its data in `dataDir`. The reason is
 * returned when there is no usable program; an error is thrown when the folder's data cannot be opened.
 */
export async function privateDatabase(options: DatabaseOptions): Promise<DatabaseAttempt> {
  const made = madeBy(options.dataDir);
  if (made === 'container') return { whyNot: `the data of ${options.dataDir} is in a container` };
  const { programs, reasons } = await findPrograms(options);
  const program = programs.find(({ kind }) => made === undefined || made === kind);
  if (program !== undefined) return start(program, made !== undefined, options);
  if (made !== undefined) {
    throw new Error(
      `the data in ${options.dataDir} was made by ${made}, and there is no ${made} server on PATH. ` +
        'Install it, set DATABASE_URL, or delete that folder to start empty',
    );
  }
  return { whyNot: reasons.join('; ') || `not found in ${searchPath(options)}` };
}

async function findPrograms(options: DatabaseOptions): Promise<{ programs: Program[]; reasons: string[] }> {
  const searched = searchPath(options);
  const paths = ['mariadbd', 'mysqld'].flatMap((name) => which(searched, name) ?? []);
  const programs: Program[] = [];
  const reasons: string[] = [];
  for (const path of paths) {
    const { output } = await run(path, ['--no-defaults', '--version'], { cleanup: options.cleanup, timeoutMs: 10_000 });
    const version = /Ver (\d+\.\d+\.\d+)/.exec(output)?.[1];
    const kind = output.includes('MariaDB') ? 'MariaDB' : 'MySQL';
    if (version === undefined) reasons.push(`${path} --version said: ${output.trim().slice(0, 200)}`);
    else if (isOlder(version, oldest[kind]))
      reasons.push(`${path} is ${kind} ${version}, ${oldest[kind].join('.')} is needed`);
    else programs.push({ path, kind, version });
  }
  return { programs, reasons };
}

const searchPath = ({ commandPath, serverFolders = usualFolders }: DatabaseOptions): string =>
  [commandPath, ...serverFolders].join(delimiter);

function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ourMajor = 0, ourMinor = 0] = version.split('.').map(Number);
  return ourMajor < major || (ourMajor === major && ourMinor < minor);
}

async function start(program: Program, hasData: boolean, options: DatabaseOptions): Promise<DatabaseAttempt> {
  const { dataDir, cleanup, say } = options;
  const password = passwordOf(dataDir);
  await endLeftover(dataDir, { what: 'database', graceMs, say });
  if (!hasData) {
    say(`database  making a private ${program.kind} ${program.version} in ${shown(dataDir)}`);
    const whyNot = await initialise(program, options);
    if (whyNot !== undefined) return { whyNot };
    rememberMaker(dataDir, program.kind);
  }
  const port = options.port ?? (await freePort());
  const logFile = join(dataDir, 'server.log');
  const args = [...serverArgs(program, { dataDir, port, password, cleanup }), ...(options.extraServerArgs ?? [])];
  const server = await startServer(program.path, args, { cleanup, logFile, graceMs });
  rememberServer(dataDir, server.pid);
  const url = `mysql://${user}:${password}@127.0.0.1:${port}/${databaseName}`;
  const what = `the private ${program.kind} (${program.path})`;
  const version = await waitUntilReady(server, () => versionOf(url), { cleanup, what, logFile, timeoutMs: 120_000 });
  return {
    url,
    describe: `private ${program.kind} ${version} on 127.0.0.1:${port}, data in ${shown(dataDir)}`,
    started: true,
    pid: server.pid,
    stop: () => server.stop(),
  };
}

/** Relative to where we are, unless it is elsewhere. */
function shown(folder: string): string {
  const path = relative('', folder);
  return path.startsWith('..') ? folder : path;
}

const user = 'cryptoflow';
const databaseName = 'cryptoflow';

/** Fills the data folder; what a killed earlier attempt left there goes first. Returns why it could not. */
async function initialise(program: Program, options: DatabaseOptions): Promise<string | undefined> {
  const data = join(options.dataDir, 'data');
  rmSync(data, { recursive: true, force: true });
  const common = ['--no-defaults', `--datadir=${data}`, ...asRoot()];
  let command = [program.path, ...common, '--initialize-insecure'];
  if (program.kind === 'MariaDB') {
    const installer = which(
      [dirname(program.path), searchPath(options), '/usr/bin'].join(delimiter),
      'mariadb-install-db',
    );
    if (installer === undefined) return `${program.path} has no mariadb-install-db beside it`;
    command = [
      installer,
      ...common,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
    ];
  }
  const [file, ...args] = command as [string, ...string[]];
  const { code, output } = await run(file, args, { cleanup: options.cleanup, timeoutMs: 120_000 });
  options.cleanup.signal.throwIfAborted();
  return code === 0 ? undefined : `${file} could not fill ${data}: ${output.trim().slice(-500)}`;
}

function serverArgs(
  program: Program,
  { dataDir, port, password, cleanup }: { dataDir: string; port: number; password: string; cleanup: Cleanup },
): string[] {
  return [
    '--no-defaults',
    `--datadir=${join(dataDir, 'data')}`,
    ...asRoot(),
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${socketPath(dataDir, cleanup)}`,
    `--pid-file=${join(dataDir, 'mysqld.pid')}`,
    `--tmpdir=${temporaryFolder(dataDir)}`,
    `--init-file=${writeInitFile(dataDir, password)}`,
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
    '--default-time-zone=+00:00',
    '--local-infile=1',
    '--innodb-buffer-pool-size=128M',
    '--max-connections=200',
    // One port is enough, and the binary log of a private server only fills the disk.
    ...(program.kind === 'MySQL' ? ['--mysqlx=OFF', '--skip-log-bin'] : []),
  ];
}

/** Its own: a MariaDB that starts clears away what looks like temporary tables, of other servers in the same folder too. */
function temporaryFolder(dataDir: string): string {
  const path = join(dataDir, 'tmp');
  mkdirSync(path, { recursive: true });
  return path;
}

/** mysqld refuses to run as root unless told so; elsewhere it must not be told anything. */
const asRoot = (): string[] => (getuid?.() === 0 ? ['--user=root'] : []);

/** A socket's path may have 107 bytes (macOS: 103). */
function socketPath(dataDir: string, cleanup: Cleanup): string {
  const path = join(dataDir, 'mysqld.sock');
  if (Buffer.byteLength(path) <= 100) return path;
  const folder = mkdtempSync(join(tmpdir(), 'cryptoflow-'));
  cleanup.add(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
  return join(folder, 'mysqld.sock');
}

/**
 * What the server runs at every start, before it accepts connections: no password on a command line, and a lost password
 * file heals. Our user gets all rights because tests and restore drills make databases of their own.
 */
function writeInitFile(dataDir: string, password: string): string {
  const file = join(dataDir, 'init.sql');
  const account = `'${user}'@'127.0.0.1'`;
  const statements = [
    `CREATE DATABASE IF NOT EXISTS ${databaseName} CHARACTER SET utf8mb4;`,
    `CREATE USER IF NOT EXISTS ${account} IDENTIFIED BY '${password}';`,
    `ALTER USER ${account} IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO ${account} WITH GRANT OPTION;`,
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`,
    `DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';`,
  ];
  writeFileSync(file, `${statements.join('\n')}\n`, { mode: 0o600 });
  return file;
}

/** The server's version, or undefined while it does not let us in. */
export async function versionOf(url: string): Promise<string | undefined> {
  try {
    const connection = await createConnection({ uri: url, connectTimeout: 2_000 });
    try {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
      return String(rows[0]?.version).split('-')[0];
    } finally {
      connection.destroy();
    }
  } catch {
    return undefined;
  }
}

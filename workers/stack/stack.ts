import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { readStackConfig } from '../config';
import type { Cleanup } from './cleanup';
import { findDatabase, type Database } from './database';
import { findTemporal, type TemporalServer } from './temporal';

export const projectFolder = path.resolve(__dirname, '..', '..', '..');
/** Everything that cryptoflow keeps in a checkout: downloads in `cache`, the data of private servers per stack. */
export const stateFolder = path.join(projectFolder, '.cryptoflow');

export interface Servers {
  temporal: TemporalServer;
  database: Database;
  /** what a process needs to find them */
  environment: { DATABASE_URL: string; TEMPORAL_ADDRESS: string; TEMPORAL_NAMESPACE: string };
}

/** Finds or starts a Temporal and a database, and says one line on each. `databaseArgs`: options of a private database. */
export async function startServers(
  name: string,
  cleanup: Cleanup,
  say: (line: string) => void,
  databaseArgs: string[] = [],
): Promise<Servers> {
  const config = readStackConfig();
  const { commandPath } = config;
  const database = await findDatabase({
    givenUrl: config.databaseUrl,
    dataDir: path.join(stateFolder, name, 'database'),
    port: config.databasePort,
    interactive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    commandPath,
    extraServerArgs: databaseArgs,
    say,
    cleanup,
  });
  const temporal = await findTemporal({
    given: config.temporal,
    dataDir: path.join(stateFolder, name, 'temporal'),
    cacheDir: path.join(stateFolder, 'cache'),
    port: config.temporalPort,
    uiPort: config.temporalUiPort,
    namespace: config.namespace,
    commandPath,
    say,
    cleanup,
  });
  return {
    temporal,
    database,
    environment: {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
    },
  };
}

export interface WorkerProcess {
  readonly pid: number | undefined;
}

/**
 * A worker in a process of its own, so that it can be killed like a real one; when it dies, the next one is started.
 * It is stopped by `cleanup`, which was given it last and so stops it first.
 */
export function keepWorkerRunning(
  environment: NodeJS.ProcessEnv,
  cleanup: Cleanup,
  say: (line: string) => void,
): WorkerProcess {
  let child: ChildProcess;
  let stopping = false;
  const start = (): void => {
    child = spawn(process.execPath, [path.join(projectFolder, '.build', 'workers', 'worker.js')], {
      env: environment,
      cwd: projectFolder,
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    child.once('exit', (code, signal) => {
      if (stopping) return;
      say(`worker    process ${child.pid} ended (${signal ?? `exit code ${code}`}); starting another`);
      setTimeout(() => !stopping && start(), 1_000);
    });
  };
  start();
  cleanup.add(async () => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await ended;
    clearTimeout(tooLong);
  });
  return {
    get pid() {
      return child.pid;
    },
  };
}

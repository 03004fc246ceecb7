import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Cleanup } from './cleanup';
import { endLeftover, rememberServer } from './leftovers';
import { searchAttributeTypes } from './namespace';
import { freePort, isListening, startServer, waitUntilReady } from './processes';
import { findTemporalCli, type TemporalCli } from './temporal-cli';

export interface TemporalOptions {
  /** What TEMPORAL_ADDRESS or a Temporal profile says; then nothing is started. */
  given?: { address: string; namespace: string };
  /** Where the dev server keeps its database file and its log. */
  dataDir: string;
  /** Where a downloaded `temporal` is kept. */
  cacheDir: string;
  /** Chosen free when not given. */
  port?: number;
  uiPort?: number;
  namespace: string;
  /** A PATH value. */
  commandPath: string;
  say: (line: string) => void;
  cleanup: Cleanup;
}

export interface TemporalServer {
  address: string;
  namespace: string;
  /** Unknown for a server that was given. */
  uiUrl?: string;
  describe: string;
  started: boolean;
  pid?: number;
  /** Ends it if we started it; the cleanup does so too. */
  stop(): Promise<void>;
}

// It takes 3 s to stop (measured), a busy one longer; killing it is safe for its SQLite file but loses timers in flight.
const graceMs = 20_000;

/**
 * The Temporal server to use: the given one, else a dev server of our own that listens on loopback only and finds its
 * data again. Says one line. Throws an error that names all the ways when there is none, and with the end of its log
 * when the dev server does not come up.
 */
export async function findTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const server =
    options.given === undefined
      ? await startDevServer(await findTemporalCli(options), options)
      : givenServer(options.given);
  options.say(`temporal  ${server.describe}`);
  return server;
}

function givenServer(given: { address: string; namespace: string }): TemporalServer {
  return {
    ...given,
    describe: `${given.address}, namespace ${given.namespace} (given)`,
    started: false,
    stop: () => Promise.resolve(),
  };
}

async function startDevServer(cli: TemporalCli, options: TemporalOptions): Promise<TemporalServer> {
  const { namespace, cleanup, say } = options;
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  await endLeftover(dataDir, { what: 'temporal', graceMs, say });
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const address = `127.0.0.1:${port}`;
  const logFile = join(dataDir, 'server.log');
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', `${port}`, '--ui-port', `${uiPort}`];
  args.push('--namespace', namespace, '--db-filename', join(dataDir, 'temporal.db'), '--log-level', 'warn');
  for (const [name, type] of Object.entries(searchAttributeTypes)) args.push('--search-attribute', `${name}=${type}`);
  const server = await startServer(cli.path, args, { cleanup, logFile, graceMs });
  rememberServer(dataDir, server.pid);
  const what = `the Temporal dev server (${cli.path})`;
  await waitUntilReady(server, () => probe(port, namespace), { cleanup, what, logFile, timeoutMs: 60_000 });
  const uiUrl = `http://127.0.0.1:${uiPort}`;
  return {
    address,
    namespace,
    uiUrl,
    describe: `${cli.path} ${cli.version}, server ${address}, UI ${uiUrl}`,
    started: true,
    pid: server.pid,
    stop: () => server.stop(),
  };
}

async function probe(port: number, namespace: string): Promise<true | undefined> {
  // gRPC waits a second and more after a refused connection, a bare socket does not.
  if (!(await isListening(port))) return undefined;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: '2s' });
    const { workflowService } = connection;
    await connection.withDeadline(Date.now() + 2_000, () => workflowService.describeNamespace({ namespace }));
    return true;
  } catch {
    return undefined; // Not yet: the namespace comes a moment after the port.
  } finally {
    await connection?.close();
  }
}

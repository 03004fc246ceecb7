import { Client, Connection } from '@temporalio/client';
import type { Kysely } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { environment, readConfig, type Config } from '../config';
import { connectDatabase } from '../context';
import { applySchedules } from '../schedules';
import type { Cleanup } from './cleanup';
import { keepWorkerRunning, startServers, type Servers, type WorkerProcess } from './stack';

export interface RunningStack {
  servers: Servers;
  config: Config;
  db: Kysely<Schema>;
  client: Client;
  worker: WorkerProcess;
}

export interface StackOptions {
  /** names the folder of the private servers' data */
  name: string;
  /** what workers are told beside the environment: simulated sources, a label */
  extraEnvironment: Readonly<Record<string, string>>;
  cleanup: Cleanup;
  say: (line: string) => void;
  /** after the migration, before the first worker */
  prepare?: (db: Kysely<Schema>) => Promise<void>;
}

/** Servers → schema → namespace and schedules → a worker. What was started is stopped by `cleanup`, in reverse order. */
export async function bringUp({ name, extraEnvironment, cleanup, say, prepare }: StackOptions): Promise<RunningStack> {
  const servers = await startServers(name, cleanup, say);
  const own = { ...environment(), ...servers.environment, ...extraEnvironment };
  const config = readConfig(own);

  const database = await connectDatabase(config);
  cleanup.add(() => database.close());
  const { applied } = await migrateToLatest(database.db);
  say(`schema    ${applied.length > 0 ? `${applied.length} migrations applied` : 'up to date'}`);
  await prepare?.(database.db);

  const connection = await Connection.connect(config.temporal.connectionOptions);
  cleanup.add(() => connection.close());
  const client = new Client({ connection, namespace: config.temporal.namespace });
  const changes = await applySchedules(client, connection, config.temporal.namespace);
  const changed = changes.filter(({ change }) => change !== 'unchanged').map(({ id, change }) => `${id} ${change}`);
  say(`schedules ${changed.length > 0 ? changed.join(', ') : 'up to date'}`);

  const worker = keepWorkerRunning(own, cleanup, say);
  say(`worker    process ${worker.pid}`);
  return { servers, config, db: database.db, client, worker };
}

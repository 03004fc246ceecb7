import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import type { Kysely } from 'kysely';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { readConfig, type Config } from '../../workers/config';
import type { Cleanup } from '../../workers/stack/cleanup';
import { prepareNamespace } from '../../workers/stack/namespace';
import type { Servers } from '../../workers/stack/stack';
import { startWorkers } from '../../workers/worker';

/** The product on servers that are there: a database and a namespace of its own, its workers in this process. */
export interface FreshProduct {
  db: Kysely<Schema>;
  client: Client;
  config: Config;
  stop(): Promise<void>;
}

export interface FreshProductOptions {
  servers: Servers;
  cleanup: Cleanup;
  /** what workers are told: where the sources are, their keys and plans */
  environment: Readonly<Record<string, string>>;
  /** of the workflows; the production bundle when left out */
  bundle?: string;
}

/** What it made is gone after `stop`, or when `cleanup` runs. */
export async function startFreshProduct(options: FreshProductOptions): Promise<FreshProduct> {
  const { servers, cleanup, bundle } = options;
  const name = `cryptoflow_${randomBytes(4).toString('hex')}`;
  const databaseUrl = new URL(servers.database.url);
  databaseUrl.pathname = `/${name}`;
  await administer(servers.database.url, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const dropDatabase = cleanup.add(() => administer(servers.database.url, `DROP DATABASE ${name}`));
  const database = openDatabase(databaseUrl.href);
  const closeDatabase = cleanup.add(() => database.close());
  await migrateToLatest(database.db);

  const connection = await Connection.connect({ address: servers.temporal.address });
  const closeConnection = cleanup.add(() => connection.close());
  const namespace = name.replace('_', '-');
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('3 days') });
  await prepareNamespace(connection, namespace);

  const config = readConfig({
    DATABASE_URL: databaseUrl.href,
    TEMPORAL_ADDRESS: servers.temporal.address,
    TEMPORAL_NAMESPACE: namespace,
    ...options.environment,
  });
  const workers = await startWorkers(config, { bundle });
  const stopWorkers = cleanup.add(() => workers.stop());
  return {
    db: database.db,
    client: new Client({ connection, namespace }),
    config,
    async stop() {
      for (const stop of [stopWorkers, closeConnection, closeDatabase, dropDatabase]) await stop();
    },
  };
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const { pool, close } = openDatabase(serverUrl, { poolSize: 1 });
  try {
    await pool.query(statement);
  } finally {
    await close();
  }
}

import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import type { Settings } from '../activities/deps';
import { migrateToLatest } from '../db/migrate';
import { readConfig, type Config } from '../workers/config';
import { prepareNamespace } from '../workers/stack/namespace';
import { installLogger, startWorkers, type RunningWorkers } from '../workers/worker';
import { freshDatabase, type DatabaseServer } from './databases';
import { startSimulator, type Simulator, type SimulatorOptions } from './simulator';
import { simulatedEnvironment } from './simulator/environment';

/** The whole product against a simulator: its own database and namespace on the shared servers, workers in this process. */
export interface Product {
  db: Awaited<ReturnType<typeof freshDatabase>>['db'];
  databaseUrl: string;
  namespace: string;
  client: Client;
  connection: Connection;
  simulator: Simulator;
  config: Config;
  environment: Record<string, string>;
  workers: RunningWorkers;
  /** starts a workflow and waits for its result */
  run<T>(workflow: string, input?: unknown, id?: string): Promise<T>;
  stop(): Promise<void>;
}

export interface ProductOptions {
  server: DatabaseServer;
  simulator?: SimulatorOptions;
  environment?: Record<string, string>;
  /** whole days from the simulator's dumps; the API alone when left out */
  dumps?: 'dumps' | 'auto';
  /** what no variable of the environment sets */
  settings?: Partial<Settings>;
}

export const bundle = path.join(__dirname, '..', '.build', 'workflow-bundle.js');

const keys = { blockchair: 'key-of-blockchair-1234', coingecko: 'key-of-coingecko-5678' };

let loggerInstalled = false;

export function temporalAddress(): string {
  const address = process.env.TEST_TEMPORAL_ADDRESS;
  if (!address) throw new Error('No Temporal to test on: run the tests through `npm test -- <pattern>`.');
  return address;
}

/** A new namespace with our search attributes. */
export async function freshNamespace(connection: Connection): Promise<string> {
  const namespace = `test-${randomBytes(4).toString('hex')}`;
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('3 days') });
  await prepareNamespace(connection, namespace);
  return namespace;
}

export async function startProduct(options: ProductOptions): Promise<Product> {
  const database = await freshDatabase(options.server);
  await migrateToLatest(database.db);
  const connection = await Connection.connect({ address: temporalAddress() });
  const namespace = await freshNamespace(connection);
  const simulator = await startSimulator({
    limits: 'none',
    transactionsPerDay: 300,
    keys: { blockchair: [keys.blockchair], coingeckoDemo: [keys.coingecko] },
    ...options.simulator,
  });
  const environment = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress(),
    TEMPORAL_NAMESPACE: namespace,
    ...simulatedEnvironment(simulator, { perMinute: 60_000 }),
    BLOCKCHAIR_API_KEY: keys.blockchair,
    COINGECKO_API_KEY: keys.coingecko,
    ...(options.dumps
      ? { BLOCKCHAIR_MODE: options.dumps, BLOCKCHAIR_DUMPS_URL: simulator.baseUrls.blockchairDumps }
      : {}),
    ...options.environment,
  };
  const read = readConfig(environment);
  const config: Config = { ...read, settings: { ...read.settings, ...options.settings } };
  if (!loggerInstalled) installLogger(config.secrets, 'ERROR');
  loggerInstalled = true;
  const workers = await startWorkers(config, { bundle });
  const client = new Client({ connection, namespace });
  return {
    db: database.db,
    databaseUrl: database.url,
    namespace,
    client,
    connection,
    simulator,
    config,
    environment,
    workers,
    async run<T>(workflow: string, input?: unknown, id = `${workflow}-${randomBytes(4).toString('hex')}`) {
      const args = input === undefined ? [] : [input];
      return (await client.workflow.execute(workflow, { taskQueue: 'cryptoflow', workflowId: id, args })) as T;
    },
    async stop() {
      await workers.stop();
      await simulator.close();
      await connection.close();
    },
  };
}

/** The message at the bottom of a failed workflow, and its type. */
export async function failureOf(work: Promise<unknown>): Promise<{ type?: string; message: string }> {
  try {
    await work;
  } catch (error) {
    let root = error as Error & { type?: string };
    while (root.cause instanceof Error) root = root.cause as typeof root;
    return { type: root.type, message: root.message };
  }
  throw new Error('it did not fail');
}

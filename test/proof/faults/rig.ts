import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowFailedError,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import type { Kysely } from 'kysely';
import { openDatabase } from '../../../db/connect';
import { migrateToLatest } from '../../../db/migrate';
import type { Schema } from '../../../db/schema';
import { createCleanup, type Cleanup } from '../../../workers/stack/cleanup';
import { prepareNamespace } from '../../../workers/stack/namespace';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator';
import { simulatedEnvironment } from '../../simulator/environment';
import { startWorkerProcess, type WorkerProcess } from './worker-process';

type Environment = Readonly<Record<string, string | undefined>>;

/** The product in processes that can be killed: a database and a namespace of its own, a simulator, workers. */
export interface Rig {
  db: Kysely<Schema>;
  databaseUrl: string;
  client: Client;
  namespace: string;
  simulator: Simulator;
  /** what workers are told */
  environment: Readonly<Record<string, string>>;
  workers: readonly WorkerProcess[];
  /** undefined takes a variable away */
  startWorker(environment?: Environment): WorkerProcess;
  start(workflow: string, input: unknown, workflowId?: string): Promise<WorkflowHandleWithFirstExecutionRunId>;
  cleanup: Cleanup;
}

export interface RigOptions {
  /** a user who may create databases */
  databaseServer: string;
  temporalAddress: string;
  /** one that is ready; a new one when left out */
  namespace?: string;
  simulator?: SimulatorOptions;
  environment?: Readonly<Record<string, string>>;
  cleanup: Cleanup;
}

export const keys = {
  blockchair: 'key-of-blockchair-1234',
  coingecko: 'key-of-coingecko-5678',
  gateway: 'token-of-gateway-90',
};

export async function startRig({ databaseServer, temporalAddress, cleanup, ...options }: RigOptions): Promise<Rig> {
  const name = `faults_${randomBytes(4).toString('hex')}`;
  const url = new URL(databaseServer);
  url.pathname = `/${name}`;
  await administer(databaseServer, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  cleanup.add(() => administer(databaseServer, `DROP DATABASE ${name}`));
  const database = openDatabase(url.href);
  cleanup.add(() => database.close());
  await migrateToLatest(database.db);

  const connection = await Connection.connect({ address: temporalAddress });
  cleanup.add(() => connection.close());
  const namespace = options.namespace ?? (await freshNamespace(connection, name.replace('_', '-')));
  const client = new Client({ connection, namespace });

  const simulator = await startSimulator({
    limits: 'none',
    pathToken: keys.gateway,
    keys: { blockchair: [keys.blockchair], coingeckoDemo: [keys.coingecko] },
    ...options.simulator,
  });
  cleanup.add(() => simulator.close());
  const environment = {
    DATABASE_URL: url.href,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: namespace,
    ...simulatedEnvironment(simulator, { perMinute: 60_000 }),
    BLOCKCHAIR_API_KEY: keys.blockchair,
    BLOCKCHAIR_PAGES_PER_RUN: '100000',
    COINGECKO_API_KEY: keys.coingecko,
    ...options.environment,
  };
  const workers: WorkerProcess[] = [];
  return {
    db: database.db,
    databaseUrl: url.href,
    client,
    namespace,
    simulator,
    environment,
    workers,
    startWorker(more) {
      const worker = startWorkerProcess({ ...environment, ...more }, cleanup);
      workers.push(worker);
      return worker;
    },
    start: (workflow, input, workflowId = `${workflow}-${randomBytes(4).toString('hex')}`) =>
      client.workflow.start(workflow, { taskQueue: 'cryptoflow', workflowId, args: [input] }),
    cleanup,
  };
}

async function freshNamespace(connection: Connection, namespace: string): Promise<string> {
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('3 days') });
  await prepareNamespace(connection, namespace);
  return namespace;
}

/** A rig for `work`, gone afterwards. */
export async function withRig(options: Omit<RigOptions, 'cleanup'>, work: (rig: Rig) => Promise<void>): Promise<void> {
  const cleanup = createCleanup({ say: () => undefined, handleSignals: false });
  try {
    await work(await startRig({ ...options, cleanup }));
  } finally {
    await cleanup.run();
  }
}

/** The result of a workflow, also when the server stays away for so long that a client's call ends with an error. */
export async function patientResult(handle: WorkflowHandle): Promise<unknown> {
  for (;;) {
    try {
      return await handle.result();
    } catch (error) {
      if (error instanceof WorkflowFailedError) throw error;
      await sleep(200);
    }
  }
}

export async function administer(serverUrl: string, ...statements: string[]): Promise<void> {
  const { pool, close } = openDatabase(serverUrl, { poolSize: 1 });
  try {
    for (const statement of statements) await pool.query(statement);
  } finally {
    await close();
  }
}

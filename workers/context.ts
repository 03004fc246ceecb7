import { Client, Connection } from '@temporalio/client';
import type { ActivityDeps } from '../activities/deps';
import { createRedact } from '../activities/failures';
import { createAgent } from '../activities/http';
import { openDatabase, redactDatabaseUrl } from '../db/connect';
import { describeDatabaseError } from '../db/failures';
import { sql } from 'kysely';
import type { Config } from './config';

/** A process's connections, and what activities are given of them. */
export interface ProcessContext {
  deps: ActivityDeps;
  connection: Connection;
  close(): Promise<void>;
}

/** Connects to the database and to Temporal. Throws a clear error for either; both are closed by `close`. */
export async function openContext(config: Config): Promise<ProcessContext> {
  const database = await connectDatabase(config);
  try {
    const connection = await connectTemporal(config);
    const agent = createAgent();
    return {
      connection,
      deps: {
        db: database.db,
        openDatabase: databaseOpener(config),
        client: new Client({ connection, namespace: config.temporal.namespace }),
        agent,
        sources: config.sources,
        settings: config.settings,
        redact: createRedact(config.secrets),
      },
      async close() {
        await Promise.all([agent.close(), connection.close(), database.close()]);
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Opens the configured database, or another one of its server, with a few connections of its own. */
export function databaseOpener({ databaseUrl }: Pick<Config, 'databaseUrl'>): ActivityDeps['openDatabase'] {
  return (name) => {
    const url = new URL(databaseUrl);
    if (name !== undefined) url.pathname = `/${encodeURIComponent(name)}`;
    return openDatabase(url.href, { poolSize: 3 });
  };
}

/** The database of the configuration, reached and open. Throws what failed, why, and what to do. */
export async function connectDatabase({
  databaseUrl,
  databasePoolSize,
}: Pick<Config, 'databaseUrl' | 'databasePoolSize'>) {
  const database = openDatabase(databaseUrl, { poolSize: databasePoolSize });
  try {
    await sql`SELECT 1`.execute(database.db);
    return database;
  } catch (error) {
    await database.close();
    throw new Error(describeDatabaseError(error, databaseUrl).message, { cause: redactDatabaseUrl(databaseUrl) });
  }
}

/** Temporal, reached, with a namespace that exists. Throws what failed, why, and what to do. */
export async function connectTemporal({ temporal }: Config): Promise<Connection> {
  const { address } = temporal.connectionOptions;
  try {
    const connection = await Connection.connect({ ...temporal.connectionOptions, connectTimeout: '5s' });
    await connection.workflowService
      .describeNamespace({ namespace: temporal.namespace })
      .catch(async (error: unknown) => {
        await connection.close();
        throw error;
      });
    return connection;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (/not found/i.test(why)) {
      throw new Error(
        `The namespace "${temporal.namespace}" does not exist on Temporal at ${address} - ${why} - Create it (temporal operator namespace create --namespace ${temporal.namespace}) or correct TEMPORAL_NAMESPACE.`,
        { cause: error },
      );
    }
    throw new Error(`Temporal cannot be reached at ${address} - ${why} - Start it, or correct TEMPORAL_ADDRESS.`, {
      cause: error,
    });
  }
}

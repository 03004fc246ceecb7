import { hostname, userInfo } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import type { Kysely } from 'kysely';
import type { ActivityDeps } from '../../activities/deps';
import { createRedact } from '../../activities/failures';
import { createAgent } from '../../activities/http';
import type { Database } from '../../db/connect';
import type { Schema } from '../../db/schema';
import { readConfig, type Config } from '../config';
import { connectDatabase, connectTemporal, databaseOpener } from '../context';

/** What a command may reach. Nothing is opened before it is asked for: `logs` works without a Temporal. */
export interface Connections {
  /** throws ConfigError */
  config(): Config;
  db(): Promise<Kysely<Schema>>;
  temporal(): Promise<{ connection: Connection; client: Client; namespace: string }>;
  /** what a call of a source needs; its Temporal client connects only if it is used */
  deps(): Promise<ActivityDeps>;
  /** someone sits at a terminal */
  isWatched: boolean;
  /** one line on stderr for people who watch, nothing for machines */
  progress(line: string): void;
  /** the configuration, where it was asked for and is right */
  known(): Config | undefined;
  close(): Promise<void>;
}

export function openConnections(options: {
  isJson: boolean;
  environment?: Readonly<Record<string, string | undefined>>;
}): Connections {
  const closers: (() => Promise<void>)[] = [];
  const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
    let opened: Promise<T> | undefined;
    return () => (opened ??= open());
  };
  const isWatched = !options.isJson && process.stderr.isTTY === true;
  let config: Config | undefined;
  const configOf = (): Config => (config ??= readConfig(options.environment));
  const database = once<Database>(async () => {
    const opened = await connectDatabase(configOf());
    closers.push(() => opened.close());
    return opened;
  });
  return {
    config: configOf,
    db: async () => (await database()).db,
    temporal: once(async () => {
      const { namespace } = configOf().temporal;
      const connection = await connectTemporal(configOf());
      closers.push(() => connection.close());
      return { connection, namespace, client: new Client({ connection, namespace, identity: `cli ${operator()}` }) };
    }),
    deps: once(async () => {
      const { temporal, sources, settings, secrets } = configOf();
      const { db } = await database();
      const connection = Connection.lazy(temporal.connectionOptions);
      const agent = createAgent();
      closers.push(
        () => agent.close(),
        () => connection.close(),
      );
      return {
        db,
        openDatabase: databaseOpener(configOf()),
        client: new Client({ connection, namespace: temporal.namespace }),
        agent,
        sources,
        settings,
        redact: createRedact(secrets),
      };
    }),
    isWatched,
    progress(line) {
      if (isWatched) process.stderr.write(`${line}\n`);
    },
    known: () => config,
    async close() {
      await Promise.allSettled(closers.map((close) => close()));
    },
  };
}

/** Who is at the keyboard: `anna@host`. */
export function operator(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // a container's user often has a number and no name
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

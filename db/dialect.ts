import type { Readable } from 'node:stream';
import type { Connection as CallbackConnection } from 'mysql2';
import type { Pool, PoolConnection, ResultSetHeader } from 'mysql2/promise';
import {
  CompiledQuery,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';

/**
 * What a write answers: Kysely's result plus the server's own sentence, `Records: 3  Duplicates: 1  Warnings: 0` for an
 * INSERT of several rows. Exact counts of inserted, updated and unchanged rows cannot be had without it.
 */
export interface WriteResult extends QueryResult<unknown> {
  info?: string;
}

/**
 * LOAD DATA LOCAL INFILE whose file is a stream, of Buffers only: mysql2 ends the process with any other chunk. A stream
 * that fails looks to the server like a normal end; here the query fails, so that its transaction is rolled back.
 */
export interface InfileQuery extends CompiledQuery {
  infile: () => Readable;
}

export function infileQuery(statement: string, infile: () => Readable): InfileQuery {
  return { ...CompiledQuery.raw(statement), infile };
}

interface Connection extends DatabaseConnection {
  raw: PoolConnection;
}

/**
 * Kysely's own MySQL driver drops `info`, and lets a ROLLBACK that fails on a dead connection hide the error that killed
 * it. This one keeps both, and never hands a connection in an unknown state back to the pool.
 */
export function mysqlDialect(pool: Pool): Dialect {
  return {
    createAdapter: () => new MysqlAdapter(),
    createQueryCompiler: () => new MysqlQueryCompiler(),
    createIntrospector: (db) => new MysqlIntrospector(db),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connectionOf(await pool.getConnection()),
      beginTransaction: async (connection, settings) => {
        const modes = transactionModes(settings);
        if (modes) await run(connection, `set transaction ${modes}`);
        await run(connection, 'begin');
      },
      commitTransaction: (connection) => run(connection, 'commit'),
      rollbackTransaction: async (connection) => {
        try {
          await run(connection, 'rollback');
        } catch {
          // The server rolls back by itself when the session ends; the error that led here is the one worth reporting.
          (connection as Connection).raw.destroy();
        }
      },
      releaseConnection: async (connection) => (connection as Connection).raw.release(),
      destroy: () => pool.end(),
    }),
  };
}

function connectionOf(raw: PoolConnection): Connection {
  return {
    raw,
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R> & { info?: string }> {
      const infileStreamFactory = 'infile' in query ? (query as InfileQuery).infile : undefined;
      const [result] = await raw.query({ sql: query.sql, values: [...query.parameters], infileStreamFactory });
      if (Array.isArray(result)) return { rows: result as R[] };
      const { affectedRows, insertId, info } = result as ResultSetHeader;
      return {
        rows: [],
        numAffectedRows: BigInt(affectedRows),
        insertId: insertId ? BigInt(insertId) : undefined,
        info,
      };
    },
    async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      // Typed as the promise interface, but it is the one with callbacks, which alone can stream.
      const plain = raw.connection as unknown as CallbackConnection;
      const rows = plain.query(query.sql, [...query.parameters]).stream();
      for await (const row of rows) yield { rows: [row as R] };
    },
  };
}

async function run(connection: DatabaseConnection, statement: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(statement));
}

function transactionModes({ isolationLevel, accessMode }: TransactionSettings): string {
  return [isolationLevel && `isolation level ${isolationLevel}`, accessMode].filter(Boolean).join(', ');
}

import { Migrator, sql, type Kysely, type Migration } from 'kysely';
import * as coins from './migrations/0001_coins';
import * as rawTables from './migrations/0002_raw_tables';
import * as runs from './migrations/0003_runs';
import * as collectedTables from './migrations/0004_collected_tables';
import * as views from './migrations/0005_views';
import * as assets from './migrations/0006_assets';
import * as ingestionFiles from './migrations/0007_ingestion_files';
import * as changedUnits from './migrations/0009_changed_units';
import type { Schema } from './schema';

const FILES = [coins, rawTables, runs, collectedTables, views, assets, ingestionFiles, changedUnits];
const RECORD = 'schema_migrations';
const LOCK = `${RECORD}_lock`;

/** One statement each, as DDL is not transactional; each can run again, as a crash may hit between it and its record. */
const STATEMENTS: readonly { name: string; statement: string }[] = FILES.flatMap(({ id, statements }) =>
  statements.map(([name, statement], index) => ({
    name: `${id}_${String(index + 1).padStart(2, '0')}_${name}`,
    statement,
  })),
);

export interface SchemaState {
  /** empty: nothing of ours · behind: some migrations are missing · ahead: made by a newer version · foreign: not made by us */
  state: 'empty' | 'current' | 'behind' | 'ahead' | 'foreign';
  /** One sentence for people. */
  detail: string;
}

/**
 * Brings the schema to this version. Several processes may call it at the same time: one works, the others wait.
 * @returns the names of the migrations that this call applied, none if the schema was current
 * @throws Error if the schema is foreign or ahead, or a statement fails; what was applied before stays and is recorded
 */
export async function migrateToLatest(db: Kysely<Schema>): Promise<{ applied: string[] }> {
  const { state, detail } = await schemaState(db);
  if (state === 'foreign' || state === 'ahead') throw new Error(`Cannot migrate: ${detail}`);
  const { error, results = [] } = await migrator(db).migrateToLatest();
  const failed = results.find(({ status }) => status === 'Error');
  if (error) {
    const at = failed ? ` at ${failed.migrationName}` : '';
    throw new Error(`Migration stopped${at} - ${messageOf(error)} - Mend the cause and run it again.`, {
      cause: error,
    });
  }
  return { applied: results.map(({ migrationName }) => migrationName) };
}

/** The newest migration that a database has recorded; undefined: none. */
export async function newestMigration(db: Kysely<Schema>): Promise<string | undefined> {
  return (await recordedMigrations(db))?.at(-1);
}

/** Tables that migrations up to this version make, records of migrations included; no views. */
export function tablesUpTo(version: string): string[] {
  const made = statementsUpTo(version).map((statement) => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1]);
  return [RECORD, LOCK, ...new Set(made.filter((table) => table !== undefined))];
}

/** The migrations up to and with this version, in their order. Throws for one that this code does not know. */
export function statementsUpTo(version: string): string[] {
  const last = STATEMENTS.findIndex(({ name }) => name === version);
  if (last === -1)
    throw new Error(`the migration ${version} is unknown here; this version ends with ${STATEMENTS.at(-1)!.name}`);
  return STATEMENTS.slice(0, last + 1).map(({ statement }) => statement);
}

/** Brings an empty database to exactly this version. Throws for one that this code does not know. */
export async function migrateTo(db: Kysely<Schema>, version: string): Promise<void> {
  statementsUpTo(version);
  const { error } = await migrator(db).migrateTo(version);
  if (error) throw new Error(`Migration to ${version} stopped - ${messageOf(error)}`, { cause: error });
}

/** Compares the database's tables and recorded migrations with those of this version. */
export async function schemaState(db: Kysely<Schema>): Promise<SchemaState> {
  // Tables first, records second: a migration that runs meanwhile then never looks like a table without a record.
  const tables = await tablesOf(db);
  const recorded = tables.has(RECORD) ? await recordedMigrations(db) : [];
  if (!recorded) {
    return foreign(`its table ${RECORD} belongs to another program`);
  }
  const known = new Set(STATEMENTS.map(({ name }) => name));
  const unknown = recorded.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const newest = unknown.toSorted().at(-1)!;
    if (!unknown.every((name) => /^\d{4}_\d{2}_/.test(name))) {
      return foreign(`its ${RECORD} names ${newest}, which is none of ours`);
    }
    return {
      state: 'ahead',
      detail: `the schema was made by a newer version (it has ${newest}, this version ends with ${STATEMENTS.at(-1)!.name}): deploy the newer worker.`,
    };
  }
  const pending = STATEMENTS.filter(({ name }) => !recorded.includes(name));
  // The first pending statement may have run without being recorded, but only if the record exists at all.
  const unexplained = (tables.has(RECORD) ? pending.slice(1) : pending)
    .map(({ statement }) => createdBy(statement))
    .find((table) => table && tables.has(table));
  if (unexplained) return foreign(`it has a table ${unexplained} that our migrations did not make`);
  if (pending.length === 0) {
    return { state: 'current', detail: `the schema is current (${STATEMENTS.at(-1)!.name}).` };
  }
  if (recorded.length === 0)
    return { state: 'empty', detail: 'the database has no schema yet: run npm run cli -- migrate.' };
  return {
    state: 'behind',
    detail: `the schema lacks ${pending.length} migrations, ${pending[0]!.name} first: run npm run cli -- migrate.`,
  };
}

/** @throws Error that says what to do unless the schema is exactly the one of this version */
export async function assertSchemaCurrent(db: Kysely<Schema>): Promise<void> {
  const { state, detail } = await schemaState(db);
  if (state !== 'current') throw new Error(`Cannot work with this database: ${detail}`);
}

function migrator(db: Kysely<Schema>): Migrator {
  return new Migrator({
    db,
    migrationTableName: RECORD,
    migrationLockTableName: LOCK,
    provider: { getMigrations: async () => Object.fromEntries(STATEMENTS.map(toMigration)) },
  });
}

function foreign(why: string): SchemaState {
  return {
    state: 'foreign',
    detail: `the database is not ours: ${why}. Use an empty database, or move those tables away.`,
  };
}

function toMigration({ name, statement }: { name: string; statement: string }): [string, Migration] {
  return [name, { up: async (db: Kysely<unknown>) => void (await sql.raw(statement).execute(db)) }];
}

async function tablesOf(db: Kysely<Schema>): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`.execute(db);
  return new Set(rows.map(({ name }) => name));
}

/** undefined: the table has not the columns of our record. */
async function recordedMigrations(db: Kysely<Schema>): Promise<string[] | undefined> {
  const columns = await sql<{ name: string }>`
    SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${RECORD} ORDER BY COLUMN_NAME`.execute(db);
  if (columns.rows.map(({ name }) => name).join() !== 'name,timestamp') return undefined;
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(RECORD)} ORDER BY name`.execute(db);
  return rows.map(({ name }) => name);
}

function createdBy(statement: string): string | undefined {
  return /^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE .*?VIEW) (\w+)/.exec(statement)?.[1];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

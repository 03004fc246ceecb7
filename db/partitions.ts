import { sql, type Kysely } from 'kysely';
import { describeDatabaseError } from './failures';
import type { Schema } from './schema';

/**
 * Monthly RANGE COLUMNS partitions: p_before, p202601 …, p_future, and between far months p_gap_202401 (from that month
 * to the next partition). A month's partition is made while its place is empty, as splitting one that holds rows copies
 * them under a lock. Call this before the transaction that writes: splitting waits for open transactions of the table.
 */

interface Partition {
  name: string;
  /** First month (YYYY-MM) that it takes; undefined: everything before. */
  from: string | undefined;
  /** First month that it does not take; undefined: everything after. */
  to: string | undefined;
}

// How long a process believes in a partition it has seen: retention may drop it meanwhile, which only costs pruning.
const TRUST_MS = 60_000;
// A split waits for transactions on the table, and everybody else behind it: rather fail and try again.
const LOCK_WAIT_SECONDS = 10;
// Nobody needs an empty month to go: who writes waits no longer than this for it.
const MERGE_WAIT_SECONDS = 1;

const seen = new WeakMap<Kysely<Schema>, Map<string, number>>();

/**
 * Makes sure that `table` has a partition of its own for the month.
 * @returns whether it had to be made; false for a table without partitions
 * @throws Error if the partition that takes the month so far holds rows, or there is no such table
 */
export async function ensureMonthPartition(db: Kysely<Schema>, table: string, month: string): Promise<boolean> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Error(`Not a month: ${month}. Give it as YYYY-MM.`);
  const known = seen.get(db) ?? new Map<string, number>();
  seen.set(db, known);
  const now = Date.now();
  if ((known.get(`${table}/${month}`) ?? 0) > now - TRUST_MS) return false;
  const partitions = await partitionsOf(db, table);
  if (partitions.length === 0) {
    known.set(`${table}/${month}`, now);
    return false;
  }
  const made = !isThere(partitions, month) && (await splitLocked(db, table, month));
  for (const { name, to } of await (made ? partitionsOf(db, table) : partitions)) {
    if (to && isMonth(name)) known.set(`${table}/${monthBefore(to)}`, now);
  }
  return made;
}

/**
 * Makes the partitions of the month of `from` and of the `months` after it, in all partitioned tables.
 * @returns what it made, as `table.p202801`
 */
export async function ensurePartitionsAhead(db: Kysely<Schema>, from: Date, months: number): Promise<string[]> {
  const made: string[] = [];
  for (const table of await partitionedTables(db)) {
    for (let ahead = 0; ahead <= months; ahead += 1) {
      const month = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + ahead)).toISOString().slice(0, 7);
      if (await ensureMonthPartition(db, table, month)) made.push(`${table}.${monthName(month)}`);
    }
  }
  return made;
}

/** Partitions that hold rows although they are not of one month: queries by time cannot leave these rows out. */
export async function catchAllRows(db: Kysely<Schema>): Promise<{ table: string; partition: string }[]> {
  const found: { table: string; partition: string }[] = [];
  for (const table of await partitionedTables(db)) {
    for (const { name } of await partitionsOf(db, table)) {
      if (!isMonth(name) && (await hasRows(db, table, name))) found.push({ table, partition: name });
    }
  }
  return found;
}

/**
 * Merges months before `before` (YYYY-MM) into p_before: those that directly follow it, as long as they and it are empty.
 * Not DROP PARTITION: a row that arrives meanwhile would go with it, and one that comes later would land in the next
 * month, which could then not be split without copying all of it. REORGANIZE keeps whatever row it finds.
 * @returns the partitions that are no more; none also where the table is in use just now: there is a next time
 */
export async function mergeEmptyMonths(db: Kysely<Schema>, table: string, before: string): Promise<string[]> {
  const [first, ...following] = await partitionsOf(db, table);
  if (first?.name !== 'p_before') return [];
  const months: Partition[] = [];
  for (const partition of following) {
    if (!partition.to || partition.to > before) break;
    if (await hasRows(db, table, partition.name)) break;
    months.push(partition);
  }
  const end = months.at(-1)?.to;
  if (end === undefined || (await hasRows(db, table, first.name))) return [];
  const names = [first, ...months].map(({ name }) => name);
  return underLock(db, table, async (connection) => {
    const now = await partitionsOf(connection, table);
    if (names.some((name, index) => now[index]?.name !== name)) return [];
    const merged = `PARTITION p_before VALUES LESS THAN (${boundOf(end)})`;
    try {
      await withLockWait(connection, MERGE_WAIT_SECONDS, () =>
        sql.raw(`ALTER TABLE ${table} REORGANIZE PARTITION ${names.join(', ')} INTO (${merged})`).execute(connection),
      );
    } catch (error) {
      if (describeDatabaseError(error).kind === 'lock-timeout') return [];
      throw error;
    }
    for (const { to } of months) seen.get(db)?.delete(`${table}/${monthBefore(to!)}`);
    return months.map(({ name }) => name);
  });
}

async function partitionedTables(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT TABLE_NAME AS name FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND PARTITION_NAME = 'p_future' ORDER BY TABLE_NAME`.execute(db);
  return rows.map(({ name }) => name);
}

async function partitionsOf(db: Kysely<Schema>, table: string): Promise<Partition[]> {
  const { rows } = await sql<{ name: string | null; bound: string | null }>`
    SELECT PARTITION_NAME AS name, PARTITION_DESCRIPTION AS bound FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ${table}
    ORDER BY PARTITION_ORDINAL_POSITION`.execute(db);
  if (rows.length === 0) throw new Error(`There is no table ${table} - Run: npm run cli -- migrate`);
  // The bound is SQL text: MAXVALUE, or '2026-02-01 00:00:00' in quotes.
  const ends = rows.map(({ bound }) => /\d{4}-\d{2}/.exec(bound ?? '')?.[0]);
  // A table without partitions is one row without a name.
  return rows.flatMap(({ name }, index) => (name === null ? [] : [{ name, from: ends[index - 1], to: ends[index] }]));
}

/** A partition that was dropped leaves its months to the next one, which stays the place of its own month. */
function isThere(partitions: readonly Partition[], month: string): boolean {
  return partitions.some(({ name, to }) => name === monthName(month) && to === monthAfter(month));
}

async function splitLocked(db: Kysely<Schema>, table: string, month: string): Promise<boolean> {
  return underLock(db, table, async (connection) => {
    const partitions = await partitionsOf(connection, table);
    if (isThere(partitions, month)) return false;
    await split(connection, table, partitions, month);
    return true;
  });
}

/** One process at a time; what it finds under the lock decides. */
async function underLock<T>(
  db: Kysely<Schema>,
  table: string,
  work: (connection: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  return db.connection().execute(async (connection) => {
    const lock = sql`CONCAT('cryptoflow.', LEFT(SHA2(CONCAT(DATABASE(), '.', ${table}), 256), 48))`;
    const { rows } = await sql<{ locked: number }>`SELECT GET_LOCK(${lock}, 60) AS locked`.execute(connection);
    if (rows[0]?.locked !== 1) {
      throw new Error(
        `Cannot change the partitions of ${table} - another process has been at it for a minute - Try again.`,
      );
    }
    try {
      return await work(connection);
    } finally {
      await sql`DO RELEASE_LOCK(${lock})`.execute(connection);
    }
  });
}

async function split(
  db: Kysely<Schema>,
  table: string,
  partitions: readonly Partition[],
  month: string,
): Promise<void> {
  const home = partitions.find(({ to }) => !to || month < to);
  if (!home)
    throw new Error(`The table ${table} has no partition for ${month} - Add p_future: VALUES LESS THAN (MAXVALUE).`);
  if (await hasRows(db, table, home.name)) {
    throw new Error(
      `Cannot make the partition ${month} of ${table} - ${home.name} takes that month and holds rows, which would all be copied under a lock - ` +
        `Split it by hand when nothing runs: ALTER TABLE ${table} REORGANIZE PARTITION ${home.name} INTO (…).`,
    );
  }
  const parts = partsAround(home, month).map(({ name, to }) => `PARTITION ${name} VALUES LESS THAN (${boundOf(to)})`);
  await withLockWait(db, LOCK_WAIT_SECONDS, () =>
    tryThrice(() =>
      sql.raw(`ALTER TABLE ${table} REORGANIZE PARTITION ${home.name} INTO (${parts.join(', ')})`).execute(db),
    ),
  );
}

/** What an empty partition becomes: before, the month, after. */
function partsAround(home: Partition, month: string): Partition[] {
  const next = monthAfter(month);
  const parts: Partition[] = [{ name: monthName(month), from: month, to: next }];
  if (home.from !== month) parts.unshift(partOf(home.from, month));
  if (home.to !== next) parts.push(partOf(next, home.to));
  return parts;
}

function partOf(from: string | undefined, to: string | undefined): Partition {
  if (!from) return { name: 'p_before', from, to };
  if (!to) return { name: 'p_future', from, to };
  return { name: monthAfter(from) === to ? monthName(from) : `p_gap_${from.replace('-', '')}`, from, to };
}

async function withLockWait(db: Kysely<Schema>, seconds: number, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await sql<{ seconds: number }>`SELECT @@SESSION.lock_wait_timeout AS seconds`.execute(db);
  await sql`SET SESSION lock_wait_timeout = ${seconds}`.execute(db);
  try {
    await work();
  } finally {
    await sql`SET SESSION lock_wait_timeout = ${rows[0]!.seconds}`.execute(db);
  }
}

async function tryThrice(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === 3 || describeDatabaseError(error).kind !== 'lock-timeout') throw error;
    }
  }
}

async function hasRows(db: Kysely<Schema>, table: string, partition: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM ${sql.table(table)} PARTITION (${sql.ref(partition)}) LIMIT 1`.execute(db);
  return rows.length > 0;
}

function boundOf(month: string | undefined): string {
  return month ? `'${month}-01 00:00:00'` : 'MAXVALUE';
}

function isMonth(partition: string): boolean {
  return /^p\d{6}$/.test(partition);
}

function monthName(month: string): string {
  return `p${month.replace('-', '')}`;
}

function monthAfter(month: string): string {
  return shift(month, 1);
}

function monthBefore(month: string): string {
  return shift(month, -1);
}

function shift(month: string, by: number): string {
  const [year, index] = month.split('-').map(Number);
  return new Date(Date.UTC(year!, index! - 1 + by)).toISOString().slice(0, 7);
}

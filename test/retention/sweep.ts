import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import type { Cutoffs } from '../../activities/retention/policies';
import { openDatabase } from '../../db/connect';
import { retrying } from '../../db/failures';
import { familyOf } from '../../db/families';
import { ensureMonthPartition } from '../../db/partitions';
import { isCounted } from '../../db/queries/retention-ledger';
import type { Schema } from '../../db/schema';
import { contentOf } from './content';
import { crashPoints, lastPoint, latePoints } from './crash-points';
import type { CrashTask } from './crashing';
import { daysFrom, fillDetail } from './detail-rows';

// Retention is killed at every crash point, again and again, while others write: what is there afterwards has to be what
// an undisturbed run leaves, and at no moment is a row lost or counted twice.

const family = familyOf('onchain_data');
const cutoffs: Cutoffs = { detail: '2026-02-05', aggregated: '2026-02-01', summary: '2000-01-01' };
/** Slots that come late: after retention may have counted the rest of their day. */
const lateSlots = ['09:15:00', '15:15:00'];
const liveDay = '2026-03-01';

export interface SweepOptions {
  db: Kysely<Schema>;
  url: string;
  coins: number;
  /** over the end of January 2026: eleven are from the 25th to 4 February */
  days: number;
  /** kills at each point */
  rounds: number;
  /** the built child */
  child: string;
  say: (line: string) => void;
}

export interface SweepFigures {
  rows: number;
  points: number;
  kills: number;
  lost: number;
  countedTwice: number;
  roundsThatDiffer: number;
  writes: number;
}

export const builtChild = (root: string): string => path.join(root, '.build', 'test', 'retention', 'crashing.js');

export async function sweep(options: SweepOptions): Promise<{ figures: SweepFigures; problems: string[] }> {
  const { db, rounds, say } = options;
  const problems: string[] = [];
  const rows = await makeTemplate(options);
  const figures = {
    rows,
    points: crashPoints.length,
    kills: 0,
    lost: 0,
    countedTwice: 0,
    roundsThatDiffer: 0,
    writes: 0,
  };
  // undisturbed: all rows there from the beginning, one run, nobody else
  await reset(options, { withLate: true });
  await runChild(options, { logId: 1, occurrence: 1 });
  const expected = await stateOf(db);

  for (let round = 1; round <= rounds; round += 1) {
    await reset(options, { withLate: false });
    const writer = startWriter(db);
    const early = shuffled(crashPoints.filter(({ name }) => !latePoints.has(name)));
    const late = crashPoints.filter(({ name }) => latePoints.has(name));
    for (const { name } of [...early, ...late]) {
      // a month is given back by the run behind the one that emptied it, when nobody writes into it any more
      if (name === lastPoint) {
        figures.writes += await writer.stop();
        await runChild(options, { logId: round + 1, occurrence: 1 });
        await makeEmptyMonth(options.url);
      }
      const occurrence = latePoints.has(name) ? 1 : 1 + Math.floor(Math.random() * 2);
      const isKilled = await runChild(options, { logId: round + 1, point: name, occurrence });
      if (isKilled) figures.kills += 1;
      else problems.push(`round ${round}: it ended without being killed at "${name}"`);
      const { lost, countedTwice } = await lookAround(db, writer.written());
      figures.lost += lost;
      figures.countedTwice += countedTwice;
      if (lost + countedTwice > 0)
        problems.push(`round ${round}, behind "${name}": ${lost} lost, ${countedTwice} too many or too few counted`);
    }
    await runChild(options, { logId: round + 1, occurrence: 1 });
    const isEqual = JSON.stringify(await stateOf(db)) === JSON.stringify(expected);
    if (!isEqual) {
      figures.roundsThatDiffer += 1;
      problems.push(`round ${round}: what is there differs from the undisturbed run`);
    }
    say(
      `round ${round} of ${rounds}: ${figures.kills} kills, lost ${figures.lost}, counted twice ${figures.countedTwice}, ${isEqual ? 'equal' : 'DIFFERENT'}`,
    );
  }
  return { figures, problems };
}

/** @returns whether it was killed, not ended by itself */
async function runChild({ url, child }: SweepOptions, task: Omit<CrashTask, 'url' | 'cutoffs'>): Promise<boolean> {
  const forked = fork(child, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
  forked.send({ ...task, url, cutoffs } satisfies CrashTask);
  const [code, signal] = (await once(forked, 'exit')) as [number | null, string | null];
  if (code === 1) throw new Error(`retention failed${task.point ? ` on its way to "${task.point}"` : ''}`);
  return signal === 'SIGKILL';
}

/** Where nothing came late any more, that run has given it back already. Of a database that remembers no partition. */
async function makeEmptyMonth(url: string): Promise<void> {
  const fresh = openDatabase(url);
  try {
    await ensureMonthPartition(fresh.db, 'onchain_data', '2026-01');
  } finally {
    await fresh.close();
  }
}

const columns = () =>
  ['symbol', 'coin_id', 'timestamp_iso', 'data_source', 'log_id', ...family.metrics].map((name) => sql.ref(name));
const isLate = sql<boolean>`TIME(timestamp_iso) IN (${sql.join(lateSlots)})`;

/** All rows that there will ever be, in a table of their own. Returns how many. */
async function makeTemplate({ db, coins, days }: SweepOptions): Promise<number> {
  await clear(db);
  const names = Array.from({ length: coins }, (_, index) => `coin-${index}`);
  await fillDetail(db, family, { coins: names, days: daysFrom('2026-01-25', days) });
  await sql`DROP TABLE IF EXISTS template`.execute(db);
  await sql`CREATE TABLE template AS SELECT ${sql.join(columns())} FROM onchain_data`.execute(db);
  await sql`ALTER TABLE template ADD PRIMARY KEY (coin_id, timestamp_iso)`.execute(db);
  return Number((await sql<{ n: number }>`SELECT COUNT(*) AS n FROM template`.execute(db)).rows[0]!.n);
}

async function clear(db: Kysely<Schema>): Promise<void> {
  for (const table of ['onchain_data', 'onchain_data_aggregated', 'onchain_data_summary', 'retention_ledger'])
    await sql`TRUNCATE TABLE ${sql.table(table)}`.execute(db);
  for (const table of ['source_observations', 'ingestion_pages', 'changed_units'])
    await sql`TRUNCATE TABLE ${sql.table(table)}`.execute(db);
}

/** An earlier round has merged it, in another process: this one would believe in it for a minute. */
async function makeMonth(url: string): Promise<void> {
  const { db, close } = openDatabase(url, { poolSize: 1 });
  await ensureMonthPartition(db, 'onchain_data', '2026-01');
  await close();
}

async function reset({ db, url }: SweepOptions, { withLate }: { withLate: boolean }): Promise<void> {
  await clear(db);
  await makeMonth(url);
  await sql`INSERT INTO onchain_data (${sql.join(columns())}) SELECT ${sql.join(columns())} FROM template
    WHERE ${sql.lit(withLate)} OR NOT ${isLate} ORDER BY timestamp_iso, coin_id`.execute(db);
  await sql`INSERT INTO source_observations (slot, coin_id, source, fields, log_id)
    SELECT timestamp_iso, coin_id, 'a', '{}', 1 FROM template WHERE ${sql.lit(withLate)} OR NOT ${isLate}`.execute(db);
}

interface Written {
  coin: string;
  slot: string;
}

/** Writes the newest slot, slots that come late, and past slots again, until it is stopped; then what is still to come. */
function startWriter(db: Kysely<Schema>) {
  const written: Written[] = [];
  let writes = 0;
  let isStopped = false;
  const again = (coin: string, slot: string) =>
    retrying(() =>
      db.transaction().execute(async (trx) => {
        await sql`INSERT INTO onchain_data (${sql.join(columns())})
          SELECT ${sql.join(columns())} FROM template WHERE coin_id = ${coin} AND timestamp_iso = ${slot}
          ON DUPLICATE KEY UPDATE block_height = VALUES(block_height)`.execute(trx);
        await sql`INSERT INTO source_observations (slot, coin_id, source, fields, log_id) VALUES (${slot}, ${coin}, 'a', '{}', 1)
          ON DUPLICATE KEY UPDATE log_id = VALUES(log_id)`.execute(trx);
      }),
    );
  const live = (number: number) =>
    retrying(() =>
      sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, log_id, block_height)
        VALUES ('X', 'coin-0', ${liveDay} + INTERVAL ${number % 96} * 15 MINUTE, 1, ${number})
        ON DUPLICATE KEY UPDATE block_height = VALUES(block_height)`.execute(db),
    );
  const ended = (async () => {
    const { rows } =
      await sql<Written>`SELECT coin_id AS coin, timestamp_iso AS slot FROM template WHERE ${isLate}`.execute(db);
    const late = shuffled(rows);
    const { rows: past } =
      await sql<Written>`SELECT coin_id AS coin, timestamp_iso AS slot FROM template WHERE NOT ${isLate} AND MINUTE(timestamp_iso) = 45`.execute(
        db,
      );
    while (!isStopped || late.length > 0) {
      const next = late.pop();
      if (next) {
        await again(next.coin, next.slot);
        written.push(next);
      }
      const old = past[Math.floor(Math.random() * past.length)]!;
      if (!isStopped) await again(old.coin, old.slot);
      await live(writes);
      writes += 3;
      if (!isStopped) await sleep(40);
    }
  })();
  return {
    written: () => [...written],
    async stop() {
      isStopped = true;
      await ended;
      return writes;
    },
  };
}

/** In one snapshot: written rows that are neither in the detail nor counted; values counted too often, or too seldom. */
async function lookAround(db: Kysely<Schema>, late: readonly Written[]) {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const slots = late.map(({ coin, slot }) => `${coin} ${slot}`);
      const isWritten =
        slots.length > 0
          ? sql`(NOT ${isLateOf('t')} OR CONCAT(t.coin_id, ' ', t.timestamp_iso) IN (${sql.join(slots)}))`
          : sql`NOT ${isLateOf('t')}`;
      const lost = await sql<{ n: number }>`
        SELECT COUNT(*) AS n FROM template t
        LEFT JOIN onchain_data d ON d.timestamp_iso = t.timestamp_iso AND d.coin_id = t.coin_id
        LEFT JOIN retention_ledger l ON l.table_name = 'onchain_data' AND l.coin_id = t.coin_id AND l.day = DATE(t.timestamp_iso)
        WHERE ${isWritten} AND d.id IS NULL AND (l.day IS NULL OR NOT ${isCounted('t', 'l')})`.execute(trx);
      const values = sql.join(
        family.metrics.map((metric) => sql`COUNT(${sql.ref(`t.${metric}`)})`),
        sql` + `,
      );
      const should = await sql<{ n: number }>`
        SELECT ${values} AS n FROM template t
        JOIN retention_ledger l ON l.table_name = 'onchain_data' AND l.coin_id = t.coin_id AND l.day = DATE(t.timestamp_iso)
        WHERE ${isCounted('t', 'l')}`.execute(trx);
      const is = await sql<{ n: number }>`
        SELECT (SELECT COALESCE(SUM(sample_count), 0) FROM onchain_data_aggregated) +
          (SELECT COALESCE(SUM(sample_count), 0) FROM onchain_data_summary) AS n`.execute(trx);
      return {
        lost: Number(lost.rows[0]!.n),
        countedTwice: Math.abs(Number(should.rows[0]!.n) - Number(is.rows[0]!.n)),
      };
    });
}

const isLateOf = (table: string) => sql`TIME(${sql.ref(`${table}.timestamp_iso`)}) IN (${sql.join(lateSlots)})`;

/** Everything that an undisturbed run decides. */
async function stateOf(db: Kysely<Schema>) {
  const ledger = await db
    .selectFrom('retention_ledger')
    .select(['coin_id', 'day', 'slots_low', 'slots_high'])
    .orderBy('coin_id')
    .orderBy('day')
    .execute();
  const { rows: detail } =
    await sql`SELECT coin_id, timestamp_iso FROM onchain_data WHERE timestamp_iso < ${liveDay}`.execute(db);
  const { rows: pages } =
    await sql`SELECT SUM(records_inserted) AS moved FROM ingestion_pages WHERE cursor_key LIKE 'aggregate/%'`.execute(
      db,
    );
  const { rows: observed } = await sql`SELECT COUNT(*) AS n FROM source_observations`.execute(db);
  return {
    ...{ daily: await contentOf(db, family.aggregated), monthly: await contentOf(db, family.summary) },
    ...{ ledger, detail, pages, observed },
  };
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((value) => ({ value, order: Math.random() }))
    .toSorted((one, other) => one.order - other.order)
    .map(({ value }) => value);
}

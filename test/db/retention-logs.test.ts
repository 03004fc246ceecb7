import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { deleteOldRows } from '../../activities/retention/old-rows';
import { migrateToLatest } from '../../db/migrate';
import { countOldRuns } from '../../db/queries/ingestion-logs';
import { oldRunsOf } from '../../activities/retention/policies';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { databases, freshDatabase } from '../databases';

/** the policies of the specification */
const { settings } = readConfig({ DATABASE_URL: 'mysql://user@127.0.0.1:3306/x' });
const date = '2026-11-21';

describe.each(databases())('retention of logs on $name', (server) => {
  let db: Kysely<Schema>;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
  });

  const log = async (
    name: string,
    startedAt: string,
    of: { date?: string; slot?: string; status?: 'running' | 'failed' },
  ) => {
    const runKey = `${name}/${of.date ?? of.slot}`;
    const { insertId } = await db
      .insertInto('data_ingestion_logs')
      .values({
        ...{ source: 'test', data_type: name, run_key: runKey, status: of.status ?? 'success', started_at: startedAt },
        ...{ target_date: of.date, slot: of.slot, triggered_by: 'test', workflow_id: randomUUID() },
        ...{ first_execution_run_id: randomUUID(), run_id: randomUUID() },
      })
      .executeTakeFirstOrThrow();
    await db
      .insertInto('ingestion_pages')
      .values({ log_id: Number(insertId), cursor_key: '' })
      .execute();
    return Number(insertId);
  };
  const ids = async (table: 'data_ingestion_logs' | 'ingestion_pages') =>
    table === 'data_ingestion_logs'
      ? (await db.selectFrom(table).select('id').orderBy('id').execute()).map((row) => row.id)
      : (await db.selectFrom(table).select('log_id').orderBy('log_id').execute()).map((row) => row.log_id);
  const retain = (table: Parameters<typeof deleteOldRows>[0], logId = 999_999) =>
    deleteOldRows(table, { db, settings, date, logId, isTimeUp: () => false });

  test('the state of a date stays for ever, that of a slot as long as its rows', async () => {
    const superseded = await log('day', '2026-01-01 02:00:00', { date: '2026-01-01' });
    const state = await log('day', '2026-01-02 02:00:00', { date: '2026-01-01' });
    await log('day', '2026-01-03 02:00:00', { date: '2026-01-01', status: 'failed' });
    // 2026-08-24 is the first day of which onchain_data still has the detail
    const lastGone = await log('slots', '2026-08-23 23:50:00', { slot: '2026-08-23 23:45:00' });
    const firstKept = await log('slots', '2026-08-24 00:05:00', { slot: '2026-08-24 00:00:00' });
    // an old slot that was collected just now: its run is no older than the log keeps rows
    const lately = await log('slots', '2026-11-20 00:05:00', { slot: '2026-01-01 00:00:00' });
    const running = await log('slots', '2026-02-01 00:05:00', { slot: '2026-02-01 00:00:00', status: 'running' });
    const young = await log('day', '2026-10-23 00:00:00', { date: '2026-10-22', status: 'failed' });
    const youngState = await log('day', '2026-10-23 02:00:00', { date: '2026-10-22' });
    expect(await countOldRuns(db, oldRunsOf(settings, date))).toBe(3);
    expect(await retain('data_ingestion_logs')).toBe(true);
    const kept = [state, firstKept, lately, running, young, youngState];
    expect(await ids('data_ingestion_logs')).toEqual(kept);
    expect(superseded + lastGone).toBeGreaterThan(0);
    expect((await ids('ingestion_pages')).filter((id) => id !== 999_999)).toEqual(kept);
    const page = await db.selectFrom('ingestion_pages').selectAll().where('log_id', '=', 999_999).executeTakeFirst();
    expect(page).toMatchObject({ cursor_key: 'delete', records_updated: 3 });
  });

  test('failed calls and rejected records go after their days, however many there are', async () => {
    await sql`INSERT INTO source_call_failures (source, workflow_id, run_id, activity_id, activity_type, attempt, error_type, message, failed_at)
      SELECT 'test', 'w', REPEAT('r', 36), 'a', 't', n, 'Unavailable', 'm',
        '2026-08-24 00:00:00' + INTERVAL 2 SECOND - INTERVAL n SECOND
      FROM (SELECT ROW_NUMBER() OVER () AS n FROM information_schema.COLUMNS LIMIT 700) numbers`.execute(db);
    await sql`INSERT INTO rejected_records (log_id, source, data_type, reason, raw, created_at) VALUES
      (1, 'test', 't', 'r', 'old', '2026-08-23 23:59:59.999999'), (1, 'test', 't', 'r', 'new', '2026-08-24 00:00:00')`.execute(
      db,
    );
    expect(await retain('source_call_failures', 800)).toBe(true);
    expect(await retain('rejected_records', 900)).toBe(true);
    const failures = await db.selectFrom('source_call_failures').select('failed_at').orderBy('failed_at').execute();
    expect(failures.map((row) => row.failed_at)).toEqual(['2026-08-24 00:00:00.000000', '2026-08-24 00:00:01.000000']);
    const rejects = await db.selectFrom('rejected_records').select('raw').execute();
    expect(rejects.map((row) => row.raw)).toEqual(['new']);
    const pages = await db
      .selectFrom('ingestion_pages')
      .select(['log_id', 'records_updated'])
      .where('log_id', 'in', [800, 900])
      .execute();
    expect(pages.map((row) => [row.log_id, row.records_updated])).toEqual([
      [800, 698],
      [900, 1],
    ]);
  });
});

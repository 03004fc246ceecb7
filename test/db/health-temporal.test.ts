import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import type { ActivityDeps } from '../../activities/deps';
import { createRedact } from '../../activities/failures';
import { createHealthActivities } from '../../activities/health';
import { expectedSchedules } from '../../activities/health/schedules';
import { slotColumn, slotName } from '../../activities/collect/slots';
import { createAgent } from '../../activities/http';
import { migrateToLatest } from '../../db/migrate';
import { endIfUnchanged, longRunning } from '../../db/queries/health';
import { findRun, insertRun } from '../../db/queries/ingestion-logs';
import { insertPage } from '../../db/queries/ingestion-pages';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { databaseOpener } from '../../workers/context';
import { applySchedules, schedules, setPaused } from '../../workers/schedules';
import { databases, freshDatabase } from '../databases';
import { freshNamespace, temporalAddress } from '../product';

// Workflows on a queue without a worker: what became of them is all that counts here.

let connection: Connection;
let client: Client;
let namespace: string;
/** by name: workflow id and first run */
const chains: Record<string, { workflowId: string; runId: string }> = {};
let endedAt: number;

beforeAll(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
  namespace = await freshNamespace(connection);
  client = new Client({ connection, namespace });
  for (const name of ['living', 'terminated', 'timed-out', 'followed']) await startChain(name);
  await client.workflow.getHandle('terminated').terminate();
  await client.workflow.getHandle('followed').terminate();
  await startChain('followed', 'following');
  await client.workflow
    .getHandle('timed-out')
    .result()
    .catch(() => undefined);
  endedAt = Date.now();
});
afterAll(async () => connection?.close());

async function startChain(workflowId: string, name = workflowId) {
  const timeout = name === 'timed-out' ? { workflowExecutionTimeout: '1s' as const } : {};
  const handle = await client.workflow.start('ingestDataset', { workflowId, taskQueue: 'nobody', ...timeout });
  chains[name] = { workflowId, runId: handle.firstExecutionRunId };
}

describe.each(databases())('health and Temporal on $name', (server) => {
  let db: Kysely<Schema>;
  let deps: ActivityDeps;
  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    await migrateToLatest(db);
    const { databaseUrl, sources, settings } = readConfig({ DATABASE_URL: database.url });
    const openDatabase = databaseOpener({ databaseUrl });
    deps = { db, openDatabase, client, agent: createAgent(), sources, settings, redact: createRedact([]) };
  });
  afterAll(async () => deps.agent.close());
  beforeEach(async () => {
    for (const table of ['data_ingestion_logs', 'ingestion_pages'])
      await sql`TRUNCATE TABLE ${sql.table(table)}`.execute(db);
  });

  const check = async (name: string, now = new Date()) => {
    const { checks } = await createHealthActivities(deps).checkHealth({ now: now.toISOString() });
    const { status, message } = checks.find((each) => each.name === name)!;
    return `${status}: ${message}`;
  };

  /** A row that has said `running` for some minutes. */
  async function running({ workflowId, runId }: { workflowId: string; runId: string }, coinId: string, minutes = 3) {
    const logId = await insertRun(db, {
      source: 'blockchair',
      dataType: 'blocks',
      coinId,
      coinSymbol: null,
      targetDate: '2026-11-21',
      runKey: `blockchair.blocks/${coinId}/2026-11-21`,
      workflowId,
      firstExecutionRunId: runId,
      runId,
      triggeredBy: 'test',
      expected: null,
    });
    await sql`UPDATE data_ingestion_logs SET started_at = UTC_TIMESTAMP(6) - INTERVAL ${minutes} MINUTE WHERE id = ${logId}`.execute(
      db,
    );
    return logId;
  }

  test('a row whose workflow has only just ended waits: its last page may still be written', async () => {
    await startChain('just now');
    await client.workflow.getHandle('just now').terminate();
    const logId = await running(chains['just now']!, 'bitcoin');
    expect(await check('lost runs')).toBe(
      'ok: 1 long run, none without its workflow; 1 more ended just now and are closed by the next check',
    );
    expect(await findRun(db, logId)).toMatchObject({ status: 'running' });
  });

  test('rows of workflows that are gone are ended truthfully, the others stay', async () => {
    const living = await running(chains['living']!, 'living');
    const following = await running(chains['following']!, 'following');
    const young = await running({ workflowId: 'never', runId: randomUUID() }, 'young', 1);
    const terminated = await running(chains['terminated']!, 'bitcoin');
    const timedOut = await running(chains['timed-out']!, 'ethereum');
    const followed = await running(chains['followed']!, 'followed');
    const lost = await running({ workflowId: 'never', runId: randomUUID() }, 'lost');
    const slot = await running({ workflowId: 'collect/2026-11-21T10:15Z', runId: randomUUID() }, 'slot', 2.5);
    await sql`UPDATE data_ingestion_logs SET source = 'cryptoflow', data_type = 'onchain_data', coin_id = NULL, target_date = NULL,
      slot = '2026-11-21 10:15:00' WHERE id = ${slot}`.execute(db);
    await db.transaction().execute((trx) =>
      insertPage(trx, terminated, null, {
        counts: { processed: 7, inserted: 4, updated: 2, unchanged: 0, rejected: 1 },
        next: '2',
        resume: null,
        expected: null,
      }),
    );
    await sleep(Math.max(0, endedAt + deps.settings.settleMs + 1_000 - Date.now()));

    expect(await check('lost runs')).toBe(
      'warning: 5 rows said running although the workflow was gone; now ended: blockchair.blocks bitcoin 2026-11-21 (WorkflowTerminated), ' +
        'blockchair.blocks ethereum 2026-11-21 (WorkflowTimedOut), blockchair.blocks followed 2026-11-21 (WorkflowTerminated) and 2 more. ' +
        'Start them again: each row says how (npm run cli -- logs --status failed)',
    );
    for (const logId of [living, following, young])
      expect(await findRun(db, logId)).toMatchObject({ status: 'running' });
    const run = await findRun(db, terminated);
    expect(run).toMatchObject({
      status: 'failed',
      errorType: 'WorkflowTerminated',
      processed: 7,
      inserted: 4,
      rejected: 1,
    });
    expect(run!.message).toMatch(
      /^The workflow terminated did not close this run: it was terminated at \S+Z\. By whom and why: its history in the Temporal UI \(run \S+\)\. To run it again: start dailyIngestion \{"date":"2026-11-21","coins":\["bitcoin"\],"datasets":\["blockchair.blocks"\]\}$/,
    );
    expect(await findRun(db, timedOut)).toMatchObject({ status: 'failed', errorType: 'WorkflowTimedOut' });
    expect(await findRun(db, followed)).toMatchObject({ status: 'failed', errorType: 'WorkflowTerminated' });
    expect(await findRun(db, lost)).toMatchObject({ status: 'failed', errorType: 'WorkflowLost' });
    expect((await findRun(db, lost))!.message).toMatch('Temporal does not know it');
    expect((await findRun(db, slot))!.message).toMatch(
      /To run it again: start collectOnchainAndSentiment \{"slot":"2026-11-21T10:15Z"\}$/,
    );
    expect(await check('lost runs')).toBe('ok: 2 long runs, none without its workflow');
  });

  test('a row that another execution took over meanwhile is left alone', async () => {
    const logId = await running({ workflowId: 'never', runId: randomUUID() }, 'bitcoin');
    const [row] = await longRunning(db, 2, 10);
    await sql`UPDATE data_ingestion_logs SET run_id = ${randomUUID()} WHERE id = ${logId}`.execute(db);
    expect(await endIfUnchanged(db, row!, row!.runId, { status: 'failed' })).toBe(false);
    expect(await findRun(db, logId)).toMatchObject({ status: 'running' });
  });
});

describe('schedules', () => {
  let db: Kysely<Schema>;
  let deps: ActivityDeps;
  beforeAll(async () => {
    const database = await freshDatabase(databases()[0]!);
    db = database.db;
    await migrateToLatest(db);
    const { databaseUrl, sources, settings } = readConfig({ DATABASE_URL: database.url });
    const openDatabase = databaseOpener({ databaseUrl });
    deps = { db, openDatabase, client, agent: createAgent(), sources, settings, redact: createRedact([]) };
  });
  afterAll(async () => deps.agent.close());

  const check = async (now = new Date()) => {
    const { checks } = await createHealthActivities(deps).checkHealth({ now: now.toISOString() });
    const { status, message } = checks.find(({ name }) => name === 'schedules')!;
    return `${status}: ${message}`;
  };
  const later = new Date(Date.now() + 45 * 60_000);

  test('missing, paused, started without a run', async () => {
    expect(schedules.map(({ id }) => id)).toEqual(expectedSchedules);
    expect(await check()).toBe(
      `warning: missing: ${expectedSchedules.join(', ')}; make them: npm run cli -- schedules apply`,
    );
    await applySchedules(client, connection, namespace);
    expect(await check()).toBe(`ok: ${expectedSchedules.join(', ')} are there and run`);

    await setPaused(client, 'sync-coins', { note: 'holidays' });
    expect(await check()).toBe('warning: sync-coins is paused (holidays): npm run cli -- schedules resume sync-coins');
    await setPaused(client, 'sync-coins', undefined);

    const daily = client.schedule.getHandle('daily-ingestion');
    await daily.trigger();
    while ((await daily.describe()).info.recentActions.length === 0) await sleep(100);
    expect(await check()).toMatch(/^ok/);
    const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    expect(await check(later)).toBe(
      `warning: daily-ingestion started for ${date}, but no run of that date is logged: is a worker running? See the workflow in the Temporal UI`,
    );
    await insertRun(db, {
      source: 'coingecko',
      dataType: 'prices',
      coinId: 'bitcoin',
      coinSymbol: 'BTC',
      targetDate: date,
      runKey: `coingecko.prices/bitcoin/${date}`,
      workflowId: 'any',
      firstExecutionRunId: randomUUID(),
      runId: randomUUID(),
      triggeredBy: 'test',
      expected: null,
    });
    expect(await check(later)).toMatch(/^ok/);

    const collect = client.schedule.getHandle('collect-onchain-and-sentiment');
    await collect.trigger();
    while ((await collect.describe()).info.recentActions.length === 0) await sleep(100);
    const [action] = (await collect.describe()).info.recentActions;
    const slot = new Date(Math.floor(action!.scheduledAt.getTime() / 900_000) * 900_000).toISOString();
    const name = slotName(slot);
    expect(await check(later)).toBe(
      `warning: collect-onchain-and-sentiment started for ${name}, but no run of it is logged: is a worker running? See the workflow in the Temporal UI`,
    );
    await insertRun(db, {
      ...{ source: 'cryptoflow', dataType: 'onchain_data', coinId: null, coinSymbol: null, targetDate: null },
      ...{ slot: slotColumn(slot), runKey: `cryptoflow.onchain_data/all/${name}`, workflowId: `collect/${name}` },
      ...{ firstExecutionRunId: randomUUID(), runId: randomUUID(), triggeredBy: 'test', expected: null },
    });
    expect(await check(later)).toMatch(/^ok/);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import type { ActivityDeps } from '../../activities/deps';
import { createRedact } from '../../activities/failures';
import { createHealthActivities } from '../../activities/health';
import { expectedSchedules } from '../../activities/health/schedules';
import { createAgent } from '../../activities/http';
import { migrateToLatest } from '../../db/migrate';
import { listRuns } from '../../db/queries/ingestion-logs';
import type { Schema } from '../../db/schema';
import { readConfig } from '../../workers/config';
import { applySchedules, schedules, setPaused } from '../../workers/schedules';
import { databases, freshDatabase } from '../databases';
import { freshNamespace, temporalAddress } from '../product';

const dayMs = 86_400_000;
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
/** the UTC day `ago` days before today */
const day = (ago: number) => new Date(midnight - ago * dayMs).toISOString().slice(0, 10);
const noon = `${day(0)}T12:00:00Z`;
const secret = 'key-that-nobody-may-see';

let connection: Connection;
let client: Client;
let namespace: string;
beforeAll(async () => {
  connection = await Connection.connect({ address: temporalAddress() });
  namespace = await freshNamespace(connection);
  client = new Client({ connection, namespace });
});
afterAll(async () => connection.close());

describe.each(databases())('health on $name', (server) => {
  let db: Kysely<Schema>;
  let deps: ActivityDeps;
  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    await migrateToLatest(db);
    const config = readConfig({ DATABASE_URL: database.url });
    const { sources, settings } = config;
    deps = { db, client, agent: createAgent(), sources, settings, redact: createRedact([secret]) };
  });
  afterAll(async () => deps.agent.close());
  beforeEach(async () => {
    const tables = ['data_ingestion_logs', 'source_budgets', 'raw_blockchain_blocks', 'raw_blockchain_transactions'];
    tables.push('raw_market_prices_volumes', 'onchain_data', 'crypto_sentiment_data');
    for (const table of tables) await sql`TRUNCATE TABLE ${sql.table(table)}`.execute(db);
    await sql`UPDATE coin_metadata SET ingestion_enabled = (symbol IN ('BTC', 'DOGE')), created_at = ${day(100)}`.execute(db);
  });

  const report = (now = noon, more: Partial<ActivityDeps> = {}) =>
    createHealthActivities({ ...deps, ...more }).checkHealth({ now });
  const check = async (name: string, now?: string, more?: Partial<ActivityDeps>) => {
    const { status, message } = (await report(now, more)).checks.find((each) => each.name === name)!;
    return `${status}: ${message}`;
  };

  type Status = 'running' | 'success' | 'partial' | 'failed' | 'cancelled' | 'skipped';
  let rows = 0;
  async function log(dataset: string, coinId: string, date: string, status: Status, message: string | null = null) {
    const [source, dataType] = dataset.split('.') as [string, string];
    const run_key = `${dataset}/${coinId}/${date}`;
    rows += 1;
    await db
      .insertInto('data_ingestion_logs')
      .values({ source, data_type: dataType, coin_id: coinId, target_date: date, run_key, status })
      .onDuplicateKeyUpdate({ status })
      .executeTakeFirst()
      .catch(() => undefined);
    await sql`INSERT INTO data_ingestion_logs (source, data_type, coin_id, target_date, run_key, status, started_at, error_type, error_message,
        workflow_id, first_execution_run_id, run_id, triggered_by)
      VALUES (${source}, ${dataType}, ${coinId}, ${date}, ${run_key}, ${status}, UTC_TIMESTAMP(6), ${status === 'failed' ? 'Unavailable' : null},
        ${message}, ${`ingest/${run_key}`}, ${`first-${rows}`}, ${`run-${rows}`}, 'test')`.execute(db);
  }
});

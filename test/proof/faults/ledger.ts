import type { Client } from '@temporalio/client';
import { sql, type CompiledQuery, type Kysely, type RawBuilder } from 'kysely';
import type { Schema } from '../../../db/schema';

// What must hold when the faults are over. Each function returns what does not, in words.

type Db = Kysely<Schema>;

/** Tables that runs of the daily DAG fill, and how a row says for which coin and date it is. */
const tables = {
  blocks: { table: 'raw_blockchain_blocks', coin: 'coin_symbol', date: 'DATE(block_time)' },
  transactions: { table: 'raw_blockchain_transactions', coin: 'coin_symbol', date: 'DATE(tx_time)' },
  prices: { table: 'raw_market_prices_volumes', coin: 'coin_id', date: 'price_date' },
} as const;

/** Every rule of the log that a crash could break: ended once, exact counts, rows that belong to a run. */
export async function ledgerProblems(db: Db): Promise<string[]> {
  const found: string[] = [];
  const ask = async (what: string, query: ReturnType<typeof sql<{ about: string }>>) => {
    for (const { about } of (await query.execute(db)).rows) found.push(`${what}: ${about}`);
  };
  await ask(
    'a run is not ended',
    sql`SELECT CONCAT(run_key, ' ', status) AS about FROM data_ingestion_logs
      WHERE status = 'running' OR completed_at IS NULL`,
  );
  await ask(
    'processed is not inserted + updated + unchanged + rejected',
    sql`SELECT run_key AS about FROM data_ingestion_logs
      WHERE records_processed <> records_inserted + records_updated + records_unchanged + records_rejected`,
  );
  const sums = ['inserted', 'updated', 'unchanged', 'rejected'].map((kind) => {
    const column = sql.ref(`records_${kind}`);
    return sql`log.${column} <> COALESCE((SELECT SUM(page.${column}) FROM ingestion_pages page WHERE page.log_id = log.id), 0)`;
  });
  await ask(
    'counts are not the sums over the pages',
    sql`SELECT CONCAT(run_key, ' ', status) AS about FROM data_ingestion_logs log WHERE ${sql.join(sums, sql` OR `)}`,
  );
  await ask(
    'pages without their run',
    sql`SELECT page.log_id AS about FROM ingestion_pages page
      LEFT JOIN data_ingestion_logs log ON log.id = page.log_id WHERE log.id IS NULL`,
  );
  await ask(
    'rejected records are not as many as the log says',
    sql`SELECT CONCAT(log.run_key, ' ', log.records_rejected) AS about FROM data_ingestion_logs log
      WHERE log.status <> 'failed' AND log.records_rejected <>
        (SELECT COUNT(*) FROM rejected_records rejected WHERE rejected.log_id = log.id)`,
  );
  for (const [dataType, { table, coin, date }] of Object.entries(tables)) {
    await ask(
      `${table}: rows whose run is not in the log`,
      sql`SELECT log_id AS about FROM ${sql.table(table)} had
        WHERE NOT EXISTS (SELECT 1 FROM data_ingestion_logs log WHERE log.id = had.log_id) LIMIT 3`,
    );
    await ask(
      `${table}: inserted over all runs of a date is not what is there`,
      sql`SELECT CONCAT(logged.coin, ' ', logged.day, ': ', logged.n, ' inserted, ', COALESCE(had.n, 0), ' there') AS about
        FROM (SELECT ${sql.ref(coin)} AS coin, target_date AS day, SUM(records_inserted) AS n
          FROM data_ingestion_logs WHERE data_type = ${dataType} GROUP BY 1, 2) logged
        LEFT JOIN (SELECT ${sql.ref(coin)} AS coin, ${sql.raw(date)} AS day, COUNT(*) AS n
          FROM ${sql.table(table)} GROUP BY 1, 2) had ON had.coin = logged.coin AND had.day = logged.day
        WHERE logged.n <> COALESCE(had.n, 0)`,
    );
  }
  return found;
}

/** All rows of those tables. */
export async function storedRows(db: Db): Promise<number> {
  let count = 0;
  for (const { table } of Object.values(tables)) {
    const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(db);
    count += Number(rows[0]!.n);
  }
  return count;
}

/** One row of the log for every chain of executions of a run that Temporal knows, and none besides. */
export async function rowPerRunProblems(db: Db, client: Client): Promise<string[]> {
  const chains = new Set<string>();
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowType = 'ingestDataset'` })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    chains.add(`${workflowId} ${raw.workflowExecutionInfo?.firstRunId}`);
  }
  const rows = await db
    .selectFrom('data_ingestion_logs')
    .select(['workflow_id', 'first_execution_run_id'])
    .where('workflow_id', 'like', 'ingest/%')
    .execute();
  const logged = rows.map((row) => `${row.workflow_id} ${row.first_execution_run_id}`);
  return [
    ...[...chains].filter((chain) => !logged.includes(chain)).map((chain) => `no log row: ${chain}`),
    ...logged.filter((chain) => !chains.has(chain)).map((chain) => `a log row without its workflow: ${chain}`),
    ...logged.filter((chain, index) => logged.indexOf(chain) !== index).map((chain) => `two log rows: ${chain}`),
  ];
}

/** Blocks that do not have as many transactions as the source says. */
export async function blockProblems(db: Db): Promise<string[]> {
  const { rows } = await sql<{ about: string }>`
    SELECT CONCAT(block.coin_symbol, ' block ', block.block_id, ': ', COALESCE(had.n, 0), ' of ', block.transaction_count,
      ' transactions') AS about
    FROM raw_blockchain_blocks block
    LEFT JOIN (SELECT coin_symbol, block_id, COUNT(*) AS n FROM raw_blockchain_transactions GROUP BY 1, 2) had
      ON had.coin_symbol = block.coin_symbol AND had.block_id = block.block_id
    WHERE block.transaction_count <> COALESCE(had.n, 0)`.execute(db);
  return rows.map(({ about }) => about);
}

/**
 * Where an undisturbed run of the same world gave something else, in all columns but those of the run itself; of these
 * dates only, where some are given.
 */
export async function rowProblems(own: Db, undisturbed: Db, dates?: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const { table, date } of Object.values(tables)) {
    const wanted = dates ? sql`WHERE ${sql.raw(date)} IN (${sql.join(dates)})` : sql``;
    const mine = await rowsInOrder(own, table, wanted);
    const other = await rowsInOrder(undisturbed, table, wanted);
    for (let count = 1; ; count += 1) {
      const [row, expected] = await Promise.all([mine.next(), other.next()]);
      if (row.value !== expected.value)
        found.push(`${table}: row ${count} is ${row.value ?? 'not there'}; undisturbed: ${expected.value ?? 'no row'}`);
      if (row.value !== expected.value || row.done) break;
    }
    await Promise.all([mine.return(undefined), other.return(undefined)]);
  }
  return found;
}

const ofTheRun = ['log_id', 'created_at', 'updated_at'];

async function rowsInOrder(
  db: Db,
  table: string,
  wanted: RawBuilder<unknown>,
): Promise<AsyncGenerator<string, undefined>> {
  const { rows: columns } = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = ${table} AND column_name NOT IN (${sql.join(ofTheRun)})
    ORDER BY ordinal_position`.execute(db);
  const { rows: key } = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = ${table} AND index_name = 'PRIMARY'
    ORDER BY seq_in_index`.execute(db);
  const list = (names: { name: string }[]) => sql.join(names.map(({ name }) => sql.ref(name)));
  const query = sql`SELECT ${list(columns)} FROM ${sql.table(table)} ${wanted} ORDER BY ${list(key)}`.compile(db);
  return textsOf(db, query);
}

async function* textsOf(db: Db, query: CompiledQuery): AsyncGenerator<string, undefined> {
  for await (const { rows } of db.getExecutor().stream(query, 1_000)) yield* rows.map((row) => JSON.stringify(row));
  return undefined;
}

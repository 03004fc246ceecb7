import { parseArgs } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import { listRuns } from '../../db/queries/ingestion-logs';
import { addWatchedAddress } from '../../db/queries/watched-addresses';
import type { Schema } from '../../db/schema';
import { startSimulator } from '../../test/simulator';
import { simulatedEnvironment } from '../../test/simulator/environment';
import type { DagResult } from '../../workflows/daily-ingestion';
import { table } from '../output';
import { runLines } from '../commands/logs';
import { bringUp, type RunningStack } from './bring-up';
import { createCleanup } from './cleanup';
import { collectSlot } from './demo-slot';

const coins = ['bitcoin', 'ethereum', 'dogecoin'];
const label = 'simulated data';
const keys = { blockchair: 'simulated-blockchair-key', coingecko: 'simulated-coingecko-key' };

/** One address per coin, so that the address dataset has something to look up. */
const watched = [
  ['BTC', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
  ['ETH', '0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d'],
  ['DOGE', 'DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L'],
] as const;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The whole product on one machine, real but for the sources: servers, schema, schedules, worker, one day of data. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const cleanup = createCleanup({ say });
  try {
    const simulator = await startSimulator({
      keys: { blockchair: [keys.blockchair], coingeckoDemo: [keys.coingecko] },
    });
    cleanup.add(() => simulator.close());
    say(`sources   simulated at ${simulator.url}: nothing of this data is real`);
    const stack = await bringUp({
      name: 'demo',
      cleanup,
      say,
      prepare: watchAddresses,
      extraEnvironment: {
        ...simulatedEnvironment(simulator),
        BLOCKCHAIR_DUMPS_URL: simulator.baseUrls.blockchairDumps,
        BLOCKCHAIR_MODE: 'auto',
        BLOCKCHAIR_API_KEY: keys.blockchair,
        BLOCKCHAIR_PLAN: 'key',
        COINGECKO_API_KEY: keys.coingecko,
        COINGECKO_PLAN: 'demo',
        CRYPTOFLOW_DATA_LABEL: label,
      },
    });
    const isGood = (await ingestYesterday(stack)) && (await collectSlot(stack, label, say));
    const { uiUrl } = stack.servers.temporal;
    if (uiUrl) say(`\nTemporal UI  ${uiUrl}/namespaces/${stack.servers.temporal.namespace}/workflows`);
    if (values.once) {
      process.exitCode = isGood ? 0 : 1;
      await cleanup.run();
      return;
    }
    say(`database     ${stack.servers.database.url}`);
    say(`\nup, schedules running; Ctrl-C stops everything. To see a worker die half-way: kill -9 ${stack.worker.pid}`);
    await new Promise<void>((resolve) => cleanup.signal.addEventListener('abort', () => resolve()));
  } catch (error) {
    if (cleanup.signal.aborted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    await cleanup.run();
  }
}

async function watchAddresses(db: Kysely<Schema>): Promise<void> {
  for (const [symbol, address] of watched) await addWatchedAddress(db, symbol, address, label);
}

/** Runs the daily DAG for yesterday and shows what came. Returns whether every run ended well. */
async function ingestYesterday({ client, db }: RunningStack): Promise<boolean> {
  const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const workflowId = `dailyIngestion/demo/${new Date().toISOString().slice(0, 19)}Z`;
  say(`\ndailyIngestion for ${date}: ${coins.join(', ')} (${label})`);
  const handle = await client.workflow.start('dailyIngestion', {
    taskQueue: 'cryptoflow',
    workflowId,
    args: [{ date, coins }],
    staticSummary: `${label} for ${date}`,
  });
  const progress = setInterval(() => void showProgress(db, workflowId), 2_000);
  let result: DagResult | undefined;
  try {
    result = (await handle.result()) as DagResult;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    say(`\n${error.cause?.message ?? error.message}`);
  } finally {
    clearInterval(progress);
  }
  const runs = await listRuns(db, { date, limit: 1_000 });
  const own = runs.filter((run) => run.triggeredBy.startsWith(workflowId)).toReversed();
  say(`\nlog of ${date} (${label})\n${runLines(own).join('\n')}`);
  say(`\nrows (${label})\n${(await rowCounts(db)).join('\n')}`);
  return result?.status === 'success';
}

async function showProgress(db: Kysely<Schema>, workflowId: string): Promise<void> {
  const { rows } = await sql<{ ended: number; running: number; stored: number }>`
    SELECT COALESCE(SUM(status <> 'running'), 0) AS ended, COALESCE(SUM(status = 'running'), 0) AS running,
      (SELECT COALESCE(SUM(page.records_inserted + page.records_updated + page.records_unchanged), 0) FROM ingestion_pages page
        JOIN data_ingestion_logs log ON log.id = page.log_id WHERE log.triggered_by LIKE ${`${workflowId}%`}) AS stored
    FROM data_ingestion_logs WHERE triggered_by LIKE ${`${workflowId}%`}`.execute(db);
  const now = rows[0]!;
  say(`  ${now.ended} runs ended, ${now.running} running, ${now.stored} rows`);
}

const tables = [
  'raw_blockchain_blocks',
  'raw_blockchain_transactions',
  'raw_blockchain_addresses',
  'raw_market_prices_volumes',
] as const;

async function rowCounts(db: Kysely<Schema>): Promise<string[]> {
  const counts = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await sql<{
        rows: number;
      }>`SELECT COUNT(*) AS ${sql.ref('rows')} FROM ${sql.table(table)}`.execute(db);
      return [table, String(rows[0]?.rows ?? 0)];
    }),
  );
  return table(counts);
}

void main();

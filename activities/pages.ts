import { randomUUID } from 'node:crypto';
import { Context, asyncLocalStorage } from '@temporalio/activity';
import { sql, type Transaction } from 'kysely';
import { refreshCoins, listCoins } from '../db/queries/coins';
import { takeOverRun, noteExpected, type RunCounts } from '../db/queries/ingestion-logs';
import { findPage, insertPage, type StoredPage } from '../db/queries/ingestion-pages';
import { insertRejects } from '../db/queries/rejected-records';
import type { BudgetClass } from '../db/queries/source-budgets';
import { describeDatabaseError, retrying } from '../db/failures';
import type { Schema } from '../db/schema';
import { upsertRows, type UpsertCounts } from '../db/upsert';
import { waitForPermit, withLease } from './budget';
import { findCoin, sourceCoin } from './coins';
import { configuredSource, type ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { createSourceHttp } from './http';
import { rawText } from './numbers';
import { findDataset, type NamedDataset } from './registry';
import type { Page, Reject, Row, SourceCoin, SourceHttp } from './source';

// The promise: a page's rows, its counts and the next cursor land in one transaction, or nothing of it does. An attempt
// that finds its page (the one before died behind its COMMIT) returns what is stored and asks the source nothing. One
// that outlived its run (cancelled, reset, or its worker stood still for a while) writes nothing: counts would be wrong.

export interface PageRequest {
  logId: number;
  dataset: string;
  coin: string;
  date: string;
  cursor: string | null;
  addresses: string[];
  budgetClass: BudgetClass;
  /** the run before this one, where the workflow continued as new */
  continuedFrom: string | null;
}

export interface PageDone {
  counts: RunCounts;
  next: string | null;
}

export function createPageActivities(deps: ActivityDeps) {
  return {
    /** One request and what it wrote. */
    async fetchPage(request: PageRequest): Promise<PageDone> {
      const named = findDataset(request.dataset);
      const { runId } = Context.current().info.workflowExecution!;
      const own = { logId: request.logId, runId, continuedFrom: request.continuedFrom, cursor: request.cursor };
      const stored = await findPage(deps.db, request.logId, request.cursor);
      if (stored) return done(await takeOver(deps, own, stored));
      const page = await askSource(deps, named, request);
      return done(await storePage(deps, named, request, own, page));
    },
  };
}

/** The request alone: also what `cli try` shows, with a permit and without a database write. */
export async function askSource(
  deps: ActivityDeps,
  named: NamedDataset,
  request: Pick<PageRequest, 'coin' | 'date' | 'cursor' | 'addresses' | 'budgetClass'>,
  signal: AbortSignal | undefined = Context.current().cancellationSignal,
): Promise<Page> {
  const { source, dataset, fullName } = named;
  const configured = configuredSource(deps, source.name);
  const coins = await coinsOf(deps, named, request.coin);
  return dataset
    .fetchPage(httpFor(deps, named, request.budgetClass, signal), {
      coin: coins[0]!,
      coins,
      date: request.date,
      cursor: request.cursor,
      addresses: request.addresses,
      plan: configured.plan,
    })
    .catch((error: unknown) => {
      // a source knows its answer but not which run asked: the message names the dataset
      if (error instanceof SourceFailure && !error.details.dataset) {
        throw new SourceFailure(
          error.type,
          error.message,
          { source: source.name, dataset: fullName, ...error.details },
          error.retryAfterMs,
          { cause: error.cause },
        );
      }
      throw error;
    });
}

export function httpFor(
  deps: ActivityDeps,
  { source, fullName }: NamedDataset,
  budgetClass: BudgetClass,
  signal?: AbortSignal,
): SourceHttp {
  const connection = configuredSource(deps, source.name);
  const { limits } = connection.plan;
  return createSourceHttp({
    agent: deps.agent,
    connection,
    dataset: fullName,
    signal,
    redact: deps.redact,
    permit: (cost) => waitForPermit(deps.db, { source: source.name, limits, cost, budgetClass }, signal),
    lease:
      limits.connections === undefined
        ? undefined
        : (work) => withLease(deps.db, { source: source.name, holder: attemptName() }, signal, work),
    totalTimeoutMs: deps.settings.requestTimeoutMs,
  });
}

/** The attempt of the activity that asks; a command asks without one. */
function attemptName(): string {
  const info = asyncLocalStorage.getStore()?.info;
  return info ? `${info.workflowExecution?.runId}/${info.activityId}/${info.attempt}` : `cli/${randomUUID()}`;
}

async function coinsOf(
  deps: ActivityDeps,
  { source, dataset, fullName }: NamedDataset,
  coin: string,
): Promise<SourceCoin[]> {
  const known = await listCoins(deps.db);
  const wanted = dataset.scope === 'all' ? known.filter((each) => each.isActive) : [findCoin(known, coin)];
  const coins = wanted.flatMap((each) => sourceCoin(source, each) ?? []);
  if (coins.length === 0) throw new SourceFailure('NotAvailable', `${fullName}: ${source.label} does not have ${coin}`);
  return coins;
}

interface Owner {
  logId: number;
  runId: string;
  continuedFrom: string | null;
  cursor: string | null;
}

async function takeOver(deps: ActivityDeps, own: Owner, stored: StoredPage): Promise<StoredPage> {
  await retrying(() => deps.db.transaction().execute((trx) => holdRun(deps, trx, own)));
  return stored;
}

/** Locks the run's row for this attempt. Throws when its run goes on without it, or has ended. */
async function holdRun(deps: ActivityDeps, trx: Transaction<Schema>, own: Owner): Promise<void> {
  const { isOpen, isTaken } = await takeOverRun(trx, own.logId, own.runId, own.continuedFrom);
  if (!isOpen) throw tooLate(own.logId, 'its run has ended');
  // a reset leaves an attempt of the execution before it behind, which must not take the row back
  if (isTaken && (await newestExecution(deps)) !== own.runId) throw tooLate(own.logId, 'another execution goes on');
}

async function newestExecution({ client }: ActivityDeps): Promise<string> {
  const { workflowId } = Context.current().info.workflowExecution!;
  return (await client.workflow.getHandle(workflowId).describe()).runId;
}

function tooLate(logId: number, why: string): SourceFailure {
  return new SourceFailure(
    'BadInput',
    `the page came too late for log row ${logId}, ${why}: nothing of it was written`,
  );
}

async function storePage(
  deps: ActivityDeps,
  named: NamedDataset,
  request: PageRequest,
  own: Owner,
  page: Page,
): Promise<StoredPage> {
  const place = {
    logId: request.logId,
    source: named.source.name,
    dataType: named.name,
    coinId: request.coin,
    targetDate: request.date,
  };
  try {
    return await retrying(() =>
      deps.db.transaction().execute(async (trx) => {
        await holdRun(deps, trx, own);
        const stored = await findPage(trx, own.logId, own.cursor);
        if (stored) return stored;
        const { counts, rejects } = await writeRows(trx, named, page.rows, request.logId);
        const all = [...page.rejects, ...rejects];
        assertFewRejects(named, all, page.rows.length + page.rejects.length, deps.settings.rejectShare);
        await insertRejects(trx, place, all);
        const restart = await removeStale(trx, named, page);
        const result: StoredPage = {
          counts: {
            ...counts,
            rejected: all.length,
            processed: counts.inserted + counts.updated + counts.unchanged + all.length,
          },
          next: restart ?? page.next,
          resume: restart ?? page.resume ?? null,
          expected: page.expected ?? null,
        };
        await insertPage(trx, own.logId, own.cursor, result);
        await noteExpected(trx, own.logId, result.expected);
        return result;
      }),
    );
  } catch (error) {
    // the page stays invisible, but what was wrong with it does not
    if (error instanceof TooManyRejects) await retrying(() => insertRejects(deps.db, place, error.rejects));
    throw error;
  }
}

function done({ counts, next }: StoredPage): PageDone {
  return { counts, next };
}

class TooManyRejects extends SourceFailure {
  constructor(
    { source, fullName }: NamedDataset,
    message: string,
    readonly rejects: readonly Reject[],
  ) {
    super('SchemaMismatch', `${fullName}: ${message}`, { source: source.name, dataset: fullName });
  }
}

function assertFewRejects(named: NamedDataset, rejects: readonly Reject[], rows: number, share: number): void {
  const bad = rejects.filter((reject) => !reject.absent);
  if (bad.length === 0 || bad.length <= rows * share) return;
  throw new TooManyRejects(
    named,
    `${bad.length} of ${rows} rows were rejected, more than ${share * 100} %; nothing of this page is visible. First: ${bad[0]!.reason}`,
    rejects,
  );
}

/** Writes rows in bulk; where a value does not fit its column, row by row, so that only that row is rejected. */
async function writeRows(
  trx: Transaction<Schema>,
  named: NamedDataset,
  rows: readonly Row[],
  logId: number,
): Promise<{ counts: UpsertCounts; rejects: Reject[] }> {
  try {
    return { counts: await inSavepoint(trx, () => writeTo(trx, named, rows, logId)), rejects: [] };
  } catch (error) {
    if (dataProblem(error) === undefined) throw error;
  }
  const counts: UpsertCounts = { inserted: 0, updated: 0, unchanged: 0 };
  const rejects: Reject[] = [];
  for (const row of rows) {
    try {
      const one = await inSavepoint(trx, () => writeTo(trx, named, [row], logId));
      counts.inserted += one.inserted;
      counts.updated += one.updated;
      counts.unchanged += one.unchanged;
    } catch (error) {
      const reason = dataProblem(error);
      if (reason === undefined) throw error;
      rejects.push({
        key: named.dataset.key.map((column) => String(row[column])).join(' '),
        field: null,
        reason,
        raw: rawText(row),
      });
    }
  }
  return { counts, rejects };
}

async function writeTo(
  trx: Transaction<Schema>,
  { dataset }: NamedDataset,
  rows: readonly Row[],
  logId: number,
): Promise<UpsertCounts> {
  if (dataset.table !== 'coin_metadata')
    return upsertRows(trx, { table: dataset.table, key: dataset.key, rows, logId });
  // coins are the operators' as much as the source's: known ones are refreshed, none is added
  const news = rows.map((row) => ({
    coinId: String(row.coingecko_id),
    symbol: String(row.symbol),
    name: String(row.name),
    rank: row.market_cap_rank === null ? null : Number(row.market_cap_rank),
  }));
  return { inserted: 0, ...(await refreshCoins(trx, news)) };
}

/** The database's words where a value does not fit its column; undefined for every other error. */
function dataProblem(error: unknown): string | undefined {
  const { kind } = describeDatabaseError(error);
  return kind === 'bad-value' ? (error instanceof Error ? error.message : String(error)) : undefined;
}

async function inSavepoint<T>(trx: Transaction<Schema>, work: () => Promise<T>): Promise<T> {
  await sql`SAVEPOINT page_rows`.execute(trx);
  try {
    return await work();
  } catch (error) {
    if (dataProblem(error) !== undefined) await sql`ROLLBACK TO SAVEPOINT page_rows`.execute(trx);
    throw error;
  }
}

/**
 * After a reorganisation a block can have lost transactions: where the table has more rows of a finished block than
 * the source gave, the block is emptied and fetched again. Returns the cursor for that.
 */
async function removeStale(
  trx: Transaction<Schema>,
  { dataset }: NamedDataset,
  page: Page,
): Promise<string | undefined> {
  const complete = page.complete ?? [];
  if (complete.length === 0 || dataset.groupColumn === undefined) return undefined;
  const symbol = page.rows[0]?.coin_symbol;
  if (typeof symbol !== 'string') return undefined;
  const group = sql.ref(dataset.groupColumn);
  const values = complete.map((each) => each.value);
  const { rows } = await sql<{ value: number; rows_stored: number }>`
    SELECT ${group} AS value, COUNT(*) AS rows_stored FROM ${sql.table(dataset.table)}
    WHERE coin_symbol = ${symbol} AND ${group} IN (${sql.join(values)}) GROUP BY ${group}`.execute(trx);
  const stale = complete.filter(
    (each) => Number(rows.find((row) => Number(row.value) === each.value)?.rows_stored ?? 0) > each.rows,
  );
  const first = stale[0];
  if (first === undefined) return undefined;
  await sql`DELETE FROM ${sql.table(dataset.table)} WHERE coin_symbol = ${symbol} AND ${group} = ${first.value}`.execute(
    trx,
  );
  return first.restart;
}

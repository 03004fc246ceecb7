import { Context } from '@temporalio/activity';
import type { Coin } from '../db/queries/coins';
import { endRun, findRun, insertRun, takeOverRun } from '../db/queries/ingestion-logs';
import { findPage, insertPage } from '../db/queries/ingestion-pages';
import { insertRejects } from '../db/queries/rejected-records';
import { retrying } from '../db/failures';
import { upsertRows } from '../db/upsert';
import { resolveCoin, sourceCoin } from './coins';
import { configuredSource, type ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { httpFor } from './pages';
import { findDataset, type NamedDataset } from './registry';
import { toResult, type RunResult } from './runs';
import type { Page } from './source';

// The promise: one request serves many dates, and still every date has its own row in the log and its own page, written
// with its rows in one transaction. No lock: the rows of a date are the same whoever writes them.

export interface RangeRequest {
  dataset: string;
  coin: string;
  from: string;
  to: string;
  today: string;
  triggeredBy: string;
  firstExecutionRunId: string;
}

const dayMs = 86_400_000;

export function createRangeActivities(deps: ActivityDeps) {
  return {
    /** All dates of a range for one coin with one request; a result per date. Never throws for what the source refuses. */
    async ingestRange(request: RangeRequest): Promise<RunResult[]> {
      const named = findDataset(request.dataset);
      const { range } = named.dataset;
      if (!range) throw new SourceFailure('BadInput', `${named.fullName} cannot be fetched as a range`);
      const coin = await resolveCoin(deps.db, request.coin);
      const dates = datesOf(request);
      const configured = configuredSource(deps, named.source.name);
      const known = sourceCoin(named.source, coin);
      const reach = configured.plan.historyDays;
      const oldest =
        reach === undefined ? '' : new Date(Date.parse(request.today) - (reach - 1) * dayMs).toISOString().slice(0, 10);
      const asked = dates.filter((date) => date >= oldest);
      const unusable =
        configured.unusable ?? (known ? undefined : `${named.source.label} does not have ${coin.coinId}`);
      let page: Page | undefined;
      let refused: SourceFailure | undefined;
      if (unusable === undefined && known && asked.length > 0) {
        const signal = Context.current().cancellationSignal;
        try {
          page = await range.fetch(httpFor(deps, named, 'backfill', signal), {
            coin: known,
            from: asked[0]!,
            to: asked.at(-1)!,
            today: request.today,
            plan: configured.plan,
          });
        } catch (error) {
          if (!(error instanceof SourceFailure) || !isFinal(error)) throw error;
          refused = error;
        }
      }
      return Promise.all(
        dates.map((date) => {
          if (unusable !== undefined)
            return endDate(deps, named, coin, date, request, { status: 'skipped', message: unusable });
          if (date < oldest) {
            const message = `${named.source.label} plan ${configured.planName} sees only the last ${reach} days`;
            return endDate(deps, named, coin, date, request, { status: 'skipped', errorType: 'NotAvailable', message });
          }
          if (refused) {
            const status = refused.type === 'NotAvailable' ? ('skipped' as const) : ('failed' as const);
            return endDate(deps, named, coin, date, request, {
              status,
              errorType: refused.type,
              message: refused.message,
            });
          }
          return storeDate(deps, named, coin, date, request, pageOf(page!, range.dateColumn, date));
        }),
      );
    },
  };
}

/** What more attempts will not change: the dates end with it. Everything else is for Temporal to retry. */
function isFinal({ type }: SourceFailure): boolean {
  return type === 'NotAvailable' || type === 'Unauthorized' || type === 'BadInput' || type === 'SchemaMismatch';
}

function datesOf({ from, to }: RangeRequest): string[] {
  const first = Date.parse(from);
  return Array.from({ length: (Date.parse(to) - first) / dayMs + 1 }, (_, index) =>
    new Date(first + index * dayMs).toISOString().slice(0, 10),
  );
}

function pageOf(page: Page, dateColumn: string, date: string): Page {
  return {
    rows: page.rows.filter((row) => row[dateColumn] === date),
    rejects: page.rejects.filter((reject) => reject.key?.endsWith(date)),
    next: null,
  };
}

async function openDate(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Coin,
  date: string,
  request: RangeRequest,
): Promise<{ logId: number; runId: string }> {
  const { workflowId, runId } = Context.current().info.workflowExecution!;
  const logId = await retrying(() =>
    insertRun(deps.db, {
      source: named.source.name,
      dataType: named.name,
      coinId: coin.coinId,
      coinSymbol: coin.symbol,
      targetDate: date,
      runKey: `${named.fullName}/${coin.coinId}/${date}`,
      workflowId,
      firstExecutionRunId: request.firstExecutionRunId,
      runId,
      triggeredBy: request.triggeredBy,
      expected: null,
    }),
  );
  return { logId, runId };
}

async function storeDate(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Coin,
  date: string,
  request: RangeRequest,
  page: Page,
): Promise<RunResult> {
  if (page.rows.length === 0 && page.rejects.length === 0) {
    return endDate(deps, named, coin, date, request, {
      status: 'skipped',
      errorType: 'NotAvailable',
      message: `${named.source.label} has no ${named.dataset.rowName} of ${coin.coinId} on ${date}`,
    });
  }
  const { logId, runId } = await openDate(deps, named, coin, date, request);
  await retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      await takeOverRun(trx, logId, runId, null);
      if (await findPage(trx, logId, null)) return;
      const counts = await upsertRows(trx, {
        table: named.dataset.table,
        key: named.dataset.key,
        rows: page.rows,
        logId,
      });
      await insertRejects(
        trx,
        { logId, source: named.source.name, dataType: named.name, coinId: coin.coinId, targetDate: date },
        page.rejects,
      );
      const rejected = page.rejects.length;
      const processed = counts.inserted + counts.updated + counts.unchanged + rejected;
      await insertPage(trx, logId, null, {
        counts: { ...counts, rejected, processed },
        next: null,
        resume: null,
        expected: 1,
      });
      await endRun(
        trx,
        logId,
        runId,
        page.rows.length > 0
          ? { status: 'success' }
          : { status: 'failed', errorType: 'SchemaMismatch', message: page.rejects[0]!.reason },
      );
    }),
  );
  return toResult((await findRun(deps.db, logId))!);
}

async function endDate(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Coin,
  date: string,
  request: RangeRequest,
  end: { status: 'skipped' | 'failed'; errorType?: string; message: string },
): Promise<RunResult> {
  const { logId, runId } = await openDate(deps, named, coin, date, request);
  await retrying(() => endRun(deps.db, logId, runId, end));
  return toResult((await findRun(deps.db, logId))!);
}

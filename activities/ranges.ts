import { Context } from '@temporalio/activity';
import { noteChangedUnits, unitsOf } from '../db/queries/changed-units';
import { endRun, findRun, insertRun, lockRun, takeOverRun } from '../db/queries/ingestion-logs';
import { findPage, insertPage } from '../db/queries/ingestion-pages';
import { insertRejects } from '../db/queries/rejected-records';
import { retrying } from '../db/failures';
import { upsertRows } from '../db/upsert';
import { writeHistory } from './collect/history';
import { resolveSubject } from './coins';
import { configuredSource, type ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { httpFor } from './ask-source';
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

/** What became of the dates; `problems` names the first that were not ingested, and why. */
export interface RangeResult {
  ended: { success: number; skipped: number; failed: number };
  rows: number;
  problems: string[];
}

const dayMs = 86_400_000;
const keptProblems = 10;

export function createRangeActivities(deps: ActivityDeps) {
  return {
    /** All dates of a range for one coin with one request. What the source refuses for good ends the dates with it. */
    async ingestRange(request: RangeRequest): Promise<RangeResult> {
      const named = findDataset(request.dataset);
      const coin = await resolveSubject(deps.db, named, request.coin);
      const outcomeOf = await askRange(deps, named, coin, request);
      const result: RangeResult = { ended: { success: 0, skipped: 0, failed: 0 }, rows: 0, problems: [] };
      for (const date of datesOf(request)) {
        const outcome = outcomeOf(date);
        const run =
          'page' in outcome
            ? await storeDate(deps, named, coin, date, request, outcome.page)
            : await endDate(deps, named, coin, date, request, outcome);
        const status = run.status === 'success' || run.status === 'skipped' ? run.status : 'failed';
        result.ended[status] += 1;
        result.rows += run.counts.processed;
        if (status !== 'success' && result.problems.length < keptProblems) {
          result.problems.push(`${run.dataset} ${run.coin} ${date}: ${run.status}: ${run.message}`);
        }
      }
      return result;
    },
  };
}

type Subject = Awaited<ReturnType<typeof resolveSubject>>;
type Outcome = { page: Page } | { status: 'skipped' | 'failed'; errorType?: string; message: string };

/** The one request, and what follows from it for each date. */
async function askRange(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Subject,
  request: RangeRequest,
): Promise<(date: string) => Outcome> {
  const { range, rowName } = named.dataset;
  const { label } = named.source;
  if (!range) throw new SourceFailure('BadInput', `${named.fullName} cannot be fetched as a range`);
  const { plan, planName, unusable } = configuredSource(deps, named.source.name);
  const { known } = coin;
  const same = (outcome: Outcome) => (): Outcome => outcome;
  if (unusable !== undefined) return same({ status: 'skipped', message: unusable });
  if (!known) return same({ status: 'skipped', message: `${label} does not have ${coin.coinId}` });

  const oldest = plan.historyDays === undefined ? request.from : addDays(request.today, 1 - plan.historyDays);
  const beyondPlan: Outcome = {
    status: 'skipped',
    errorType: 'NotAvailable',
    message: `${label} plan ${planName} sees only the last ${plan.historyDays} days`,
  };
  if (request.to < oldest) return same(beyondPlan);
  const from = request.from < oldest ? oldest : request.from;
  try {
    const http = httpFor(deps, named, 'backfill', Context.current().cancellationSignal);
    const page = await range.fetch(http, { coin: known, from, to: request.to, today: request.today, plan });
    return (date) => {
      if (date < oldest) return beyondPlan;
      const own = pageOf(page, range.dateColumn, date);
      if (own.rows.length > 0 || own.rejects.length > 0 || own.observations?.length) return { page: own };
      const message = `${label} has no ${rowName} of ${coin.coinId} on ${date}`;
      return { status: 'skipped', errorType: 'NotAvailable', message };
    };
  } catch (error) {
    if (!(error instanceof SourceFailure) || !isFinal(error)) throw error;
    const status = error.type === 'NotAvailable' ? ('skipped' as const) : ('failed' as const);
    return same({ status, errorType: error.type, message: error.message });
  }
}

/** What more attempts will not change: the dates end with it. Everything else is for Temporal to retry. */
function isFinal({ type }: SourceFailure): boolean {
  return type === 'NotAvailable' || type === 'Unauthorized' || type === 'BadInput' || type === 'SchemaMismatch';
}

function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10);
}

function datesOf({ from, to }: RangeRequest): string[] {
  return Array.from({ length: (Date.parse(to) - Date.parse(from)) / dayMs + 1 }, (_, index) => addDays(from, index));
}

/** What a day's slots may know: points of the day itself, and of the day before for its first ones. */
function isOfDay(asOf: string | null, date: string): boolean {
  return asOf !== null && asOf >= `${addDays(date, -1)}T00:00:00.000Z` && asOf < `${addDays(date, 1)}T00:00:00.000Z`;
}

function pageOf(page: Page, dateColumn: string, date: string): Page {
  return {
    rows: page.rows.filter((row) => row[dateColumn] === date),
    ...(page.observations && { observations: page.observations.filter(({ asOf }) => isOfDay(asOf, date)) }),
    rejects: page.rejects.filter((reject) => reject.key?.endsWith(date)),
    next: null,
  };
}

async function openDate(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Subject,
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
  coin: Subject,
  date: string,
  request: RangeRequest,
  page: Page,
): Promise<RunResult> {
  const { logId, runId } = await openDate(deps, named, coin, date, request);
  await retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      await lockRun(trx, logId);
      // the page and the end of its row came together: nothing is left to do, whichever execution wrote them
      if (await findPage(trx, logId, null)) return;
      const { isOpen } = await takeOverRun(trx, logId, runId, null);
      if (!isOpen) return;
      const { table, key } = named.dataset;
      const counts = page.observations
        ? await writeHistory(trx, named.fullName, date, page.observations, logId)
        : await upsertRows(trx, { table, key, rows: page.rows, logId });
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
        page.rows.length > 0 || page.observations?.length
          ? { status: 'success' }
          : { status: 'failed', errorType: 'SchemaMismatch', message: page.rejects[0]!.reason },
      );
      if (counts.inserted + counts.updated > 0) await noteChangedUnits(trx, unitsOf(named.dataset.table, page.rows));
    }),
  );
  return toResult((await findRun(deps.db, logId))!);
}

async function endDate(
  deps: ActivityDeps,
  named: NamedDataset,
  coin: Subject,
  date: string,
  request: RangeRequest,
  end: { status: 'skipped' | 'failed'; errorType?: string; message: string },
): Promise<RunResult> {
  const { logId, runId } = await openDate(deps, named, coin, date, request);
  await retrying(() => endRun(deps.db, logId, runId, end));
  return toResult((await findRun(deps.db, logId))!);
}

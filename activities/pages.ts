import { Context } from '@temporalio/activity';
import type { Transaction } from 'kysely';
import { lockRun, takeOverRun, noteExpected, type RunCounts } from '../db/queries/ingestion-logs';
import { noteChangedUnits, unitsOf } from '../db/queries/changed-units';
import { findPage, insertPage, type StoredPage } from '../db/queries/ingestion-pages';
import { insertNewRejects, insertRejects, type RejectedIn } from '../db/queries/rejected-records';
import { retrying } from '../db/failures';
import type { Schema } from '../db/schema';
import { askSource, type AskedPage } from './ask-source';
import type { ActivityDeps } from './deps';
import { SourceFailure, type FailureDetails } from './failures';
import { writeHistory } from './collect/history';
import { findDataset, type NamedDataset } from './registry';
import type { Page, Reject } from './source';
import { removeStale, writeRows } from './write-rows';

// The promise: a page's rows, its counts and the next cursor land in one transaction, or nothing of it does. An attempt
// that finds its page (the one before died behind its COMMIT) returns what is stored and asks the source nothing. One
// that outlived its run (cancelled, reset, or its worker stood still for a while) writes nothing: counts would be wrong.

export interface PageRequest extends AskedPage {
  logId: number;
  dataset: string;
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

export interface Owner {
  logId: number;
  runId: string;
  continuedFrom: string | null;
  cursor: string | null;
}

export async function takeOver(deps: ActivityDeps, own: Owner, stored: StoredPage): Promise<StoredPage> {
  await retrying(() => deps.db.transaction().execute((trx) => holdRun(deps, trx, own)));
  return stored;
}

/** Locks the run's row for this attempt. Throws when its run goes on without it, or has ended. */
export async function holdRun(deps: ActivityDeps, trx: Transaction<Schema>, own: Owner): Promise<void> {
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
  page: Page & { asked: FailureDetails },
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
        const { counts, rejects } = page.observations
          ? {
              counts: await writeHistory(trx, named.fullName, request.date, page.observations, request.logId),
              rejects: [],
            }
          : await writeRows(trx, named, page.rows, request.logId);
        const all = [...page.rejects, ...rejects];
        const given = page.observations?.length ?? page.rows.length;
        assertFewRejects(page.asked, all, given + page.rejects.length, deps.settings.rejectShare);
        await insertRejects(trx, place, all);
        const restart = await removeStale(trx, named, page);
        const changed = counts.inserted + counts.updated > 0 || restart !== undefined;
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
        if (changed) await noteChangedUnits(trx, unitsOf(named.dataset.table, page.rows));
        return result;
      }),
    );
  } catch (error) {
    // the page stays invisible, but what was wrong with it does not
    if (error instanceof TooManyRejects) await keepRejects(deps, place, error.rejects);
    throw error;
  }
}

/** No page says that they are there already, so an attempt behind one that died here looks for itself. */
export async function keepRejects(deps: ActivityDeps, place: RejectedIn, rejects: readonly Reject[]): Promise<void> {
  await retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      await lockRun(trx, place.logId);
      await insertNewRejects(trx, place, rejects);
    }),
  );
}

function done({ counts, next }: StoredPage): PageDone {
  return { counts, next };
}

export class TooManyRejects extends SourceFailure {
  constructor(
    asked: FailureDetails,
    message: string,
    readonly rejects: readonly Reject[],
  ) {
    super('SchemaMismatch', `${asked.dataset}: ${message}`, asked);
  }
}

export function assertFewRejects(asked: FailureDetails, rejects: readonly Reject[], rows: number, share: number): void {
  const bad = rejects.filter((reject) => !reject.absent);
  if (bad.length === 0 || bad.length <= rows * share) return;
  throw new TooManyRejects(
    asked,
    `${bad.length} of ${rows} rows were rejected, more than ${share * 100} %; nothing of this page is visible. First: ${bad[0]!.reason}`,
    rejects,
  );
}

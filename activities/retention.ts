import { Context } from '@temporalio/activity';
import { retrying } from '../db/failures';
import { endRun, findRun, insertRun, takeOverRun } from '../db/queries/ingestion-logs';
import { sumPages } from '../db/queries/ingestion-pages';
import type { ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { retainFamily, type Position } from './retention/family';
import { deleteOldRows } from './retention/old-rows';
import { planTable, planText, type TablePlan } from './retention/plan';
import { cutoffsOf } from './retention/policies';
import { chosenTables, familyNamed, type RetainedTable } from './retention/tables';
import { toResult, type RunClose, type RunResult } from './runs';

// One run, and one row of the log, per table and logical date. Its counts: inserted are rows counted into daily values,
// updated are daily values moved to months and rows deleted for good, unchanged are late rows that were counted before.

/** Long enough that activities cost little, short enough that one is never near its time-out. */
const workMs = 30_000;

export interface RetentionRequest {
  table: RetainedTable;
  /** logical date: the newest UTC day of which everything is kept */
  date: string;
}

export interface Progress {
  isDone: boolean;
  /** where to go on */
  position?: Position;
}

export function createRetentionActivities(deps: ActivityDeps) {
  const { db, settings } = deps;
  return {
    /** The tables of a run, all without names; with `dryRun` what would be done to each. Throws BadInput. */
    async planRetention(request: {
      date: string;
      tables?: string[];
      dryRun: boolean;
    }): Promise<{ tables: RetainedTable[]; plans: (TablePlan & { says: string })[] }> {
      const tables = chosenTables(request.tables);
      const plans = [];
      for (const table of request.dryRun ? tables : []) {
        const plan = await planTable(table, { db, settings, date: request.date });
        plans.push({ ...plan, says: planText(plan) });
      }
      return { tables, plans };
    },

    /** Opens the row of a table's run, or finds it again. Returns its id. */
    async openRetention(request: RetentionRequest & { triggeredBy: string; firstExecutionRunId: string }) {
      const { table, date, triggeredBy, firstExecutionRunId } = request;
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      return retrying(async () => {
        const logId = await insertRun(db, {
          source: 'cryptoflow',
          dataType: `retention.${table}`,
          coinId: null,
          coinSymbol: null,
          targetDate: date,
          runKey: `cryptoflow.retention.${table}/all/${date}`,
          workflowId,
          firstExecutionRunId,
          runId,
          triggeredBy,
          expected: null,
        });
        // executed again after a reset: the row is open again, and counts on
        await db.transaction().execute((trx) => takeOverRun(trx, logId, runId, null));
        return { logId };
      });
    },

    /**
     * Half a minute of retention, in transactions of about 200 ms. Begun anew, or without a position, it does the same.
     */
    async retain(request: RetentionRequest & { logId: number; position?: Position }): Promise<Progress> {
      const { table, date, logId, position } = request;
      const { cancellationSignal } = Context.current();
      const endsAt = Date.now() + workMs;
      const isTimeUp = () => cancellationSignal.aborted || Date.now() >= endsAt;
      const family = familyNamed(table);
      if (!family) return { isDone: await deleteOldRows(table, { db, settings, date, logId, isTimeUp }) };
      const cutoffs = cutoffsOf(settings.retention.policies[family.detail], date);
      const next = await retainFamily({ db, family, logId, cutoffs, isTimeUp }, position);
      return { isDone: next === undefined, position: next };
    },

    /** Ends the row and returns what it says. A second call by the same execution changes nothing. */
    async closeRetention({ logId, status, errorType, message }: RunClose): Promise<RunResult> {
      const { runId } = Context.current().info.workflowExecution!;
      const done = await whatWasDone(deps, logId);
      const says = message === undefined ? done : `${message}. Before that: ${done}`;
      await retrying(() => endRun(db, logId, runId, { status, errorType, message: deps.redact(says) }));
      const run = await findRun(db, logId);
      if (!run)
        throw new SourceFailure('BadInput', `log row ${logId} is gone: it was deleted while its run was going on`);
      return toResult(run);
    },
  };
}

async function whatWasDone({ db }: ActivityDeps, logId: number): Promise<string> {
  const sums = await sumPages(db, logId);
  const parts = [
    [sums.get('aggregate')?.inserted, 'rows counted into daily values'],
    [sums.get('aggregate')?.unchanged, 'late rows discarded, which were counted already'],
    [sums.get('summarize')?.updated, 'daily values turned into monthly ones'],
    [sums.get('expire')?.updated, 'monthly values deleted'],
    [sums.get('delete')?.updated, 'rows deleted'],
  ] as const;
  const said = parts.flatMap(([count, what]) => (count ? [`${count} ${what}`] : []));
  return said.length > 0 ? said.join(', ') : 'nothing had had its time';
}

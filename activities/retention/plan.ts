import type { Kysely } from 'kysely';
import { countOldRuns } from '../../db/queries/ingestion-logs';
import {
  countCountedBefore,
  countOlder,
  countOlderObservations,
  countPeriods,
  countRows,
} from '../../db/queries/retention-plan';
import type { Schema } from '../../db/schema';
import type { DeletionWork } from './old-rows';
import { cutoffsOf, firstKept, oldestDetail, oldRunsOf } from './policies';
import { familyNamed, type RetainedTable } from './tables';

/** What a run would do to a table: rows, and the first day that would stay as it is. */
export interface TablePlan {
  table: RetainedTable;
  /** detail rows that would become daily values, and late ones that are counted already and would be deleted */
  aggregate?: { rows: number; discard: number; before: string };
  /** daily values that would become monthly ones: those of today, without what this run would add */
  summarize?: { rows: number; before: string };
  /** rows that would be deleted for good */
  delete: { rows: number; before: string };
}

/** Only reads. */
export async function planTable(
  table: RetainedTable,
  { db, date, settings }: Pick<DeletionWork, 'db' | 'date' | 'settings'>,
): Promise<TablePlan> {
  const family = familyNamed(table);
  if (family) {
    const cutoffs = cutoffsOf(settings.retention.policies[family.detail], date);
    const discard = await countCountedBefore(db, family, cutoffs.detail);
    const rows = await countRows(db, family, cutoffs.detail);
    return {
      table,
      aggregate: { rows: rows - discard, discard, before: cutoffs.detail },
      summarize: { rows: await countPeriods(db, family.aggregated, cutoffs.aggregated), before: cutoffs.aggregated },
      delete: { rows: await countPeriods(db, family.summary, cutoffs.summary), before: cutoffs.summary },
    };
  }
  return { table, delete: await deletable(table, db, { date, settings }) };
}

async function deletable(
  table: RetainedTable,
  db: Kysely<Schema>,
  { date, settings }: Pick<DeletionWork, 'date' | 'settings'>,
): Promise<TablePlan['delete']> {
  if (table === 'source_observations') {
    const before = oldestDetail(settings.retention, date);
    return { rows: await countOlderObservations(db, before), before };
  }
  if (table === 'data_ingestion_logs') {
    const which = oldRunsOf(settings, date);
    return { rows: await countOldRuns(db, which), before: which.before };
  }
  const before = firstKept(date, settings.retention.failureDays);
  return { rows: await countOlder(db, table === 'rejected_records' ? table : 'source_call_failures', before), before };
}

/** `would count 4,800 rows from before 2026-08-27 into daily values, …` */
export function planText({ aggregate, summarize, delete: removed }: TablePlan): string {
  const parts = [];
  if (aggregate) {
    parts.push(`would count ${aggregate.rows} rows from before ${aggregate.before} into daily values`);
    if (aggregate.discard > 0) parts.push(`discard ${aggregate.discard} late ones that are counted already`);
  }
  if (summarize) parts.push(`turn ${summarize.rows} daily values from before ${summarize.before} into monthly ones`);
  const what = summarize ? 'monthly values' : 'rows';
  parts.push(`${aggregate ? '' : 'would '}delete ${removed.rows} ${what} from before ${removed.before}`);
  return parts.join(', ');
}

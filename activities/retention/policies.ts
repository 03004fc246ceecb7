import { families, type FamilyName } from '../../db/families';
import type { OldRuns } from '../../db/queries/ingestion-logs';

/** How many whole days are kept of what: the detail by slot, its daily values, its monthly ones. */
export interface Policy {
  detailDays: number;
  aggregatedDays: number;
  summaryDays: number;
}

export interface RetentionSettings {
  policies: Readonly<Record<FamilyName, Policy>>;
  /** of failed calls and of rejected records */
  failureDays: number;
}

/** What is older than these days is moved on. Each is the first UTC day that stays. */
export interface Cutoffs {
  detail: string;
  /** first day of a month: only whole months move */
  aggregated: string;
  /** first day of a month */
  summary: string;
}

/**
 * The cut-offs for a run of a logical date, the last UTC day that is over. The newest `detailDays` days up to and with
 * that date stay by slot; a month becomes a monthly value when its last day is beyond `aggregatedDays`, and is deleted
 * when its last day is beyond `summaryDays`.
 */
export function cutoffsOf(policy: Policy, date: string): Cutoffs {
  return {
    detail: firstKept(date, policy.detailDays),
    aggregated: monthOf(firstKept(date, policy.aggregatedDays)),
    summary: monthOf(firstKept(date, policy.summaryDays)),
  };
}

/** The first of the newest `days` days that end with `date`. */
export function firstKept(date: string, days: number): string {
  return new Date(Date.parse(date) - (days - 1) * 86_400_000).toISOString().slice(0, 10);
}

/** The first day after which any table still has detail: before it, no state of a slot is needed. */
export function oldestDetail(settings: RetentionSettings, date: string): string {
  return families
    .map(({ detail }) => cutoffsOf(settings.policies[detail], date).detail)
    .toSorted()
    .at(0)!;
}

/** Rows of the log that have had their time, for a run of this logical date. */
export function oldRunsOf(settings: { logRetentionDays: number; retention: RetentionSettings }, date: string): OldRuns {
  return {
    before: firstKept(date, settings.logRetentionDays),
    slotsBefore: oldestDetail(settings.retention, date),
  };
}

/** Why a policy is refused; undefined: it is fine. */
export function problemOf({ detailDays, aggregatedDays, summaryDays }: Policy): string | undefined {
  if (aggregatedDays < detailDays)
    return `keeps daily values for ${aggregatedDays} days and the detail for ${detailDays}: detail would be gone before its daily values may be; give the daily ones more days`;
  if (summaryDays < aggregatedDays + daysOfMonth)
    return `keeps monthly values for ${summaryDays} days and the daily ones for ${aggregatedDays}: months would be gone when they are made; give the monthly ones at least ${daysOfMonth} days more`;
  return undefined;
}

/** Months move as a whole: the newest day of one may be this much younger than its oldest. */
const daysOfMonth = 31;

function monthOf(day: string): string {
  return `${day.slice(0, 7)}-01`;
}

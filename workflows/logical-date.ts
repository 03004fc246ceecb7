import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';

const dayMs = 86_400_000;
export const slotMs = 900_000;

const scheduledStart = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);
const scheduledBy = defineSearchAttributeKey('TemporalScheduledById', SearchAttributeType.KEYWORD);

/** The UTC day of a moment, YYYY-MM-DD. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** `date` moved by whole days. */
export function addDays(date: string, days: number): string {
  return dayOf(new Date(Date.parse(date) + days * dayMs));
}

export function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / dayMs;
}

/** A real calendar day: 2026-02-30 is none. */
export function isCalendarDay(text: string): boolean {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && dayOf(new Date(time)) === text;
}

/** `2026-11-21T10:15Z` (seconds may follow) as the moment of a quarter-hour, in milliseconds; undefined where it is none. */
export function slotOf(text: string): number | undefined {
  const [, day, minute] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00(?:\.0{1,6})?)?Z$/.exec(text) ?? [];
  if (day === undefined || !isCalendarDay(day)) return undefined;
  const ms = Date.parse(`${day}T${minute}:00.000Z`);
  return Number.isNaN(ms) || ms % slotMs !== 0 ? undefined : ms;
}

/** The name of a slot in ids, inputs and details: 2026-11-21T10:15Z. */
export function slotName(slot: string): string {
  return `${slot.slice(0, 16)}Z`;
}

/** The slot of a run that was given none: its nominal time, floored to the quarter-hour. */
export function defaultSlot(): string {
  return new Date(Math.floor(nominalTime().getTime() / slotMs) * slotMs).toISOString();
}

/** The schedule's time of this run where a schedule started it, else when it began. */
export function nominalTime(): Date {
  return workflowInfo().typedSearchAttributes.get(scheduledStart) ?? workflowInfo().runStartTime;
}

export function scheduleId(): string | undefined {
  return workflowInfo().typedSearchAttributes.get(scheduledBy);
}

/** The day on which this run really runs. */
export function today(): string {
  return dayOf(workflowInfo().runStartTime);
}

/** The logical date of a run that was given none: the day before its nominal time (rule 1). */
export function defaultDate(): string {
  return addDays(dayOf(nominalTime()), -1);
}

/** `for 2026-11-21 (schedule time 2026-11-22T01:00Z)`: the first line of a run's details. */
export function explainDate(date: string): string {
  return `for ${date} ${explainTime()}`;
}

/** The same for a slot. */
export function explainSlot(slot: string): string {
  return `for ${slotName(slot)} ${explainTime()}`;
}

function explainTime(): string {
  const isScheduled = scheduleId() !== undefined;
  return `(${isScheduled ? 'schedule' : 'start'} time ${nominalTime().toISOString().slice(0, 16)}Z)`;
}

import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities';

/**
 * Presets by kind of work. Retrying is decided by the failure itself (activities/failures.ts): it sets the delay of the
 * next attempt or says that there is none, so attempts are unlimited here, and no schedule-to-close timeout may end an
 * activity that merely waits for its turn (rule 5).
 */
const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' } as const;

/** Our own database: short statements. The heartbeat tells of a dead worker within 20 s. */
const databaseWork: ActivityOptions = { startToCloseTimeout: '2m', heartbeatTimeout: '20s', retry };

/** One request (two minutes at most), ten seconds for its permit, and one transaction. */
const sourceCall: ActivityOptions = { startToCloseTimeout: '5m', heartbeatTimeout: '20s', retry };

/** A day's file: hours to download at the slowest documented speed, minutes to load. The heartbeat tells of a dead worker. */
const bulkLoad: ActivityOptions = { startToCloseTimeout: '24h', heartbeatTimeout: '20s', retry };

/** One request of a slot: whoever is not back by its deadline is not waited for, so little time is given. */
const slotCall: ActivityOptions = { startToCloseTimeout: '90s', heartbeatTimeout: '20s', retry };

/** Rows of a quarter of a day, in one go. */
const slotsWork: ActivityOptions = { startToCloseTimeout: '10m', heartbeatTimeout: '20s', retry };

/** As long as someone else's run takes. */
const waiting: ActivityOptions = { startToCloseTimeout: '30 days', heartbeatTimeout: '20s', retry };

/** A snapshot, a restore: as long as the database is large. The failure says when it is tried again, and when not. */
const wholeDatabase: ActivityOptions = {
  startToCloseTimeout: '1 day',
  heartbeatTimeout: '1m',
  retry,
};

export type Priority = 'live' | 'manual' | 'backfill';

/** Smaller goes first: live work before what a person started, before a backfill (rule 10). */
const priorityKeys: Readonly<Record<Priority, number>> = { live: 1, manual: 2, backfill: 4 };

export function priorityOf(priority: Priority): { priorityKey: number } {
  return { priorityKey: priorityKeys[priority] };
}

/** Which part of a quota it may use: a person's run counts as live work. */
export function budgetClassOf(priority: Priority): 'live' | 'backfill' {
  return priority === 'backfill' ? 'backfill' : 'live';
}

export function database(summary: string, priority: Priority = 'manual') {
  return proxyActivities<Activities>({ ...databaseWork, summary, priority: priorityOf(priority) });
}

export function sourceQueue(taskQueue: string, summary: string, priority: Priority) {
  return onQueue(sourceCall, taskQueue, summary, priority);
}

export function bulkQueue(taskQueue: string, summary: string, priority: Priority) {
  return onQueue(bulkLoad, taskQueue, summary, priority);
}

function onQueue(preset: ActivityOptions, taskQueue: string, summary: string, priority: Priority) {
  return proxyActivities<Activities>({
    ...preset,
    taskQueue,
    summary,
    priority: priorityOf(priority),
    allowEagerDispatch: false,
  });
}

export function slotReading(taskQueue: string, summary: string, priority: Priority) {
  return proxyActivities<Activities>({
    ...slotCall,
    taskQueue,
    summary,
    priority: priorityOf(priority),
    allowEagerDispatch: false,
  });
}

export function slotRows(summary: string, priority: Priority) {
  return proxyActivities<Activities>({ ...slotsWork, summary, priority: priorityOf(priority) });
}

export function waitFor(summary: string) {
  return proxyActivities<Activities>({ ...waiting, summary });
}

export function backupWork(summary: string) {
  return proxyActivities<Activities>({ ...wholeDatabase, summary });
}

import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type Connection,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import { span, timesOf } from './schedule-times';
import { prepareNamespace } from './stack/namespace';

// The promise: `schedules apply` makes the server equal to this table, whatever was there before. It changes and deletes
// only schedules that carry our memo, keeps a pause and its reason, and every change it makes is shown with what was
// there before: an operator's change is never lost silently. Applying twice changes nothing.

/** The queue of all workflows (pinned). */
export const workflowQueue = 'cryptoflow';

export interface ScheduleRow {
  id: string;
  workflow: string;
  /** cron, UTC: minute, hour, day of month, month, day of week */
  times: string;
  /** how late a run may start after the server was down */
  catchUpMs: number;
  note: string;
}

const minute = 60_000;
const hour = 60 * minute;

/** The only table of schedules. */
export const schedules: readonly ScheduleRow[] = [
  {
    id: 'daily-ingestion',
    workflow: 'dailyIngestion',
    times: '0 1 * * *',
    // A night's outage heals by itself. After a longer one the health check names the missing dates, and an operator
    // decides how many days at once he wants; the default of a year would start them all.
    catchUpMs: 6 * hour,
    note: 'A run is for the day before its nominal time: that of 22 November 01:00 UTC is for 21 November. A backfill from 2 to 11 November fills 1 to 10 November.',
  },
  {
    id: 'collect-onchain-and-sentiment',
    workflow: 'collectOnchainAndSentiment',
    times: '*/15 * * * *',
    // A slot that is missed has no live values any more: what its sources' histories know comes by a backfill.
    catchUpMs: 14 * minute,
    note: 'A run is for the quarter-hour that begins at its nominal time. A backfill of past times gets what the histories of the sources know of them.',
  },
  {
    id: 'apply-retention',
    workflow: 'applyRetention',
    times: '30 3 * * *',
    // The next night does all that a missed one would have done.
    catchUpMs: 6 * hour,
    note: 'Turns what is beyond its days into daily and monthly values; what is kept is counted back from the day before. A backfill of it is of no use.',
  },
  {
    id: 'check-health',
    workflow: 'checkHealth',
    times: '*/15 * * * *',
    // Only the present state can be checked: the next run says all that a late one would.
    catchUpMs: 5 * minute,
    note: 'Checks the present state; a backfill of it is of no use.',
  },
  {
    id: 'sync-coins',
    workflow: 'syncCoins',
    times: '0 2 * * 1',
    // A missed week would be two weeks without new ranks.
    catchUpMs: 24 * hour,
    note: 'Refreshes names and ranks of the known coins; what an operator set by hand stays.',
  },
  {
    id: 'backup-database',
    workflow: 'backupDatabase',
    times: '0 4 * * *',
    // A late backup is as good as one in time, but tomorrow's is not today's.
    catchUpMs: 20 * hour,
    note: 'A full backup on Sundays, else what was written since the last one. It is of the present: a backfill of it is of no use.',
  },
];

const memo = { managedBy: 'cryptoflow' };

export interface ScheduleChange {
  id: string;
  /** refused: a foreign schedule has the id of one of ours */
  change: 'created' | 'updated' | 'deleted' | 'unchanged' | 'refused';
  /** field by field what is there and what the table says */
  differences: { field: string; was: string; becomes: string }[];
}

/** What `applySchedules` would do. Reads only. */
export async function diffSchedules(
  client: Client,
  rows: readonly ScheduleRow[] = schedules,
): Promise<ScheduleChange[]> {
  const changes = await Promise.all(rows.map((row) => diffRow(client, row)));
  const surplus: ScheduleChange[] = [];
  for await (const { scheduleId, memo: carried } of client.schedule.list()) {
    if (!isOurs(carried) || rows.some((row) => row.id === scheduleId)) continue;
    // the list may lag behind a deletion
    if (await describe(client, scheduleId)) surplus.push({ id: scheduleId, change: 'deleted', differences: [] });
  }
  return [...changes, ...surplus];
}

/**
 * Prepares the namespace, then makes the server equal to the table. Returns one entry per schedule of ours, with what
 * was there before. Throws where the server refuses.
 */
export async function applySchedules(
  client: Client,
  connection: Connection,
  namespace: string,
  rows: readonly ScheduleRow[] = schedules,
): Promise<ScheduleChange[]> {
  await prepareNamespace(connection, namespace);
  const changes = await diffSchedules(client, rows);
  for (const { id, change } of changes) {
    const row = rows.find((each) => each.id === id);
    if (change === 'deleted') await client.schedule.getHandle(id).delete();
    if (change === 'created') await client.schedule.create({ ...optionsOf(row!), memo });
    if (change === 'updated') {
      await client.schedule.getHandle(id).update(({ state }) => ({
        ...optionsOf(row!),
        state: { paused: state.paused, note: state.paused ? state.note : row!.note },
      }));
    }
  }
  return changes;
}

export interface ListedSchedule {
  id: string;
  isOurs: boolean;
  workflow: string;
  times: string;
  isPaused: boolean;
  note: string | null;
  /** ISO; null: none, or paused */
  nextRun: string | null;
  lastRun: string | null;
}

/** Ours and foreign ones, ours first. Those of the table are read one by one: the server's list may lag seconds behind. */
export async function listSchedules(client: Client): Promise<ListedSchedule[]> {
  const ids = new Set(schedules.map((row) => row.id));
  for await (const { scheduleId } of client.schedule.list()) ids.add(scheduleId);
  const found = await Promise.all([...ids].map((id) => describe(client, id)));
  return found
    .flatMap((each) => (each ? [listed(each)] : []))
    .toSorted((one, other) => Number(other.isOurs) - Number(one.isOurs) || one.id.localeCompare(other.id));
}

function listed({ scheduleId, memo: carried, action, spec, state, info }: ScheduleDescription): ListedSchedule {
  return {
    id: scheduleId,
    isOurs: isOurs(carried),
    workflow: action.workflowType,
    times: timesOf(spec),
    isPaused: state.paused,
    note: state.note ?? null,
    nextRun: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
    lastRun: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
  };
}

/** Pauses or resumes one schedule; a resumed one of ours gets its note back. Throws for an id that does not exist. */
export async function setPaused(client: Client, id: string, pause: { note: string } | undefined): Promise<void> {
  const handle = client.schedule.getHandle(id);
  if (pause) await handle.pause(pause.note);
  else await handle.unpause(schedules.find((row) => row.id === id)?.note ?? 'resumed');
}

async function describe(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

async function diffRow(client: Client, row: ScheduleRow): Promise<ScheduleChange> {
  const { id } = row;
  const found = await describe(client, id);
  if (!found) return { id, change: 'created', differences: [] };
  if (!isOurs(found.memo)) return { id, change: 'refused', differences: [] };
  const is = fieldsOf(found);
  const differences = Object.entries(fieldsOfRow(row)).flatMap(([field, becomes]) => {
    // a pause keeps the reason that was given for it
    const isSame = is[field] === becomes || (field === 'note' && found.state.paused);
    return isSame ? [] : [{ field, was: is[field] ?? '', becomes }];
  });
  return { id, change: differences.length > 0 ? 'updated' : 'unchanged', differences };
}

function isOurs(carried: Record<string, unknown> | undefined): boolean {
  return carried?.managedBy === memo.managedBy;
}

function optionsOf(row: ScheduleRow): ScheduleOptions {
  return {
    scheduleId: row.id,
    spec: { cronExpressions: [row.times], timezone: 'UTC' },
    action: {
      type: 'startWorkflow',
      workflowType: row.workflow,
      workflowId: row.id,
      taskQueue: workflowQueue,
      args: [],
    },
    policies: {
      // the others drop or hold back runs of a backfill (DESIGN.md, section 7); the child's id keeps runs apart
      overlap: ScheduleOverlapPolicy.ALLOW_ALL,
      catchupWindow: row.catchUpMs,
      pauseOnFailure: false,
    },
    state: { note: row.note },
  };
}

type Fields = Readonly<Record<string, string>>;

function fieldsOfRow(row: ScheduleRow): Fields {
  return {
    times: `${row.times} UTC`,
    workflow: row.workflow,
    'workflow id': row.id,
    'task queue': workflowQueue,
    input: '[]',
    'time-outs': 'none',
    retry: 'none',
    overlap: ScheduleOverlapPolicy.ALLOW_ALL,
    'catch-up window': span(row.catchUpMs),
    'pause on failure': 'no',
    'runs left': 'no limit',
    note: row.note,
  };
}

function fieldsOf({ spec, action, policies, state }: ScheduleDescription): Fields {
  const timeouts = [action.workflowExecutionTimeout, action.workflowRunTimeout, action.workflowTaskTimeout].filter(
    Boolean,
  );
  return {
    times: timesOf(spec),
    workflow: action.workflowType,
    'workflow id': action.workflowId ?? '',
    'task queue': action.taskQueue,
    input: JSON.stringify(action.args ?? []),
    'time-outs': timeouts.length > 0 ? timeouts.join(', ') : 'none',
    retry: action.retry ? JSON.stringify(action.retry) : 'none',
    overlap: policies.overlap ?? '',
    'catch-up window': span(policies.catchupWindow),
    'pause on failure': policies.pauseOnFailure ? 'yes' : 'no',
    'runs left': state.remainingActions === undefined ? 'no limit' : String(state.remainingActions),
    note: state.note ?? '',
  };
}

import { ScheduleNotFoundError, isGrpcServiceError, type ScheduleDescription } from '@temporalio/client';
import { datesWithRuns } from '../../db/queries/health';
import { statesOfKeys } from '../../db/queries/slots';
import { slotRunKey, tableRuns } from '../collect/slot-runs';
import { slotMs, slotName } from '../collect/slots';
import { datasets } from '../registry';
import { brief, dayFrom, firstFew, ok, warning, type HealthContext } from './check';

/** The table in workers/schedules.ts says what they do; activities cannot import it, a test compares the two. */
export const expectedSchedules = [
  'daily-ingestion',
  'apply-retention',
  'collect-onchain-and-sentiment',
  'check-health',
  'sync-coins',
  'backup-database',
] as const;

/** Time within which a DAG that was started must have opened its first run. */
const logWithinMs = 30 * 60_000;

/** gRPC UNIMPLEMENTED: the time-skipping test server has no schedules. */
const unimplemented = 12;

/** Are the schedules there and running, and did each start of those that are logged become runs? */
export async function schedules(context: HealthContext) {
  const missing: string[] = [];
  const problems: string[] = [];
  for (const id of expectedSchedules) {
    const schedule = await describeSchedule(context, id);
    if (schedule === 'unsupported') return ok('not supported here');
    if (schedule === 'missing') {
      missing.push(id);
      continue;
    }
    const { paused, note } = schedule.state;
    if (paused)
      problems.push(`${id} is paused${note ? ` (${brief(note)})` : ''}: npm run cli -- schedules resume ${id}`);
    if (id === 'daily-ingestion') problems.push(...(await notLogged(context, schedule)));
    if (id === 'collect-onchain-and-sentiment') problems.push(...(await slotsNotLogged(context, schedule)));
  }
  if (missing.length > 0) problems.unshift(`missing: ${missing.join(', ')}; make them: npm run cli -- schedules apply`);
  return problems.length > 0 ? warning(problems.join('. ')) : ok(`${expectedSchedules.join(', ')} are there and run`);
}

export async function describeSchedule(
  { deps }: HealthContext,
  id: string,
): Promise<ScheduleDescription | 'missing' | 'unsupported'> {
  try {
    return await deps.client.schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return 'missing';
    const cause = error instanceof Error ? error.cause : undefined;
    if ([error, cause].some((each) => isGrpcServiceError(each) && Number(each.code) === unimplemented))
      return 'unsupported';
    throw error;
  }
}

/** The schedule's time is one day after the date that its run is for. */
async function notLogged({ deps, now }: HealthContext, { info }: ScheduleDescription): Promise<string[]> {
  const started = info.recentActions.filter(({ takenAt }) => now.getTime() - takenAt.getTime() > logWithinMs);
  const dates = [...new Set(started.map(({ scheduledAt }) => dayFrom(scheduledAt, -1)))].toSorted();
  const daily = datasets.filter(({ dataset }) => dataset.daily);
  const logged = await datesWithRuns(
    deps.db,
    daily.map(({ source, name }) => ({ source: source.name, dataType: name })),
    dates,
  );
  return dates
    .filter((date) => !logged.has(date))
    .map(
      (date) =>
        `daily-ingestion started for ${date}, but no run of that date is logged: is a worker running? See the workflow in the Temporal UI`,
    );
}

/** The schedule's time is the slot. */
async function slotsNotLogged({ deps, now }: HealthContext, { info }: ScheduleDescription): Promise<string[]> {
  const started = info.recentActions.filter(({ takenAt }) => now.getTime() - takenAt.getTime() > logWithinMs);
  const slots = started.map(({ scheduledAt }) =>
    new Date(Math.floor(scheduledAt.getTime() / slotMs) * slotMs).toISOString(),
  );
  const names = [...new Set(slots)].toSorted();
  const keyOf = (slot: string): string => slotRunKey('cryptoflow', tableRuns.onchain, slot);
  const logged = await statesOfKeys(deps.db, names.map(keyOf));
  const missing = names.filter((slot) => !logged.has(keyOf(slot))).map(slotName);
  if (missing.length === 0) return [];
  return [
    `collect-onchain-and-sentiment started for ${firstFew(missing)}, but no run of it is logged: is a worker running? See the workflow in the Temporal UI`,
  ];
}

import { catchAllRows, ensurePartitionsAhead } from '../../db/partitions';
import { budgetStates, largestTables, recentRuns as findRecentRuns, unmendedFailures } from '../../db/queries/health';
import { brief, firstFew, ok, warning, type HealthContext } from './check';

const monthsAhead = 3;
const nearlyUsed = 0.9;

/** Makes the partitions of the coming months, and tells of rows that have no month of their own. */
export async function partitions({ deps, now }: HealthContext) {
  const made = await ensurePartitionsAhead(deps.db, now, monthsAhead);
  const strays = await catchAllRows(deps.db);
  const done = made.length > 0 ? `made ${firstFew(made)}` : `there for ${monthsAhead} months ahead`;
  if (strays.length === 0) return ok(done);
  const { table, partition } = strays[0]!;
  return warning(
    `rows outside every month: ${firstFew(strays.map((each) => `${each.table}.${each.partition}`))}; queries by time read all of them. ` +
      `See whether their times are right: SELECT * FROM ${table} PARTITION (${partition}) LIMIT 10; if so, split it when nothing runs: ALTER TABLE ${table} REORGANIZE PARTITION ${partition} INTO (…)`,
  );
}

/** What ran in the last day, and what failed without having been mended. */
export async function recentRuns({ deps }: HealthContext) {
  const counts = await findRecentRuns(deps.db);
  const lastHour = counts.reduce((sum, each) => sum + each.lastHour, 0);
  const summary = `24 h: ${counts.map(({ status, runs }) => `${runs} ${status}`).join(', ') || 'no run'}; last hour: ${lastHour}`;
  const { total, first } = await unmendedFailures(deps.db, 3);
  if (total === 0) return ok(summary);
  const what = first.map(({ source, dataType, coinId, targetDate, errorType, message }) => {
    return `${source}.${dataType} ${coinId ?? 'all'} ${targetDate ?? ''} (${errorType ?? 'failed'}: ${brief(message)})`;
  });
  return warning(
    `${summary}. Failed, and not mended since: ${firstFew(what, total)}. What to do stands in each: npm run cli -- logs --status failed`,
  );
}

/** Sources that cannot work, may not work now, or soon may not. */
export async function sources({ deps }: HealthContext) {
  const budgets = await budgetStates(deps.db);
  const problems = [...deps.sources.values()].flatMap(({ source, unusable }) =>
    unusable === undefined ? [] : [`${source.name} cannot work here: ${brief(unusable)}`],
  );
  for (const { source, pausedUntil, pausedReason, dayUsed, monthUsed } of budgets) {
    if (pausedUntil !== null) {
      problems.push(
        `${source} is paused until ${pausedUntil.slice(0, 16)} UTC (${brief(pausedReason)}); to go on now: npm run cli -- sources resume ${source}`,
      );
    }
    if ((dayUsed ?? 0) > nearlyUsed)
      problems.push(`${source} has used ${percent(dayUsed!)} of today's quota; it begins again at 00:00 UTC`);
    if ((monthUsed ?? 0) > nearlyUsed)
      problems.push(
        `${source} has used ${percent(monthUsed!)} of this month's quota; it begins again on the 1st, or use a larger plan`,
      );
  }
  if (problems.length > 0) return warning(problems.join('. '));
  return ok(
    `${[...deps.sources.values()].map(({ source, planName }) => `${source.name} (${planName})`).join(', ')} can work`,
  );
}

function percent(share: number): string {
  return `${Math.floor(100 * share)} %`;
}

export async function tableSizes({ deps }: HealthContext) {
  const tables = await largestTables(deps.db, 5);
  return ok(tables.map(({ table, rows, sizeMb }) => `${table} ${sizeMb} MB (about ${rows} rows)`).join(', '));
}

import { catchAllRows, ensurePartitionsAhead } from '../../db/partitions';
import { largestTables, recentRuns as findRecentRuns, unmendedFailures } from '../../db/queries/health';
import { endless, listBudgets } from '../../db/queries/source-budgets';
import { brief, firstFew, ok, warning, whenOf, type HealthContext } from './check';

const monthsAhead = 3;
const warnAtShare = 0.9;

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
  const what = first.map(({ source, dataType, coinId, errorType, message, ...of }) => {
    return `${source}.${dataType} ${coinId ?? 'all'} ${whenOf(of)} (${errorType ?? 'failed'}: ${brief(message)})`;
  });
  return warning(
    `${summary}. Failed, and not mended since: ${firstFew(what, total)}. What to do stands in each: npm run cli -- logs --status failed`,
  );
}

/** Sources that cannot work, may not work now, or soon may not. */
export async function sources({ deps }: HealthContext) {
  const configured = [...deps.sources.values()];
  const budgets = await listBudgets(deps.db);
  const problems = [
    ...configured.flatMap(({ source, unusable }) =>
      unusable === undefined ? [] : [`${source.name} cannot work here: ${brief(unusable)}`],
    ),
    ...budgets.flatMap(({ source, paused_until: until, paused_reason: reason }) => {
      if (until === null) return [];
      const howLong = until === endless ? 'until someone resumes it' : `until ${until.slice(0, 16)} UTC`;
      return [
        `${source} is paused ${howLong}${reason === null ? '' : ` (${brief(reason)})`}; to go on now: npm run cli -- sources resume ${source}`,
      ];
    }),
    ...budgets.flatMap((budget) => [
      ...nearlyUsed(budget.source, 'today', budget.day_quota, [budget.day_live, budget.day_backfill]),
      ...nearlyUsed(budget.source, 'this month', budget.month_quota, [budget.month_live, budget.month_backfill]),
    ]),
  ];
  if (problems.length > 0) return warning(problems.join('. '));
  return ok(`${configured.map(({ source, planName }) => `${source.name} (${planName})`).join(', ')} can work`);
}

function nearlyUsed(source: string, when: string, quota: string | null, spent: readonly string[]): string[] {
  const share = quota === null ? 0 : spent.reduce((sum, units) => sum + Number(units), 0) / Number(quota);
  if (share <= warnAtShare) return [];
  return [
    `${source} has used ${Math.floor(100 * share)} % of its quota of ${when} (UTC); then its runs wait for the next, or use a larger plan`,
  ];
}

export async function tableSizes({ deps }: HealthContext) {
  const tables = await largestTables(deps.db, 5);
  return ok(tables.map(({ table, rows, sizeMb }) => `${table} ${sizeMb} MB (about ${rows} rows)`).join(', '));
}

import { applyBudgets } from '../../activities/budget';
import type { ActivityDeps } from '../../activities/deps';

/** A budget for every source that has none yet. Those that the workers set stay: their plan may not be this shell's. */
export async function ensureBudgets({ db, sources }: Pick<ActivityDeps, 'db' | 'sources'>): Promise<void> {
  const rows = await db.selectFrom('source_budgets').select('source').execute();
  const known = new Set(rows.map((row) => row.source));
  await applyBudgets(
    db,
    [...sources.values()].filter(({ source }) => !known.has(source.name)),
  );
}

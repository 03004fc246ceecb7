import type { BackupRow } from '../../db/queries/backups';

type Kept = Pick<BackupRow, 'id' | 'kind' | 'baseId'>;

/** Which of the good backups are no longer needed, oldest first. What a kept one goes back to is kept too. */
export function surplus(backups: readonly Kept[], keep: { daily: number; weekly: number }): string[] {
  const newestFirst = backups.toSorted((one, other) => (one.id < other.id ? 1 : -1));
  const days = firstOfEach(newestFirst, ({ id }) => id.slice(0, 10)).slice(0, keep.daily);
  const weeks = firstOfEach(
    newestFirst.filter(({ kind }) => kind === 'full'),
    ({ id }) => mondayOf(id.slice(0, 10)),
  ).slice(0, keep.weekly);
  const needed = new Set<string>();
  for (const { id, baseId } of [...days, ...weeks]) {
    needed.add(id);
    if (baseId === null) continue;
    needed.add(baseId);
    for (const other of backups) if (other.baseId === baseId && other.id < id) needed.add(other.id);
  }
  return newestFirst.flatMap(({ id }) => (needed.has(id) ? [] : [id])).toReversed();
}

function firstOfEach<T>(all: readonly T[], group: (each: T) => string): T[] {
  const seen = new Set<string>();
  return all.filter((each) => {
    const name = group(each);
    return !seen.has(name) && seen.add(name);
  });
}

function mondayOf(day: string): string {
  const time = new Date(day);
  return new Date(time.getTime() - ((time.getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
}

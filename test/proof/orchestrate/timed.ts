export interface Shape {
  /** one after another, or all at once */
  order: 'chain' | 'fan';
  /** one task or run for each */
  dates: string[];
}

/** Milliseconds per task by the workflow's clock: the server's, at the start of the task that has seen the last answer. */
export async function timed(
  { order, dates }: Shape,
  work: (date: string, index: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = Date.now();
  if (order === 'fan') await Promise.all(dates.map(work));
  else for (const [index, date] of dates.entries()) await work(date, index);
  return (Date.now() - startedAt) / dates.length;
}

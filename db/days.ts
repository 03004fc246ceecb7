// UTC days and months as text, YYYY-MM-DD: they compare as they are.

/** The UTC day after a day, YYYY-MM-DD. */
export function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}

/** The first day of the next month. @param month first day of a month */
export function monthAfter(month: string): string {
  const [year, index] = month.split('-').map(Number);
  return new Date(Date.UTC(year!, index!)).toISOString().slice(0, 10);
}

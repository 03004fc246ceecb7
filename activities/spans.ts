// Spans of time as people and our own constants write them: 90m, 6h, 2d.

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 366 * 86_400_000;

/** `90m`, `6h`, `2d` in milliseconds, at most a year; undefined for anything else. */
export function parseSpan(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  return ms > 0 && ms <= longestMs ? ms : undefined;
}

/** The same for constants of our own sources: throws for what is no span. */
export function spanMs(text: string): number {
  const ms = parseSpan(text);
  if (ms === undefined) throw new Error(`not a span of time: ${text}`);
  return ms;
}

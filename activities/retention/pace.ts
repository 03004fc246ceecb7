/** Long enough that a chunk's fixed costs do not count, short enough that nobody waits for its locks. */
const targetMs = 200;
const mostUnits = 5_000;

/** How many units (coins of a day, rows) the next transaction takes. */
export interface Pace {
  size: number;
}

/** Adapts to what the last transaction took. */
export function adapt(pace: Pace, units: number, ms: number): void {
  // never more than doubled, and not forgetting at once what it was: one slow moment of the machine is no new measure
  const wanted = (units * Math.min(2, targetMs / Math.max(ms, 1)) + pace.size) / 2;
  if (wanted < pace.size && ms < targetMs) return;
  pace.size = Math.min(mostUnits, Math.max(1, Math.floor(wanted)));
}

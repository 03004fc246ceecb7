/** Long enough that a chunk's fixed costs do not count, short enough that nobody waits for its locks. */
const targetMs = 200;
const mostUnits = 5_000;

/** How many units (coins of a day, rows) the next transaction takes. */
export interface Pace {
  size: number;
}

/** Adapts to what the last transaction took: never more than doubled, so that one lucky chunk makes no long one. */
export function adapt(pace: Pace, units: number, ms: number): void {
  // a chunk that was smaller than allowed says little about larger ones, unless it was slow
  if (units < pace.size && ms < targetMs) return;
  const wanted = units * Math.min(2, targetMs / Math.max(ms, 1));
  pace.size = Math.min(mostUnits, Math.max(1, Math.floor(wanted)));
}

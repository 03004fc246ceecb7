/**
 * Long enough that a chunk's fixed costs do not count, short enough that nobody waits for its locks. Chunks vary by half:
 * this keeps most of them below 200 ms.
 */
const targetMs = 150;
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
  // up when it was fast, down when it was slow: plain rounding down would never leave a size of one again
  const whole = ms < targetMs ? Math.ceil(wanted) : Math.floor(wanted);
  pace.size = Math.min(mostUnits, Math.max(1, whole));
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Days since 1970-01-01 UTC. */
export function dayNumber(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** `2026-11-21` in UTC. */
export function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `2026-11-21 13:05:00` in UTC, the way Blockchair writes times. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

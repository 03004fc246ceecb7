/** Slots are quarter-hours of UTC; ages and intervals are spans of time. */

export const slotMs = 15 * 60_000;
const dayMs = 86_400_000;

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: dayMs };

/** `15m`, `2h`, `7d` in milliseconds. Throws for anything else: these are constants of our own sources. */
export function spanMs(text: string): number {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  if (Number.isNaN(ms)) throw new Error(`not a span of time: ${text}`);
  return ms;
}

/** The name of a slot in ids, logs and messages: 2026-11-22T10:15Z. */
export function slotName(slot: string | number): string {
  return `${new Date(slot).toISOString().slice(0, 16)}Z`;
}

/** The 96 slots of a UTC day, ISO. */
export function slotsOf(date: string): string[] {
  const first = Date.parse(date);
  return Array.from({ length: dayMs / slotMs }, (_, index) => new Date(first + index * slotMs).toISOString());
}

/** The database's way to write a slot, and back. */
export function slotColumn(slot: string): string {
  return slot.replace('T', ' ').replace('Z', '');
}

export function slotOfColumn(text: string): string {
  return new Date(`${text.replace(' ', 'T').slice(0, 23)}Z`).toISOString();
}

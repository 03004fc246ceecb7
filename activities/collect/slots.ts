/** Slots are quarter-hours of UTC. */

export const slotMs = 15 * 60_000;
const dayMs = 86_400_000;

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

import { sql, type Kysely, type Transaction } from 'kysely';
import type { FamilyName } from '../families';
import type { Schema } from '../schema';

// The promise: a slot is counted once. One row per table, coin and day says which of its 96 slots are in the aggregates.
// Who moves slots holds that row (InnoDB's lock on it) from before it reads them until they are deleted, so the bits, the
// aggregates and the detail change together or not at all. A row that comes late is judged by its bit: set, it has been
// counted and is discarded; not set, it is new and is merged.

/** Slots of a day as bits: low has slots 0 to 47 (00:00 to 11:45), high 48 to 95. Both are below 2^48. */
export interface SlotBits {
  low: bigint;
  high: bigint;
}

export const slotMinutes = 15;
const half = 48;

/** The number of the slot within its UTC day, of the time in `column`. */
export const slotNumber = (column: string) =>
  sql<number>`(HOUR(${sql.ref(column)}) * 4 + MINUTE(${sql.ref(column)}) DIV ${sql.lit(slotMinutes)})`;

export const lowBit = (column: string) =>
  sql`IF(${slotNumber(column)} < ${sql.lit(half)}, 1 << ${slotNumber(column)}, 0)`;
export const highBit = (column: string) =>
  sql`IF(${slotNumber(column)} < ${sql.lit(half)}, 0, 1 << (${slotNumber(column)} - ${sql.lit(half)}))`;

/** Whether the slot of a row `detail` is in the aggregates, by the ledger row `ledger` of its coin and day. */
export const isCounted = (detail: string, ledger: string) => {
  const column = `${detail}.timestamp_iso`;
  return sql<boolean>`((${lowBit(column)} & ${sql.ref(`${ledger}.slots_low`)}) <> 0 OR (${highBit(column)} & ${sql.ref(`${ledger}.slots_high`)}) <> 0)`;
};

/** Makes the rows that are missing and locks all of them until the transaction ends. Returns the bits by coin. */
export async function holdLedger(
  trx: Transaction<Schema>,
  table: FamilyName,
  day: string,
  coinIds: readonly string[],
): Promise<Map<string, SlotBits>> {
  await trx
    .insertInto('retention_ledger')
    .values(coinIds.map((coin) => ({ table_name: table, coin_id: coin, day })))
    .onDuplicateKeyUpdate({ day: sql`VALUES(day)` })
    .execute();
  const rows = await selectBits(trx, table, day, coinIds).forUpdate().execute();
  return new Map(rows.map(toEntry));
}

/** Adds slots to rows that are held. */
export async function markSlots(
  trx: Transaction<Schema>,
  table: FamilyName,
  day: string,
  slots: ReadonlyMap<string, SlotBits>,
): Promise<void> {
  if (slots.size === 0) return;
  await trx
    .insertInto('retention_ledger')
    .values(
      [...slots].map(([coin, { low, high }]) => ({
        table_name: table,
        coin_id: coin,
        day,
        slots_low: low,
        slots_high: high,
      })),
    )
    .onDuplicateKeyUpdate({
      slots_low: sql`slots_low | VALUES(slots_low)`,
      slots_high: sql`slots_high | VALUES(slots_high)`,
    })
    .execute();
}

/**
 * The slots of a UTC day that are in the aggregates already, by coin: `hasSlot(slots.get(coin), slot)`. For who writes a
 * past slot again: what is archived stays as it is. Coins of which nothing is archived are not in the map. Asking without
 * a lock is safe: should retention take the slot between the answer and the write, its next run finds the row, sees the
 * bit and discards it.
 */
export async function archivedSlots(
  db: Kysely<Schema>,
  table: FamilyName,
  day: string,
  coinIds: readonly string[],
): Promise<Map<string, SlotBits>> {
  if (coinIds.length === 0) return new Map();
  const rows = await selectBits(db, table, day, coinIds).execute();
  return new Map(rows.map(toEntry).filter(([, { low, high }]) => low !== 0n || high !== 0n));
}

/**
 * Rows that are about to be written, parted: those of slots that are in the aggregates already change nothing any more,
 * and are better said to be unchanged than written for retention to discard.
 */
export async function partArchived<T extends Readonly<Record<string, unknown>>>(
  db: Kysely<Schema>,
  table: FamilyName,
  rows: readonly T[],
): Promise<{ open: T[]; archived: T[] }> {
  const days = new Map<string, T[]>();
  for (const row of rows) {
    const day = slotOf(row).slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), row]);
  }
  const parted = { open: [] as T[], archived: [] as T[] };
  for (const [day, all] of days) {
    const coins = [...new Set(all.map((row) => String(row.coin_id)))];
    const slots = await archivedSlots(db, table, day, coins);
    for (const row of all)
      (hasSlot(slots.get(String(row.coin_id)), slotOf(row)) ? parted.archived : parted.open).push(row);
  }
  return parted;
}

function slotOf({ timestamp_iso: slot }: Readonly<Record<string, unknown>>): string {
  return slot instanceof Date ? slot.toISOString() : String(slot);
}

/** @param slot time of the slot, ISO or as the database writes it, UTC */
export function hasSlot(bits: SlotBits | undefined, slot: string): boolean {
  if (!bits) return false;
  const [hours, minutes] = [Number(slot.slice(11, 13)), Number(slot.slice(14, 16))];
  const number = hours * 4 + Math.floor(minutes / slotMinutes);
  return number < half
    ? ((bits.low >> BigInt(number)) & 1n) === 1n
    : ((bits.high >> BigInt(number - half)) & 1n) === 1n;
}

export function isEmpty({ low, high }: SlotBits): boolean {
  return low === 0n && high === 0n;
}

function selectBits(db: Kysely<Schema>, table: FamilyName, day: string, coinIds: readonly string[]) {
  return db
    .selectFrom('retention_ledger')
    .select(['coin_id', 'slots_low', 'slots_high'])
    .where('table_name', '=', table)
    .where('day', '=', day)
    .where('coin_id', 'in', [...coinIds]);
}

function toEntry(row: {
  coin_id: string;
  slots_low: number | string;
  slots_high: number | string;
}): [string, SlotBits] {
  return [row.coin_id, { low: BigInt(row.slots_low), high: BigInt(row.slots_high) }];
}

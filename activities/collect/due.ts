import type { Reading, SourceAsset } from '../observation';
import { spanMs } from '../spans';
import { slotMs } from './slots';

/** When an asset was asked for last, by reading (ISO slot); undefined: never. */
export type AskedAt = (asset: SourceAsset, reading: string) => string | undefined;

/** One request of a slot. */
export interface DueRequest {
  reading: string;
  assets: readonly SourceAsset[];
}

/** What is left of a source's month for slots, and how many slots are left. Undefined: there is no such quota. */
export interface MonthLeft {
  requests: number;
  slots: number;
  /** the number of this slot in its month, from 0 */
  slotNumber: number;
}

/** A reading by asset starts empty: so many at once at most, and never less than what keeps it fresh. */
const perAssetAtOnce = 5;

/**
 * The requests of one source in one slot. Readings of many assets come first, whenever they are due. Those of single
 * assets ask for the ones that were asked longest ago, twice as many as would keep all fresh, within the `most` requests
 * that the source answers before the slot is written. Where a month's quota is
 * limited, everything is slowed down to what lasts to its end: a free plan works, only fresher data costs more.
 */
export function dueRequests(
  readings: Readonly<Record<string, Reading>>,
  assets: readonly SourceAsset[],
  slot: string,
  askedAt: AskedAt,
  most: number,
  month: MonthLeft | undefined,
): DueRequest[] {
  const batches: DueRequest[] = [];
  const singles: DueRequest[] = [];
  for (const [reading, asking] of Object.entries(readings)) {
    const { every, batch } = asking;
    const covered = assets.filter((asset) => asking.covers?.(asset) ?? true);
    const latest = Date.parse(slot) - spanMs(every);
    const due = covered.filter((asset) => {
      const asked = askedAt(asset, reading);
      return asked === undefined || Date.parse(asked) <= latest;
    });
    if (batch > 1) {
      // all or none: a request for a part costs as much
      const all = due.length > 0 ? covered : [];
      for (let from = 0; from < all.length; from += batch)
        batches.push({ reading, assets: all.slice(from, from + batch) });
      continue;
    }
    const toKeepFresh = Math.ceil((2 * covered.length * slotMs) / spanMs(every));
    const oldestFirst = due.toSorted((one, other) => {
      const [a, b] = [askedAt(one, reading) ?? '', askedAt(other, reading) ?? ''];
      return a < b ? -1 : a > b ? 1 : one.coinId.localeCompare(other.coinId);
    });
    const atOnce = Math.max(perAssetAtOnce, toKeepFresh);
    singles.push(...oldestFirst.slice(0, atOnce).map((asset) => ({ reading, assets: [asset] })));
  }
  const within = singles.slice(0, Math.max(0, most - batches.length));
  if (!month) return [...batches, ...within];
  const perSlot = Math.max(0, month.requests) / Math.max(1, month.slots);
  // an even share of the slots asks, where there is less than one round of batches for each
  const share = batches.length === 0 ? 1 : Math.min(1, perSlot / batches.length);
  const isTurn = Math.floor((month.slotNumber + 1) * share) > Math.floor(month.slotNumber * share);
  const asked = isTurn ? batches : [];
  return [...asked, ...within.slice(0, Math.max(0, Math.floor(perSlot - batches.length)))];
}

/**
 * What slots may still spend of a month: its quota without the part that is kept for backfills, without what is used,
 * and without what the daily DAG will need until the month is over.
 */
export function monthLeft(
  budget: { monthQuota: number; usedThisMonth: number; backfillReserve: number },
  dailyRequests: number,
  slot: string,
): MonthLeft {
  const at = new Date(slot);
  const first = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  const end = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
  const slots = (end - at.getTime()) / slotMs;
  const daysLeft = Math.ceil((end - at.getTime()) / 86_400_000);
  const { monthQuota, usedThisMonth, backfillReserve } = budget;
  return {
    requests: monthQuota * (1 - backfillReserve) - usedThisMonth - dailyRequests * daysLeft,
    slots,
    slotNumber: (at.getTime() - first) / slotMs,
  };
}

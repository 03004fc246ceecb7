import type { ChainTraits } from './coins';
import { randomFrom } from './random';
import { DAY_MS, dayNumber } from './time';

/** A block before its contents: what can be known without making its transactions. */
export interface BlockSlot {
  id: number;
  ms: number;
  /** Transactions that people sent, the coinbase of a Bitcoin-like chain included. */
  transactions: number;
  /** How many such transactions the chain had before this block. */
  transactionsBefore: number;
}

/** Heights and times of one chain. Every day has the same number of blocks, so no date needs the days before it. */
export interface Timeline {
  blocksPerDay: number;
  slot(id: number): BlockSlot | undefined;
  /** Id of the last block at or before a moment; -1 before the first one. */
  lastAt(ms: number): number;
}

/** Days whose slots are kept; a run over one date touches one or two. */
const KEPT_DAYS = 64;

export function createTimeline(
  seed: string,
  traits: ChainTraits,
  size: { blocksPerDay: number; transactionsPerDay: number },
): Timeline {
  const { blocksPerDay } = size;
  // Every block has at least one transaction.
  const transactionsPerDay = Math.max(size.transactionsPerDay, blocksPerDay);
  const firstDay = dayNumber(Date.parse(traits.genesis));
  const days = new Map<number, BlockSlot[]>();

  function slotsOf(day: number): BlockSlot[] {
    const known = days.get(day);
    if (known) return known;
    const made = makeSlots(day);
    days.set(day, made);
    for (const oldest of days.keys()) {
      if (days.size <= KEPT_DAYS) break;
      days.delete(oldest);
    }
    return made;
  }

  function makeSlots(day: number): BlockSlot[] {
    const random = randomFrom(`${seed}/${traits.slug}/day/${day}`);
    const weights = Array.from({ length: blocksPerDay }, () => 0.2 + random.unit() * random.unit() * 3);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const spare = transactionsPerDay - blocksPerDay;
    let weightSoFar = 0;
    let sharedSoFar = 0;
    let before = (day - firstDay) * transactionsPerDay;
    return weights.map((weight, index) => {
      weightSoFar += weight;
      const shared = index === blocksPerDay - 1 ? spare : Math.floor((spare * weightSoFar) / total);
      const transactions = 1 + shared - sharedSoFar;
      sharedSoFar = shared;
      const second = Math.floor(((index + 0.05 + 0.9 * random.unit()) * 86_400) / blocksPerDay);
      const slot = {
        id: (day - firstDay) * blocksPerDay + index,
        ms: day * DAY_MS + second * 1000,
        transactions,
        transactionsBefore: before,
      };
      before += transactions;
      return slot;
    });
  }

  return {
    blocksPerDay,
    slot(id) {
      if (id < 0) return undefined;
      return slotsOf(firstDay + Math.floor(id / blocksPerDay))[id % blocksPerDay];
    },
    lastAt(ms) {
      const day = dayNumber(ms);
      if (day < firstDay) return -1;
      const later = slotsOf(day).findIndex((slot) => slot.ms > ms);
      return (day - firstDay) * blocksPerDay + (later === -1 ? blocksPerDay : later) - 1;
    },
  };
}

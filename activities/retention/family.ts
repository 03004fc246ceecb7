import { performance } from 'node:perf_hooks';
import { dayAfter } from '../../db/days';
import { mergeEmptyMonths } from '../../db/partitions';
import { coinsOfDay, coinsOfMonth, firstDay, firstLedgerDay, firstMonth } from '../../db/queries/retention';
import { aggregateDay, expireMonth, forgetDay, summarizeMonth, type ChunkWork } from './chunks';
import { adapt, type Pace } from './pace';
import type { Cutoffs } from './policies';

/** Where the work stands: everything before it is done. It goes from one activity to the next. */
export interface Position {
  step: 'tidy' | 'aggregate' | 'summarize' | 'expire';
  /** aggregate: the day to look from; deleted rows before it may not be cleared away yet, and would be read again */
  from: string;
  pace: Pace;
}

export const start: Position = { step: 'tidy', from: '0001-01-01', pace: { size: 4 } };

export interface FamilyWork extends ChunkWork {
  cutoffs: Cutoffs;
  /** stops behind the chunk under way, and says where to go on */
  isTimeUp: () => boolean;
  /** told of every chunk, for those who measure */
  onChunk?: (ms: number) => void;
}

/**
 * Moves what is beyond its days: detail → daily values, daily → monthly, monthly → gone.
 * Finds its work by looking, so it may be ended and begun again at any point.
 * @returns where to go on; undefined when all is done
 */
export async function retainFamily(work: FamilyWork, position: Position = start): Promise<Position | undefined> {
  const at = { ...position, pace: { ...position.pace } };
  if (at.step === 'tidy') {
    await tidy(work);
    at.step = 'aggregate';
  }
  if (at.step === 'aggregate') {
    if (!(await aggregate(work, at))) return at;
    at.step = 'summarize';
  }
  if (at.step === 'summarize') {
    if (!(await summarize(work, at))) return at;
    at.step = 'expire';
  }
  return (await expire(work)) ? undefined : at;
}

/**
 * Gives back the months that an earlier run has emptied. Not those of this one: its deleted rows are not cleared away
 * yet, and reading over them would hold up writers.
 */
async function tidy({ db, family, cutoffs }: FamilyWork): Promise<void> {
  for (const table of [family.detail, 'source_observations'])
    await mergeEmptyMonths(db, table, cutoffs.detail.slice(0, 7));
}

async function aggregate(work: FamilyWork, at: Position): Promise<boolean> {
  const { db, family, cutoffs } = work;
  for (;;) {
    const day = await firstDay(db, family.detail, at.from, cutoffs.detail);
    if (day === undefined) return true;
    at.from = day;
    const isDone = await inChunks(work, at.pace, await coinsOfDay(db, family.detail, day), (coins) =>
      aggregateDay(work, day, coins),
    );
    if (!isDone) return false;
    at.from = dayAfter(day);
  }
}

async function summarize(work: FamilyWork, at: Position): Promise<boolean> {
  const { db, family, cutoffs } = work;
  for (;;) {
    const month = await firstMonth(db, family.aggregated, cutoffs.aggregated);
    if (month === undefined) return true;
    const isDone = await inChunks(work, at.pace, await coinsOfMonth(db, family.aggregated, month), (coins) =>
      summarizeMonth(work, month, coins),
    );
    if (!isDone) return false;
  }
}

/** One chunk after another until all coins are done, or the time is up. */
export async function inChunks(
  { isTimeUp, onChunk }: Pick<FamilyWork, 'isTimeUp' | 'onChunk'>,
  pace: Pace,
  coins: readonly string[],
  chunk: (coins: readonly string[]) => Promise<unknown>,
): Promise<boolean> {
  for (let from = 0; from < coins.length;) {
    if (isTimeUp()) return false;
    // equal parts: a rest of two coins would cost a transaction of its own
    const parts = Math.ceil((coins.length - from) / pace.size);
    const some = coins.slice(from, from + Math.ceil((coins.length - from) / parts));
    const startedAt = performance.now();
    await chunk(some);
    const ms = performance.now() - startedAt;
    onChunk?.(ms);
    adapt(pace, some.length, ms);
    from += some.length;
  }
  return true;
}

const rowsAtOnce = 2_000;

async function expire(work: FamilyWork): Promise<boolean> {
  const { db, family, cutoffs, isTimeUp } = work;
  for (;;) {
    const month = await firstMonth(db, family.summary, cutoffs.summary);
    if (month === undefined) break;
    if (isTimeUp()) return false;
    await expireMonth(work, month, rowsAtOnce);
  }
  // only now: while a month has values, a late row of it must not be counted twice
  for (;;) {
    const day = await firstLedgerDay(db, family, cutoffs.summary);
    if (day === undefined) return true;
    if (isTimeUp()) return false;
    await forgetDay(work, day);
  }
}

import { z } from 'zod';
import { divideDecimals } from '../decimals';
import { schemaMismatch } from '../http';
import { callTogether } from '../json-rpc';
import { count } from '../numbers';
import type { ReadingAnswer, ReadingContext } from '../observation';
import type { SourceHttp } from '../source';
import { unanswered } from './unanswered';

const epochInfo = z.object({ blockHeight: count });
const samples = z.array(z.object({ numSlots: count, samplePeriodSecs: count }));

/** A sample is a minute. */
const minutes = 15;

/**
 * Height and mean time of a slot; a slot is a block, but for the few in a hundred that are skipped. `transactionCount`
 * counts since genesis and the samples a minute each: neither is a day's, and none is made of them.
 */
export async function fetchHead(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const [epoch, performance] = await callTogether(http, [
    { method: 'getEpochInfo', params: [] },
    { method: 'getRecentPerformanceSamples', params: [minutes] },
  ]);
  const { coinId } = assets[0]!;
  const info = epochInfo.safeParse(epoch.result);
  if (epoch.problem === undefined && !info.success)
    throw schemaMismatch('solana getEpochInfo', info.error.issues, epoch.result);
  const taken = samples.safeParse(performance.result);
  if (performance.problem === undefined && !taken.success)
    throw schemaMismatch('solana getRecentPerformanceSamples', taken.error.issues, performance.result);
  const slots = sum(taken.data ?? [], ({ numSlots }) => numSlots);
  const seconds = sum(taken.data ?? [], ({ samplePeriodSecs }) => samplePeriodSecs);
  return {
    observations: [
      {
        coinId,
        asOf: null,
        fields: {
          ...(info.data && { block_height: { value: String(info.data.blockHeight) } }),
          ...(slots > 0 && {
            block_time_seconds: {
              value: divideDecimals(String(seconds), String(slots), 4),
              from: `${seconds} s ÷ ${slots} slots`,
            },
          }),
        },
      },
    ],
    rejects: unanswered(coinId, { block_height: epoch, block_time_seconds: performance }),
  };
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}

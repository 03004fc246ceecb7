import { z } from 'zod';
import { divideDecimals } from '../decimals';
import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import { callTogether } from '../json-rpc';
import type { ReadingAnswer, ReadingContext } from '../observation';
import type { SourceHttp } from '../source';

/** A quantity as nodes write it: `0x17ee0ab`. */
const quantity = z
  .string()
  .regex(/^0x[0-9a-f]+$/i, 'expected a hexadecimal quantity')
  .transform((text) => BigInt(text));

const block = z.object({ number: quantity, timestamp: quantity });

/**
 * The latest block, and how long a block takes: the mean since the finalized one, two epochs (64 to 96 blocks, a quarter
 * of an hour) back. Both are asked for by tag, so that one request does without knowing a height.
 */
export async function fetchHead(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const [latest, finalized] = await callTogether(http, [
    { method: 'eth_getBlockByNumber', params: ['latest', false] },
    { method: 'eth_getBlockByNumber', params: ['finalized', false] },
  ]);
  if (latest.problem !== undefined) throw new SourceFailure('Unavailable', `ethereum ${latest.problem}`);
  if (latest.result === null) throw new SourceFailure('Unavailable', 'ethereum: the node has no latest block');
  const head = block.safeParse(latest.result);
  if (!head.success) throw schemaMismatch('ethereum block', head.error.issues, latest.result);
  const { number, timestamp } = head.data;
  const earlier = block.safeParse(finalized.result).data;
  const blocks = earlier ? number - earlier.number : 0n;
  const seconds = earlier ? timestamp - earlier.timestamp : 0n;
  const asOf = new Date(Number(timestamp) * 1_000).toISOString();
  return {
    observations: assets.map(({ coinId }) => ({
      coinId,
      asOf,
      fields: {
        block_height: { value: String(number), from: `0x${number.toString(16)}` },
        ...(blocks > 0n && {
          block_time_seconds: {
            value: divideDecimals(String(seconds), String(blocks), 4),
            from: `${seconds} s ÷ ${blocks} blocks`,
          },
        }),
      },
    })),
    rejects: [],
  };
}

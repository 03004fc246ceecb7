import { z } from 'zod';
import { divideDecimals, shiftDecimal } from '../decimals';
import { schemaMismatch } from '../http';
import { callTogether } from '../json-rpc';
import { amount } from '../numbers';
import type { ObservedValue, ReadingAnswer, ReadingContext } from '../observation';
import type { SourceHttp } from '../source';
import { unanswered } from './unanswered';

/** Beyond 2^53: kept digit by digit. */
const lamports = amount.pipe(z.string().regex(/^\d+$/, 'expected whole lamports'));
const supply = z.object({ value: z.object({ total: lamports, circulating: lamports }) });
const voter = z.object({ activatedStake: lamports });
const voters = z.object({ current: z.array(voter), delinquent: z.array(voter) });

const solOf = (text: string): ObservedValue => ({ value: shiftDecimal(text, -9), from: `${text} lamports ÷ 10^9` });

/** Supply, validators that vote (`current`), and the share of the supply that is staked, with laggards or with others. */
export async function fetchStake(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const [supplied, voting] = await callTogether(http, [
    { method: 'getSupply', params: [{ excludeNonCirculatingAccountsList: true }] },
    { method: 'getVoteAccounts', params: [] },
  ]);
  const { coinId } = assets[0]!;
  const coins = supply.safeParse(supplied.result);
  if (supplied.problem === undefined && !coins.success)
    throw schemaMismatch('solana getSupply', coins.error.issues, supplied.result);
  const votes = voters.safeParse(voting.result);
  if (voting.problem === undefined && !votes.success)
    throw schemaMismatch('solana getVoteAccounts', votes.error.issues, voting.result);
  const total = coins.data?.value.total ?? '0';
  const staked = [...(votes.data?.current ?? []), ...(votes.data?.delinquent ?? [])]
    .reduce((sum, { activatedStake }) => sum + BigInt(activatedStake), 0n)
    .toString();
  return {
    observations: [
      {
        coinId,
        asOf: null,
        fields: {
          // a supply of nothing is a node that does not count
          ...(total !== '0' && {
            total_supply: solOf(total),
            circulating_supply: solOf(coins.data!.value.circulating),
          }),
          ...(votes.data && { validator_count: { value: String(votes.data.current.length) } }),
          ...(total !== '0' &&
            votes.data && {
              staked_percentage: {
                value: divideDecimals(`${staked}00`, total, 6),
                from: `${staked} of ${total} lamports`,
              },
            }),
        },
      },
    ],
    rejects: unanswered(coinId, { total_supply: supplied, validator_count: voting }),
  };
}

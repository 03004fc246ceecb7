import { LosslessNumber } from 'lossless-json';
import type { Reading } from '../../activities/observation';
import { source } from '../../activities/solana';
import type { SourceHttp } from '../../activities/source';
import { describeRecorded, payload } from '../payloads';
import { startSimulator } from '../simulator';
import { answers, assetsOf, failureOf, overHttp } from './asking';

const { head, stake } = source.observe.readings;
const fetch = (reading: Reading, http: SourceHttp) =>
  reading.fetch(http, { assets: assetsOf(source), slot: '2026-11-22T15:30:00.000Z', plan: source.plans.keyless });
const refused = (id: number, code: number, message: string) => ({ jsonrpc: '2.0', id, error: { code, message } });

describeRecorded('recorded answers', () => {
  const recorded = (file: string, id: number) => ({ ...(payload(`solana-rpc/${file}`) as object), id });

  test('height and time of a slot; what is counted by the minute or since genesis is no day', async () => {
    const http = answers([
      recorded('getRecentPerformanceSamples__2025-04_quicknode.json', 2),
      recorded('getEpochInfo__docs.json', 1),
    ]);
    expect(await fetch(head, http)).toEqual({
      observations: [
        {
          coinId: 'solana',
          asOf: null,
          fields: {
            block_height: { value: '166500' },
            block_time_seconds: { value: '0.3967', from: '240 s ÷ 605 slots' },
          },
        },
      ],
      rejects: [],
    });
    expect(http.asked[0]!.json).toMatchObject([
      { method: 'getEpochInfo', params: [] },
      { method: 'getRecentPerformanceSamples', params: [15] },
    ]);
  });

  test('samples of an older node', async () => {
    const samples = recorded('getRecentPerformanceSamples__old_docs_no_nonvote.json', 2);
    const { observations } = await fetch(head, answers([recorded('getEpochInfo__docs.json', 1), samples]));
    expect(observations[0]!.fields.block_time_seconds!.value).toBe('0.4781');
  });

  test('supply, of the documents: tiny numbers; without votes nothing is said of stake', async () => {
    const answer = answers([recorded('getSupply__docs.json', 1), refused(2, -32601, 'Method not found')]);
    expect(await fetch(stake, answer)).toEqual({
      observations: [
        {
          coinId: 'solana',
          asOf: null,
          fields: {
            total_supply: { value: '0.001016', from: '1016000 lamports ÷ 10^9' },
            circulating_supply: { value: '0.000016', from: '16000 lamports ÷ 10^9' },
          },
        },
      ],
      rejects: [
        {
          key: 'solana',
          field: 'validator_count',
          reason: 'getVoteAccounts: Method not found',
          raw: 'getVoteAccounts: Method not found',
          absent: true,
        },
      ],
    });
  });
});

describe('lamports are beyond 2^53', () => {
  const supply = (total: unknown) => ({
    id: 1,
    result: { context: { slot: 1 }, value: { total, circulating: new LosslessNumber('540000000000000001') } },
  });
  const votes = {
    id: 2,
    result: {
      current: [{ activatedStake: new LosslessNumber('38263229364446901') }, { activatedStake: 1 }],
      delinquent: [{ activatedStake: new LosslessNumber('361736770635553098') }],
    },
  };

  test('not a digit is lost; laggards are staked too, but are no validators that vote', async () => {
    const { observations } = await fetch(stake, answers([supply(new LosslessNumber('600000000000000001')), votes]));
    expect(observations[0]!.fields).toEqual({
      total_supply: { value: '600000000.000000001', from: '600000000000000001 lamports ÷ 10^9' },
      circulating_supply: { value: '540000000.000000001', from: '540000000000000001 lamports ÷ 10^9' },
      validator_count: { value: '2' },
      staked_percentage: { value: '66.666667', from: '400000000000000000 of 600000000000000001 lamports' },
    });
  });

  test('a supply of 0 says nothing, and no share is made of it', async () => {
    const { observations } = await fetch(stake, answers([supply(0), votes]));
    expect(observations[0]!.fields).toEqual({ validator_count: { value: '2' } });
  });

  test('a node that is busy is asked again, one that answers in another shape is not', async () => {
    const busy = answers([refused(1, 429, 'Too many requests for a specific RPC call'), votes]);
    expect(await failureOf(fetch(stake, busy))).toMatchObject({ type: 'RateLimited' });
    const odd = answers([supply('many'), votes]);
    expect(await failureOf(fetch(stake, odd))).toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringContaining('value.total: expected a number, got "many"') as string,
    });
  });
});

test('against the simulator: documented limits by method, and figures that agree', async () => {
  const simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z') });
  const connect = () => overHttp(source, simulator.baseUrls.solana);
  const { observations } = await fetch(stake, connect());
  const { validator_count: voters, staked_percentage: share, total_supply: total } = observations[0]!.fields;
  expect(Number(voters!.value)).toBeGreaterThan(900);
  expect(Math.abs(Number(share!.value) - 66.5)).toBeLessThan(1);
  expect(total!.value).toMatch(/^\d{9}\.123456789$/);
  for (let call = 0; call < 39; call++) await fetch(stake, connect());
  expect(await failureOf(fetch(stake, connect()))).toMatchObject({ type: 'RateLimited', retryAfterMs: 10_000 });
  await simulator.close();
});

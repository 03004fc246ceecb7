import { LosslessNumber } from 'lossless-json';
import { withFollowing } from '../../activities/follow';
import { source } from '../../activities/koios';
import type { SourceHttp } from '../../activities/source';
import { describeRecorded, payload } from '../payloads';
import { startSimulator } from '../simulator';
import { answers, assetsOf, failureOf, overHttp } from './asking';

const { readings } = source.observe;
const slot = '2026-11-22T15:30:00.000Z';
const fetch = async (name: keyof typeof readings, http: SourceHttp) =>
  (await readings[name].fetch(http, { assets: assetsOf(source), slot, plan: source.plans.keyless })).observations;

describeRecorded('rows of the published schema', () => {
  test('the tip, under the older name of its height', async () => {
    const http = answers(payload('koios/tip__schema_examples.json'));
    expect(await fetch('tip', http)).toEqual([
      { coinId: 'cardano', asOf: '2024-01-08T23:38:50.000Z', fields: { block_height: { value: '1794506' } } },
    ]);
    expect(http.asked).toEqual([{ path: '/tip' }]);
  });

  test('lovelace beyond 2^53 become ADA without losing a digit', async () => {
    const http = answers(
      payload('koios/totals__schema_examples.json'),
      payload('koios/epoch_info__schema_examples.json'),
    );
    expect(await fetch('totals', http)).toEqual([
      {
        coinId: 'cardano',
        asOf: null,
        fields: { issued_supply: { value: '33228495612.39133', from: '33228495612391330 lovelace ÷ 10^6' } },
      },
    ]);
    // the example's first block is its last
    expect(await fetch('epoch', http)).toEqual([
      {
        coinId: 'cardano',
        asOf: '2017-09-23T21:44:51.000Z',
        fields: { staked_coins: { value: '23395112387.18588', from: '23395112387185880 lovelace ÷ 10^6' } },
      },
    ]);
    expect(http.asked).toEqual([
      { path: '/totals', query: { order: 'epoch_no.desc', limit: 1 } },
      { path: '/epoch_info', query: { order: 'epoch_no.desc', limit: 1 } },
    ]);
  });
});

describe('an epoch', () => {
  const epoch = {
    ...{ start_time: 1_795_000_000, blk_count: 101, first_block_time: 1_795_000_010, last_block_time: 1_795_002_010 },
    active_stake: null,
  };

  test('mean time between its blocks, up to the last one; no stake yet', async () => {
    expect(await fetch('epoch', answers([epoch]))).toEqual([
      {
        coinId: 'cardano',
        asOf: new Date(1_795_002_010_000).toISOString(),
        fields: { block_time_seconds: { value: '20', from: '2000 s ÷ 100 blocks of the epoch' } },
      },
    ]);
    expect(await fetch('epoch', answers([{ ...epoch, blk_count: 1 }]))).toEqual([]);
  });

  test.each([
    ['nothing', [], 'Unavailable'],
    ['no rows', { message: 'x' }, 'SchemaMismatch'],
    ['a tip without a height', [{ block_time: 1 }], 'SchemaMismatch'],
  ])('%s', async (_title, body, type) => {
    expect(await failureOf(fetch('tip', answers(body)))).toMatchObject({ type });
  });

  test('supply as text', async () => {
    const observations = await fetch('totals', answers([{ supply: '37000000000000001' }]));
    expect(observations[0]!.fields.issued_supply!.value).toBe('37000000000.000001');
    expect((await fetch('totals', answers([{ supply: new LosslessNumber('37000000000000001') }])))[0]!.fields).toEqual({
      issued_supply: observations[0]!.fields.issued_supply,
    });
  });
});

test('against the simulator: the staked share, and a minute of silence after too many requests', async () => {
  const simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z') });
  const connect = () => overHttp(source, simulator.baseUrls.koios);
  const stored = (observations: Awaited<ReturnType<typeof fetch>>) =>
    observations.flatMap(({ asOf, fields }) =>
      Object.entries(fields).map(([name, value]) => [name, [{ ...value, at: asOf ?? slot }]] as const),
    );
  const values = Object.fromEntries([
    ...stored(await fetch('totals', connect())),
    ...stored(await fetch('epoch', connect())),
  ]);
  const { staked_percentage: share, block_time_seconds: time } = withFollowing(source.observe, values, slot);
  expect(Math.abs(Number(share![0]!.value) - 61)).toBeLessThan(1);
  // the snapshot holds from the start of the epoch
  expect(share![0]!.at).toBe('2026-11-20T21:44:51.000Z');
  expect(Number(time![0]!.value)).toBeCloseTo(20, 1);
  for (let call = 0; call < 98; call++) await fetch('tip', connect());
  expect(await failureOf(fetch('tip', connect()))).toMatchObject({ type: 'RateLimited', retryAfterMs: 60_000 });
  await simulator.close();
});

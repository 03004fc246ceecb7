import { source } from '../../activities/cosmos';
import { chainOf } from '../../activities/cosmos/chain';
import { readObservation, rules } from '../../activities/collect/known';
import { slotRows } from '../../activities/collect/rows';
import { withFollowing } from '../../activities/follow';
import type { FieldName } from '../../activities/fields';
import type { SourceHttp } from '../../activities/source';
import { describeRecorded, payload } from '../payloads';
import { startSimulator } from '../simulator';
import { answers, asset, assetsOf, failureOf, overHttp, someAssets } from './asking';
import { sourceAssets } from '../../activities/assets';

const { readings } = source.observe;
const slot = '2026-11-22T15:30:00.000Z';
const fetch = (name: keyof typeof readings, http: SourceHttp, assets = assetsOf(source)) =>
  readings[name].fetch(http, { assets, slot, plan: source.plans.keyless });

test('the head: height as text, time in nanoseconds; the newer name of the block goes first', async () => {
  const block = (height: string, time: string) => ({ header: { height, time } });
  const old = { block_id: {}, block: block('12232219', '2022-09-28T08:49:58.420923399Z') };
  const http = answers(old, { ...old, sdk_block: block('12232220', '2022-09-28T08:50:04Z') });
  expect(await fetch('head', http)).toEqual({
    observations: [
      { coinId: 'cosmos', asOf: '2022-09-28T08:49:58.420Z', fields: { block_height: { value: '12232219' } } },
    ],
    rejects: [],
  });
  expect((await fetch('head', http)).observations[0]).toMatchObject({ asOf: '2022-09-28T08:50:04.000Z' });
  expect(http.asked[0]).toEqual({ path: '/cosmoshub/cosmos/base/tendermint/v1beta1/blocks/latest' });
});

describeRecorded('recorded answers of the modules', () => {
  test('amounts in base units become coins, whatever their decimals', async () => {
    const stratos = sourceAssets(source, [asset('stratos', 'STOS', 'pos', { cosmos: ['stratos', 'wei', '18'] })]);
    const pool = await fetch('pool', answers(payload('cosmos/staking_pool__stratos_docs.json')), stratos);
    expect(pool.observations[0]).toEqual({
      coinId: 'stratos',
      asOf: null,
      fields: { staked_coins: { value: '504', from: '504000000000000000000 wei ÷ 10^18' } },
    });
    const { observations } = await fetch(
      'provisions',
      answers(payload('cosmos/mint_annual_provisions__stratos_docs.json')),
    );
    expect(observations[0]!.fields.annual_provisions).toEqual({
      value: '130019024.06084854570814261827281',
      from: '130019024060848.54570814261827281 uatom ÷ 10^6',
    });
  });

  test('the shape of nodes before 2021 is a mismatch with its path', async () => {
    expect(await failureOf(fetch('pool', answers(payload('cosmos/staking_pool__legacy_lcd.json'))))).toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringContaining('cosmos staked_coins: pool: ') as string,
    });
  });
});

test('supply, tax and validators; what is not counted is not 0', async () => {
  const http = answers(
    { amount: { denom: 'uatom', amount: '478000000123456' } },
    { amount: { denom: 'uatom', amount: '0' } },
    { params: { community_tax: '0.100000000000000000', withdraw_addr_enabled: true } },
    { validators: [{}], pagination: { next_key: 'x', total: '180' } },
    { validators: [{}], pagination: { next_key: 'x', total: '0' } },
  );
  const fields = async (name: keyof typeof readings) => (await fetch(name, http)).observations[0]?.fields;
  expect(await fields('supply')).toEqual({
    total_supply: { value: '478000000.123456', from: '478000000123456 uatom ÷ 10^6' },
  });
  expect(await fields('supply')).toBeUndefined();
  expect(await fields('tax')).toEqual({ community_tax: { value: '0.1' } });
  expect(await fields('validators')).toEqual({ validator_count: { value: '180' } });
  expect(await fields('validators')).toBeUndefined();
  expect(http.asked.map(({ path, query }) => [path, query])).toEqual([
    ['/cosmoshub/cosmos/bank/v1beta1/supply/by_denom', { denom: 'uatom' }],
    ['/cosmoshub/cosmos/bank/v1beta1/supply/by_denom', { denom: 'uatom' }],
    ['/cosmoshub/cosmos/distribution/v1beta1/params', undefined],
    ...Array.from({ length: 2 }, () => [
      '/cosmoshub/cosmos/staking/v1beta1/validators',
      { status: 'BOND_STATUS_BONDED', 'pagination.limit': '1', 'pagination.count_total': 'true' },
    ]),
  ]);
});

describe('what follows from its parts', () => {
  const at = '2026-11-22T12:00:00.000Z';
  const parts = (values: Partial<Record<FieldName, string>>, times: Partial<Record<FieldName, string>> = {}) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, [{ value, at: times[name as FieldName] ?? at }]]),
    );
  const all = { staked_coins: '270', total_supply: '450', annual_provisions: '45', community_tax: '0.02' };
  const follow = (...given: Parameters<typeof parts>) => withFollowing(source.observe, parts(...given), slot);

  test('staked share, and yield = provisions ÷ bonded × (1 − tax), as old as the oldest part', () => {
    const older = '2026-11-22T06:00:00.000Z';
    expect(follow(all, { staked_coins: older })).toEqual({
      ...parts(all, { staked_coins: older }),
      staked_percentage: [{ value: '60', from: '270 of 450 coins', at: older }],
      staking_yield: [{ value: '16.333333', from: '45 coins a year ÷ 270 × (1 − 0.02)', at: older }],
    });
  });

  test('nothing follows from parts that are missing, nothing, or newer than the slot', () => {
    const { community_tax: _tax, ...untaxed } = all;
    expect(Object.keys(follow(untaxed))).not.toContain('staking_yield');
    expect(Object.keys(follow(untaxed))).toContain('staked_percentage');
    expect(Object.keys(follow({ ...all, total_supply: '0' }))).not.toContain('staked_percentage');
    expect(Object.keys(follow({ ...all, staked_coins: '0' }))).not.toContain('staking_yield');
    const late = follow(all, { staked_coins: '2026-11-22T15:30:01.000Z' });
    expect(Object.keys(late)).not.toContain('staked_percentage');
  });

  test('what followed before is forgotten with its parts, and never adds up', () => {
    const once = follow(all);
    expect(withFollowing(source.observe, once, slot)).toEqual(once);
    const { staked_coins: _staked, ...rest } = once;
    expect(Object.keys(withFollowing(source.observe, rest, slot))).toEqual([
      ...['total_supply', 'annual_provisions', 'community_tax'],
    ]);
  });
});

test('the row of a slot has what follows, from what is stored', () => {
  const at = '2026-11-22T12:00:00.000Z';
  const stored = (value: string) => [{ value, at }];
  const json = JSON.stringify({
    staked_coins: stored('270'),
    total_supply: stored('450'),
    annual_provisions: stored('45'),
    community_tax: stored('0.02'),
  });
  const atom = someAssets.find(({ coinId }) => coinId === 'cosmos')!;
  const { onchain } = slotRows(atom, slot, new Map([['cosmos', readObservation('cosmos', json, slot)]]), rules);
  expect(onchain).toMatchObject({
    ...{ staked_percentage: '60', staking_yield: '16.3333', total_supply: '450', data_source: 'cosmos' },
  });
});

test('an asset names its chain, base unit and decimals, or is not asked for', () => {
  expect(chainOf({ cosmos: ['cosmoshub', 'uatom', '6'] })).toEqual({ name: 'cosmoshub', denom: 'uatom', decimals: 6 });
  for (const cosmos of ['cosmoshub', ['cosmoshub'], ['cosmoshub', 'uatom', 'six'], ['', 'uatom', '6']])
    expect(chainOf({ cosmos })).toBeUndefined();
  expect(chainOf({})).toBeUndefined();
});

test('against the simulator: a chain with no such module will never have it', async () => {
  const simulator = await startSimulator({ now: () => new Date('2026-11-22T15:30:10Z'), limits: 'none' });
  const connect = () => overHttp(source, simulator.baseUrls.cosmos);
  const values: Partial<Record<FieldName, { value: string; at: string }[]>> = {};
  for (const name of Object.keys(readings) as (keyof typeof readings)[]) {
    const { observations } = await fetch(name, connect());
    for (const [field, value] of Object.entries(observations[0]!.fields))
      values[field as FieldName] = [{ ...value, at: slot }];
  }
  const { staked_percentage: share, staking_yield: paid } = withFollowing(source.observe, values, slot);
  expect(Number(share![0]!.value)).toBeGreaterThan(55);
  // inflation ÷ staked share × (1 − tax)
  expect(Number(paid![0]!.value)).toBeCloseTo((10 / Number(share![0]!.value)) * 0.9 * 100, 3);
  simulator.fault('cosmos /cosmoshub/cosmos/mint', { status: 501 });
  expect(await failureOf(fetch('provisions', connect()))).toMatchObject({
    type: 'NotAvailable',
    message: expect.stringContaining('the chain has no such module') as string,
  });
  await simulator.close();
});

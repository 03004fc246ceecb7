import { source } from '../../activities/ethereum';
import type { ReadingAnswer } from '../../activities/observation';
import type { SourceHttp } from '../../activities/source';
import { describeRecorded, payload } from '../payloads';
import { startSimulator } from '../simulator';
import { answers, assetsOf, failureOf, overHttp } from './asking';

const { head } = source.observe.readings;
const fetch = (http: SourceHttp): Promise<ReadingAnswer> =>
  head.fetch(http, {
    assets: assetsOf(source),
    slot: '2026-11-22T15:30:00.000Z',
    plan: source.plans.keyless,
  });
const block = (number: string, timestamp: string) => ({ number, timestamp });
const batch = (latest: unknown, finalized: unknown) => [
  { jsonrpc: '2.0', id: 2, ...(finalized as object) },
  { jsonrpc: '2.0', id: 1, ...(latest as object) },
];

describeRecorded('recorded blocks', () => {
  test('the latest block is the height, at its own time; block time is the mean since the finalized one', async () => {
    const later = payload('ethereum-rpc/eth_getBlockByNumber__mainnet_infura_0xfc0345false.json') as object;
    const earlier = payload('ethereum-rpc/eth_getBlockByNumber__mainnet_infura_0xdce400false.json') as object;
    const http = answers(batch({ ...later, id: 1 }, { ...earlier, id: 2 }));
    expect(await fetch(http)).toEqual({
      observations: [
        {
          coinId: 'ethereum',
          asOf: '2023-01-29T23:58:35.000Z',
          fields: {
            block_height: { value: '16515909', from: '0xfc0345' },
            block_time_seconds: { value: '13.0143', from: '26544336 s ÷ 2039621 blocks' },
          },
        },
      ],
      rejects: [],
    });
    expect(http.asked).toEqual([
      {
        path: '',
        json: [
          { jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['latest', false] },
          { jsonrpc: '2.0', id: 2, method: 'eth_getBlockByNumber', params: ['finalized', false] },
        ],
      },
    ]);
  });

  test('a block of 2026, with the fields that newer ones have', async () => {
    const now = payload('ethereum-rpc/eth_getBlockByNumber__ethereum_publicnode_0x17ee0abfalse.json') as object;
    const { observations } = await fetch(answers(batch({ ...now, id: 1 }, { result: block('0x17ee05d', '0x0') })));
    expect(observations[0]!.fields.block_height!.value).toBe('25092267');
  });
});

describe('what a node may answer', () => {
  test.each([
    ['nothing final yet', { result: null }],
    ['no such tag on an old node', { error: { code: -32602, message: 'invalid argument' } }],
    ['the same block', { result: block('0x10', '0x65') }],
  ])('%s: the height alone', async (_title, finalized) => {
    const { observations } = await fetch(answers(batch({ result: block('0x10', '0x65') }, finalized)));
    expect(observations).toEqual([
      { coinId: 'ethereum', asOf: '1970-01-01T00:01:41.000Z', fields: { block_height: { value: '16', from: '0x10' } } },
    ]);
  });

  test.each([
    ['a pending block', { result: null }, 'Unavailable'],
    ['a limit', { error: { code: -32005, message: 'limit exceeded' } }, 'RateLimited'],
    ['trouble of its own', { error: { code: -32000, message: 'header not found' } }, 'Unavailable'],
    ['a block of another shape', { result: { number: '16' } }, 'SchemaMismatch'],
  ])('%s', async (_title, latest, type) => {
    expect(await failureOf(fetch(answers(batch(latest, { result: null }))))).toMatchObject({ type });
  });

  test.each([
    [200, { jsonrpc: '2.0', id: null, error: { code: -32005, message: 'rate limit exceeded' } }, 'RateLimited'],
    [429, { jsonrpc: '2.0', id: null, error: { code: 429, message: 'slow down' } }, 'RateLimited'],
    [200, { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'no batches' } }, 'BadInput'],
    [403, 'blocked', 'Unavailable'],
    [404, '', undefined],
    [200, [], undefined],
  ])('%i with %j', (status, body, type) => {
    expect(source.judge(status, body)?.type).toBe(type);
  });
});

test("against the simulator: twelve seconds a block, in the block's own time", async () => {
  const now = new Date('2026-11-22T15:30:10Z');
  const simulator = await startSimulator({ now: () => now, limits: 'none' });
  const { observations } = await fetch(overHttp(source, simulator.baseUrls.ethereum));
  await simulator.close();
  expect(observations[0]!.fields.block_time_seconds).toEqual({ value: '12', from: '936 s ÷ 78 blocks' });
  expect(now.getTime() - Date.parse(observations[0]!.asOf!)).toBeLessThan(12_000);
});

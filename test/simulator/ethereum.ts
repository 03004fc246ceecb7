import { answerRpc, failed, RpcError } from './json-rpc';
import { createWindow } from './limits';
import type { Upstream } from './upstream';
import { randomFrom } from './world/random';
import { headOf } from './world/networks';
import { MINUTE_MS } from './world/time';
import type { World } from './world/world';

/** Public nodes publish no limit. */
const PER_MINUTE = 60;
/** Two epochs and a part of one: what is final is about a quarter of an hour old. */
const FINAL_AFTER = 78;

/** A public node of Ethereum. */
export function createEthereum(world: World, options: { limited: boolean }): Upstream {
  const minute = createWindow(PER_MINUTE, MINUTE_MS);
  return {
    source: 'ethereum',
    mounts: ['ethereum'],
    errorBody,
    withoutRows: (body) => (Array.isArray(body) ? body.map((item: object) => ({ ...item, result: null })) : body),
    answer(request) {
      if (options.limited && minute.take(request.client) > 0) return { status: 429, body: errorBody(429) };
      return answerRpc(request, {
        eth_blockNumber: () => hex(headOf('ethereum', world.now().getTime()).height),
        eth_getBlockByNumber: ([tag]) => block(world, tag),
      });
    },
  };
}

function errorBody(status: number): unknown {
  return status === 429 ? failed(null, -32005, 'rate limit exceeded') : failed(null, -32603, 'Internal error');
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function block(world: World, tag: unknown): unknown {
  const nowMs = world.now().getTime();
  const latest = headOf('ethereum', nowMs);
  const before =
    tag === 'latest' ? 0 : tag === 'finalized' ? FINAL_AFTER : latest.height - Number.parseInt(String(tag), 16);
  if (Number.isNaN(before)) throw new RpcError(-32602, `invalid argument 0: ${String(tag)}`);
  // unknown or pending blocks
  if (before < 0) return null;
  const { height, ms } = headOf('ethereum', nowMs, before);
  const random = randomFrom(`${world.seed}/ethereum/rpc/${height}`);
  const hash = (): string => `0x${random.hex(64)}`;
  return {
    baseFeePerGas: hex(random.integer(40_000_000, 9_000_000_000)),
    blobGasUsed: hex(random.integer(0, 9) * 131_072),
    difficulty: '0x0',
    excessBlobGas: '0x0',
    extraData: '0x',
    gasLimit: hex(45_000_000),
    gasUsed: hex(random.integer(9_000_000, 44_000_000)),
    hash: hash(),
    logsBloom: `0x${'0'.repeat(512)}`,
    miner: `0x${random.hex(40)}`,
    mixHash: hash(),
    nonce: '0x0000000000000000',
    number: hex(height),
    parentBeaconBlockRoot: hash(),
    parentHash: hash(),
    receiptsRoot: hash(),
    requestsHash: hash(),
    sha3Uncles: hash(),
    size: hex(random.integer(50_000, 200_000)),
    stateRoot: hash(),
    timestamp: hex(Math.floor(ms / 1_000)),
    transactions: Array.from({ length: 3 }, hash),
    transactionsRoot: hash(),
    uncles: [],
    withdrawals: [],
    withdrawalsRoot: hash(),
  };
}

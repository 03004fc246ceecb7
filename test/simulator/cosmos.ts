import { createWindow } from './limits';
import type { Upstream, UpstreamRequest } from './upstream';
import { coinsOf, headOf, slowly } from './world/networks';
import { randomFrom } from './world/random';
import { MINUTE_MS } from './world/time';
import type { World } from './world/world';

/** The host before the nodes publishes no limit. */
const PER_MINUTE = 120;

interface Chain {
  coinId: string;
  denom: string;
  decimals: bigint;
  /** of the supply */
  bonded: number;
  inflation: number;
  validators: number;
  tax: string;
}

const CHAINS: Readonly<Record<string, Chain>> = {
  cosmoshub: {
    ...{ coinId: 'cosmos', denom: 'uatom', decimals: 6n, bonded: 0.58, inflation: 0.1, validators: 180 },
    tax: '0.100000000000000000',
  },
  injective: {
    ...{ coinId: 'injective-protocol', denom: 'inj', decimals: 18n, bonded: 0.55, inflation: 0.06, validators: 60 },
    tax: '0.050000000000000000',
  },
};

/** The REST service (LCD) of several chains behind one host, each below its name. */
export function createCosmos(world: World, options: { limited: boolean }): Upstream {
  const minute = createWindow(PER_MINUTE, MINUTE_MS);
  return {
    source: 'cosmos',
    mounts: ['cosmos'],
    errorBody,
    withoutRows: (body) => body,
    answer(request) {
      if (options.limited && minute.take(request.client) > 0) return { status: 429, body: errorBody(429) };
      const [, name = '', path = ''] = /^\/([a-z]+)(\/cosmos\/.*)$/.exec(request.path) ?? [];
      const chain = CHAINS[name];
      if (!chain) return { status: 404, body: errorBody(404) };
      const body = bodyOf(world, name, chain, path, request);
      return body === undefined ? { status: 501, body: errorBody(501) } : { status: 200, body };
    },
  };
}

function errorBody(status: number): unknown {
  if (status === 501) return { code: 12, message: 'Not Implemented', details: [] };
  if (status === 404) return { code: 5, message: 'Not Found', details: [] };
  if (status === 429) return { code: 8, message: 'Too Many Requests', details: [] };
  return { code: 14, message: 'upstream is unavailable', details: [] };
}

function bodyOf(world: World, name: string, chain: Chain, path: string, { query }: UpstreamRequest): unknown {
  const supply = BigInt(coinsOf(world, chain.coinId)) * 10n ** chain.decimals + 987_654n;
  const bonded = (supply * BigInt(Math.round(slowly(world, `${name}/bonded`, chain.bonded * 1e9, 0.02)))) / 10n ** 9n;
  switch (path) {
    case '/cosmos/base/tendermint/v1beta1/blocks/latest':
      return latestBlock(world, name);
    case '/cosmos/bank/v1beta1/supply/by_denom': {
      const denom = query.get('denom') ?? '';
      return { amount: { denom, amount: denom === chain.denom ? String(supply) : '0' } };
    }
    case '/cosmos/staking/v1beta1/pool':
      return { pool: { not_bonded_tokens: String(supply / 90n), bonded_tokens: String(bonded) } };
    case '/cosmos/mint/v1beta1/inflation':
      return { inflation: chain.inflation.toFixed(18) };
    case '/cosmos/mint/v1beta1/annual_provisions':
      return {
        annual_provisions: `${(supply * BigInt(Math.round(chain.inflation * 1e6))) / 1_000_000n}.545708142618272810`,
      };
    case '/cosmos/distribution/v1beta1/params':
      return {
        params: {
          community_tax: chain.tax,
          base_proposer_reward: '0.000000000000000000',
          bonus_proposer_reward: '0.000000000000000000',
          withdraw_addr_enabled: true,
        },
      };
    case '/cosmos/staking/v1beta1/validators':
      return validators(chain, query);
    default:
      return undefined;
  }
}

function latestBlock(world: World, name: string): unknown {
  const { height, ms } = headOf(name, world.now().getTime());
  const random = randomFrom(`${world.seed}/${name}/block/${height}`);
  const nanoseconds = String(random.integer(0, 999_999)).padStart(6, '0');
  const header = {
    version: { block: '11', app: '0' },
    chain_id: `${name}-4`,
    height: String(height),
    time: `${new Date(ms).toISOString().slice(0, 23)}${nanoseconds}Z`,
    proposer_address: 'yvz7H+GNH2rCOG5KkS8CjkYdK2A=',
  };
  const block = { header, data: { txs: [] }, evidence: { evidence: [] }, last_commit: { height: String(height - 1) } };
  return { block_id: { hash: 'q83vEjRWeJA=' }, block, sdk_block: block };
}

function validators(chain: Chain, query: URLSearchParams): unknown {
  const most = Number(query.get('pagination.limit') ?? 100);
  const total = query.get('status') === 'BOND_STATUS_BONDED' ? chain.validators : chain.validators * 3;
  const rows = Array.from({ length: Math.min(most, total) }, (_, index) => ({
    operator_address: `${chain.denom}valoper${index}`,
    jailed: false,
    status: 'BOND_STATUS_BONDED',
    tokens: '36504214653',
    delegator_shares: '36504214653.000000000000000000',
    unbonding_height: '0',
    unbonding_time: '1970-01-01T00:00:00Z',
    min_self_delegation: '1',
  }));
  const counted = query.get('pagination.count_total') === 'true';
  return {
    validators: rows,
    pagination: { next_key: rows.length < total ? 'FAEYK5iX1w==' : null, total: counted ? String(total) : '0' },
  };
}

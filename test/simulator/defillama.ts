import { chainsOf, midnights, tvlAt } from './defillama/chains';
import { protocolRows } from './defillama/protocols';
import { createWindow } from './limits';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import { MINUTE_MS } from './world/time';
import type { World } from './world/world';

/** Nothing is published for the free API; its own clients ask five times a second. */
const PER_MINUTE = 300;

/** DeFiLlama's free API: chains, their histories, protocols. */
export function createDefiLlama(world: World, options: { limited: boolean }): Upstream {
  const minute = createWindow(PER_MINUTE, MINUTE_MS);
  return {
    source: 'defillama',
    mounts: ['defillama'],
    errorBody,
    withoutRows: () => [],
    answer(request) {
      // Cloudflare stands in front, and does not like clients that do not say who they are.
      if (!request.headers['user-agent']) return blocked;
      if (options.limited && minute.take(request.client) > 0) return { status: 429, body: errorBody(429) };
      return route(world, request);
    },
  };
}

function route(world: World, { path }: UpstreamRequest): Answer {
  if (path === '/v2/chains') return ok(chains(world));
  if (path === '/protocols') return ok(protocolRows(world));
  const [, name] = /^\/v2\/historicalChainTvl\/([^/]+)$/.exec(path) ?? [];
  if (name !== undefined) return chainHistory(world, name);
  return { status: 404, body: errorBody(404) };
}

function chains(world: World): unknown[] {
  const nowMs = world.now().getTime();
  return chainsOf(world).map((chain) => {
    const coin = world.coins.find(({ id }) => id === chain.geckoId);
    return {
      gecko_id: chain.geckoId,
      tvl: tvlAt(world, chain, nowMs),
      tokenSymbol: coin?.symbol.toUpperCase() ?? null,
      cmcId: coin ? String(coin.image) : null,
      name: chain.name,
      chainId: chain.chainId,
    };
  });
}

/** A point at every midnight; the last one is now. */
function chainHistory(world: World, name: string): Answer {
  const nowMs = world.now().getTime();
  // under both of its names, as upstream
  const chain = chainsOf(world).find((each) => each.name === name || each.otherName === name);
  if (!chain) return { status: 404, body: { message: `Chain ${name} not found` } };
  const moments = [...midnights(chain, nowMs), nowMs];
  return ok(moments.map((ms) => ({ date: Math.floor(ms / 1000), tvl: Math.round(tvlAt(world, chain, ms)) })));
}

const blocked: Answer = {
  status: 403,
  body: Buffer.from('<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>\n'),
  headers: { 'content-type': 'text/html; charset=UTF-8' },
};

function errorBody(status: number): unknown {
  if (status === 429) return { message: 'Too many requests' };
  return { message: status >= 500 ? 'Internal server error' : 'Not found' };
}

function ok(body: unknown): Answer {
  return { status: 200, body, headers: { 'cache-control': 'max-age=600, public' } };
}

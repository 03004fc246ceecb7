import { SourceFailure, type FailureVerdict } from '../failures';
import type { SourceAsset, SourceIds } from '../observation';
import type { SourceRequest } from '../source';

/** `source_ids.cosmos`: the chain's name at cosmos.directory, what is staked in base units, and its decimals. */
interface Chain {
  name: string;
  denom: string;
  decimals: number;
}

export function chainOf({ cosmos }: SourceIds): Chain | undefined {
  if (!Array.isArray(cosmos)) return undefined;
  const [name, denom, decimals] = cosmos as readonly string[];
  if (!name || !denom || !/^\d{1,2}$/.test(decimals ?? '')) return undefined;
  return { name, denom, decimals: Number(decimals) };
}

export function assetChain({ coinId, sourceIds }: SourceAsset): Chain {
  const chain = chainOf(sourceIds);
  if (chain) return chain;
  throw new SourceFailure('BadInput', `${coinId}: source_ids.cosmos has to be ["cosmoshub","uatom","6"] or the like`);
}

/** A module's question about one chain. */
export function ask(chain: Chain, path: string, query?: SourceRequest['query']): SourceRequest {
  return { path: `/${encodeURIComponent(chain.name)}${path}`, query };
}

/** 501: the chain has no such module (own mint modules). There is no key: 403 is the network in front of the nodes. */
export function judge(status: number): FailureVerdict | undefined {
  if (status === 501) return { type: 'NotAvailable', reason: 'the chain has no such module' };
  if (status === 403) return { type: 'Unavailable', reason: 'this endpoint does not let us in' };
  return undefined;
}

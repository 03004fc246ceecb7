import type { SourceAsset } from '../observation';

/** The endpoints do not agree on every chain's name: to that of /v2/chains the ones that stand elsewhere. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  BSC: ['Binance'],
  Gnosis: ['xDai'],
  'OP Mainnet': ['Optimism'],
  XRPL: ['Ripple'],
  CosmosHub: ['Cosmos'],
  MultiversX: ['Elrond'],
};

/** Every name of an asset's chain, that of /v2/chains first. */
export function chainNames({ sourceId }: Pick<SourceAsset, 'sourceId'>): string[] {
  return [sourceId, ...(otherNames[sourceId] ?? [])];
}

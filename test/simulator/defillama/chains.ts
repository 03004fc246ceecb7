import { noise, seedOf } from '../world/random';
import { dayNumber } from '../world/time';
import type { World } from '../world/world';

/** A chain as DeFiLlama knows it. */
export interface Chain {
  /** In /v2/chains and in the paths of histories. */
  name: string;
  /** In /protocols, where it is another one. */
  otherName?: string;
  geckoId: string | null;
  chainId: number | string | null;
  /** USD, about. */
  tvl: number;
  /** First day with a value, UTC. */
  since: string;
}

type Row = [
  name: string,
  geckoId: string | null,
  chainId: number | null,
  tvl: number,
  since: string,
  otherName?: string,
];

// prettier-ignore
const ROWS: readonly Row[] = [
  ['Ethereum', 'ethereum', 1, 68_000_000_000, '2018-06-28'],
  ['Solana', 'solana', null, 9_100_000_000, '2021-03-18'],
  ['BSC', 'binancecoin', 56, 6_900_000_000, '2020-10-17', 'Binance'],
  ['Bitcoin', 'bitcoin', null, 6_600_000_000, '2020-08-20'],
  ['Tron', 'tron', 728_126_428, 4_400_000_000, '2020-09-21'],
  ['Base', null, 8453, 4_300_000_000, '2023-06-24'],
  ['Arbitrum', null, 42_161, 2_700_000_000, '2021-09-01'],
  ['Hyperliquid L1', 'hyperliquid', 999, 2_000_000_000, '2023-05-20'],
  ['Avalanche', 'avalanche-2', 43_114, 1_300_000_000, '2021-02-10'],
  ['Polygon', 'polygon-ecosystem-token', 137, 1_150_000_000, '2020-10-07'],
  ['Sui', 'sui', null, 1_000_000_000, '2023-04-06'],
  ['Aptos', 'aptos', null, 480_000_000, '2022-10-20'],
  ['OP Mainnet', null, 10, 260_000_000, '2021-07-14', 'Optimism'],
  ['Cronos', 'crypto-com-chain', 25, 370_000_000, '2021-11-10'],
  ['Cardano', 'cardano', null, 230_000_000, '2022-01-19'],
  ['Mantle', 'mantle', 5000, 210_000_000, '2023-07-01'],
  ['Gnosis', 'gnosis', 100, 190_000_000, '2019-10-08', 'xDai'],
  ['Sei', 'sei-network', 1329, 170_000_000, '2023-08-15'],
  ['Sonic', 'sonic-3', 146, 130_000_000, '2024-12-20'],
  ['Near', 'near', null, 130_000_000, '2021-10-13'],
  ['Stacks', 'blockstack', null, 110_000_000, '2021-12-11'],
  ['Flow', 'flow', 747, 100_000_000, '2021-04-29'],
  ['Kava', 'kava', 2222, 95_000_000, '2021-08-30'],
  ['TON', 'the-open-network', null, 90_000_000, '2022-07-20'],
  ['Stellar', 'stellar', null, 140_000_000, '2021-11-10'],
  ['XRPL', 'ripple', null, 75_000_000, '2022-05-14', 'Ripple'],
  ['Algorand', 'algorand', null, 62_000_000, '2021-12-14'],
  ['Hedera', 'hedera-hashgraph', 295, 70_000_000, '2022-08-01'],
  ['Osmosis', 'osmosis', null, 26_000_000, '2021-06-19'],
  ['Tezos', 'tezos', null, 40_000_000, '2021-02-10'],
  ['MultiversX', 'elrond-erd-2', null, 45_000_000, '2021-11-19', 'Elrond'],
  ['ICP', 'internet-computer', null, 33_000_000, '2023-02-20'],
  ['Injective', 'injective-protocol', null, 22_000_000, '2021-12-15'],
  ['Thorchain', 'thorchain', null, 55_000_000, '2021-04-22'],
  ['CosmosHub', 'cosmos', null, 900_000, '2022-03-30', 'Cosmos'],
  ['Litecoin', 'litecoin', null, 1_800_000, '2022-01-01'],
  ['Doge', 'dogecoin', null, 6_200_000, '2022-03-01'],
  ['Bitcoincash', 'bitcoin-cash', null, 8_400_000, '2021-10-01'],
  ['Filecoin', 'filecoin', 314, 19_000_000, '2023-03-15'],
  ['VeChain', 'vechain', null, 1_400_000, '2021-06-01'],
  ['Polkadot', 'polkadot', null, 280_000_000, '2023-01-10'],
  ['Celo', 'celo', 42_220, 52_000_000, '2021-07-07'],
  ['NEO', 'neo', null, 14_000_000, '2021-06-16'],
  ['Ergo', 'ergo', null, 3_100_000, '2022-04-01'],
  ['Celestia', 'celestia', null, 1_900_000, '2024-02-01'],
  ['Bittensor', 'bittensor', null, 510_000_000, '2025-01-15'],
  ['Theta', 'theta-token', null, 2_700_000, '2021-09-01'],
  ['EOS', 'eos', 17_777, 110_000_000, '2021-02-01'],
  ['EthereumClassic', 'ethereum-classic', 61, 270_000, '2021-12-01'],
  ['Conflux', 'conflux-token', 1030, 21_000_000, '2022-02-25'],
  ['IOTA', 'iota', null, 12_000_000, '2024-06-05'],
  ['Fantom', 'fantom', 250, 18_000_000, '2021-02-28'],
  // dead: still listed, with nothing in it
  ['Terra Classic', null, null, 0, '2020-09-25'],
];

const CHAINS: readonly Chain[] = ROWS.map(([name, geckoId, chainId, tvl, since, otherName]) => ({
  ...{ name, geckoId, chainId, tvl, since, otherName },
}));

/** The chains of a world: those above, and one of its own for every extra coin. */
export function chainsOf(world: World): readonly Chain[] {
  const extra = world.coins.filter(({ id }) => id.startsWith('simulated-'));
  return [
    ...CHAINS,
    ...extra.map(({ id, name, supply }): Chain => ({
      ...{ name, geckoId: id, chainId: null, tvl: supply * 3, since: '2021-01-01' },
    })),
  ];
}

/** USD locked at a moment. */
export function tvlAt(world: World, chain: Chain, ms: number): number {
  const seed = seedOf(`${world.seed}/tvl/${chain.name}`);
  const day = ms / 86_400_000;
  return chain.tvl * Math.exp(0.25 * noise(seed, day / 60) + 0.03 * noise(seed + 1, day * 2));
}

/** Midnights of UTC from the first to the last that has begun. */
export function midnights(chain: Chain, nowMs: number): number[] {
  const first = dayNumber(Date.parse(chain.since));
  return Array.from({ length: dayNumber(nowMs) - first + 1 }, (_, index) => (first + index) * 86_400_000);
}

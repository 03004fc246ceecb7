import type { Coin } from './coins';

type Row = [
  id: string,
  symbol: string,
  name: string,
  listed: string,
  price: number,
  supply: number,
  maxSupply?: number,
];

// Coins that nothing is known of but their market: chains without raw tables, and tokens.
// prettier-ignore
const ROWS: readonly Row[] = [
  ['ethereum-classic', 'etc', 'Ethereum Classic', '2016-07-24', 16.4, 153_900_000, 210_700_000],
  ['bitcoin-cash-sv', 'bsv', 'Bitcoin SV', '2018-11-09', 23.1, 19_960_000, 21_000_000],
  ['bitcoin-gold', 'btg', 'Bitcoin Gold', '2017-10-29', 1.1, 17_500_000, 21_000_000],
  ['vertcoin', 'vtc', 'Vertcoin', '2014-02-04', 0.041, 73_000_000, 84_000_000],
  ['ravencoin', 'rvn', 'Ravencoin', '2018-03-10', 0.0094, 15_700_000_000, 21_000_000_000],
  ['kaspa', 'kas', 'Kaspa', '2022-06-02', 0.049, 26_900_000_000, 28_700_000_000],
  ['digibyte', 'dgb', 'DigiByte', '2014-02-06', 0.0071, 17_900_000_000, 21_000_000_000],
  ['nervos-network', 'ckb', 'Nervos Network', '2019-11-18', 0.0031, 48_100_000_000],
  ['decred', 'dcr', 'Decred', '2016-02-10', 21.8, 17_100_000, 21_000_000],
  ['zencash', 'zen', 'Horizen', '2017-06-07', 12.4, 17_000_000, 21_000_000],
  ['siacoin', 'sc', 'Siacoin', '2015-08-26', 0.0021, 58_000_000_000],
  ['conflux-token', 'cfx', 'Conflux', '2020-11-04', 0.081, 5_150_000_000],
  ['filecoin', 'fil', 'Filecoin', '2020-10-15', 1.72, 705_000_000, 1_960_000_000],
  ['polygon-ecosystem-token', 'pol', 'POL (ex-MATIC)', '2023-10-25', 0.148, 10_560_000_000],
  ['matic-network', 'matic', 'Polygon', '2019-04-26', 0.148, 10_000_000_000, 10_000_000_000],
  ['near', 'near', 'NEAR Protocol', '2020-10-14', 1.9, 1_280_000_000],
  ['aptos', 'apt', 'Aptos', '2022-10-19', 2.4, 740_000_000],
  ['sui', 'sui', 'Sui', '2023-05-03', 1.62, 3_680_000_000, 10_000_000_000],
  ['internet-computer', 'icp', 'Internet Computer', '2021-05-10', 4.2, 543_000_000],
  ['hedera-hashgraph', 'hbar', 'Hedera', '2019-09-17', 0.144, 42_500_000_000, 50_000_000_000],
  ['algorand', 'algo', 'Algorand', '2019-06-21', 0.139, 8_820_000_000, 10_000_000_000],
  ['tezos', 'xtz', 'Tezos', '2018-07-03', 0.51, 1_065_000_000],
  ['vechain', 'vet', 'VeChain', '2018-08-03', 0.0131, 85_985_000_000, 86_700_000_000],
  ['eos', 'eos', 'EOS', '2017-07-01', 0.33, 1_560_000_000, 2_100_000_000],
  ['neo', 'neo', 'NEO', '2016-09-09', 4.1, 70_500_000, 100_000_000],
  ['iota', 'iota', 'IOTA', '2017-06-13', 0.108, 4_200_000_000],
  ['elrond-erd-2', 'egld', 'MultiversX', '2020-09-03', 8.9, 28_700_000],
  ['flow', 'flow', 'Flow', '2021-01-27', 0.24, 1_620_000_000],
  ['mina-protocol', 'mina', 'Mina', '2021-06-01', 0.094, 1_290_000_000],
  ['celo', 'celo', 'Celo', '2020-09-08', 0.17, 590_000_000, 1_000_000_000],
  ['fantom', 'ftm', 'Fantom', '2018-10-30', 0.33, 2_800_000_000, 3_175_000_000],
  ['sonic-3', 's', 'Sonic', '2025-01-07', 0.106, 3_780_000_000],
  ['injective-protocol', 'inj', 'Injective', '2020-10-21', 6.1, 99_900_000],
  ['osmosis', 'osmo', 'Osmosis', '2021-06-25', 0.074, 750_000_000, 1_000_000_000],
  ['celestia', 'tia', 'Celestia', '2023-10-31', 0.61, 850_000_000],
  ['sei-network', 'sei', 'Sei', '2023-08-15', 0.132, 6_490_000_000, 10_000_000_000],
  ['kava', 'kava', 'Kava', '2019-10-25', 0.126, 1_083_000_000],
  ['thorchain', 'rune', 'THORChain', '2019-07-23', 0.66, 351_000_000],
  ['the-open-network', 'ton', 'Toncoin', '2021-08-26', 1.58, 2_440_000_000],
  ['hyperliquid', 'hype', 'Hyperliquid', '2024-11-29', 34.5, 270_800_000, 1_000_000_000],
  ['crypto-com-chain', 'cro', 'Cronos', '2018-12-14', 0.107, 36_800_000_000, 100_000_000_000],
  ['kusama', 'ksm', 'Kusama', '2019-12-12', 8.4, 17_400_000],
  ['theta-token', 'theta', 'Theta Network', '2018-01-17', 0.41, 1_000_000_000, 1_000_000_000],
  ['blockstack', 'stx', 'Stacks', '2019-10-28', 0.33, 1_810_000_000, 1_818_000_000],
  ['gnosis', 'gno', 'Gnosis', '2017-05-01', 131, 2_640_000, 3_000_000],
  ['uniswap', 'uni', 'Uniswap', '2020-09-17', 6.2, 630_000_000, 1_000_000_000],
  ['aave', 'aave', 'Aave', '2020-10-03', 178, 15_300_000, 16_000_000],
  ['maker', 'mkr', 'Maker', '2017-12-20', 1_480, 847_000, 1_005_577],
  ['lido-dao', 'ldo', 'Lido DAO', '2021-01-05', 0.72, 893_000_000, 1_000_000_000],
  ['arbitrum', 'arb', 'Arbitrum', '2023-03-23', 0.21, 5_560_000_000, 10_000_000_000],
  ['optimism', 'op', 'Optimism', '2022-05-31', 0.33, 1_900_000_000, 4_294_967_296],
  ['the-graph', 'grt', 'The Graph', '2020-12-17', 0.052, 10_500_000_000, 10_800_000_000],
  ['quant-network', 'qnt', 'Quant', '2018-08-10', 84, 14_500_000, 14_612_493],
  ['render-token', 'render', 'Render', '2020-06-02', 1.9, 518_000_000, 532_200_000],
  ['dai', 'dai', 'Dai', '2019-11-19', 1, 4_300_000_000],
  ['wrapped-bitcoin', 'wbtc', 'Wrapped Bitcoin', '2019-01-30', 77_900, 126_000],
  ['pepe', 'pepe', 'Pepe', '2023-04-17', 0.0000047, 420_690_000_000_000, 420_690_000_000_000],
  ['curve-dao-token', 'crv', 'Curve DAO', '2020-08-14', 0.43, 1_410_000_000, 3_030_303_030],
  ['mantle', 'mnt', 'Mantle', '2023-07-17', 1.04, 3_250_000_000, 6_219_316_768],
];

export const MORE_COINS: readonly Coin[] = ROWS.map(([id, symbol, name, listed, price, supply, maxSupply], index) => ({
  ...{ id, symbol, name, listed, price, supply, maxSupply: maxSupply ?? null },
  volatility: price === 1 ? 0.0004 : 0.045,
  image: 40_000 + index,
}));

/** As many more as a test wants: `simulated-1` with the ticker `sim1`, and so on. */
export function extraCoins(most: number): Coin[] {
  return Array.from({ length: most }, (_, index) => ({
    id: `simulated-${index + 1}`,
    symbol: `sim${index + 1}`,
    name: `Simulated ${index + 1}`,
    ...{ listed: '2020-01-01', price: 0.5 + (index % 97), supply: 1_000_000 * (1 + (index % 89)), maxSupply: null },
    ...{ volatility: 0.05, image: 41_000 + index },
  }));
}

/** How a chain's rows look: which columns its blocks and transactions have. */
export interface ChainTraits {
  /** Name in Blockchair's paths, e.g. `bitcoin-cash`. */
  slug: string;
  family: 'bitcoin-like' | 'ethereum';
  /** First day with blocks, UTC. */
  genesis: string;
  /** Has weight, stripped size and witness columns. */
  segwit: boolean;
  /** Reward of a block in whole coins. */
  blockReward: number;
  /** Typical fee rate: base units per byte, or gwei per gas. */
  feeRate: number;
  difficulty: number;
  /** Columns that only this chain has, with a sample of their kind. */
  extra?: 'cbtx' | 'sapling' | 'auxpow';
}

/** A coin of the simulated world. Prices and supplies are of the right magnitude, nothing more. */
export interface Coin {
  /** CoinGecko's id. */
  id: string;
  symbol: string;
  name: string;
  /** First day with a price, UTC. */
  listed: string;
  /** USD at the anchor date. */
  price: number;
  supply: number;
  maxSupply: number | null;
  /** Standard deviation of a day's change, as a fraction. */
  volatility: number;
  /** CoinGecko's image number. */
  image: number;
  /** A dead coin: CoinGecko still lists it, without a price. */
  dead?: true;
  chain?: ChainTraits;
}

const bitcoinLike = { family: 'bitcoin-like' as const, segwit: false };

// prettier-ignore
export const COINS: readonly Coin[] = [
  { id: 'bitcoin', symbol: 'btc', name: 'Bitcoin', listed: '2013-04-28', price: 78_000, supply: 20_030_000, maxSupply: 21_000_000, volatility: 0.025, image: 1,
    chain: { ...bitcoinLike, slug: 'bitcoin', genesis: '2009-01-03', segwit: true, blockReward: 3.125, feeRate: 4, difficulty: 146_000_000_000_000 } },
  { id: 'ethereum', symbol: 'eth', name: 'Ethereum', listed: '2015-08-07', price: 2_950, supply: 120_700_000, maxSupply: null, volatility: 0.033, image: 279,
    chain: { slug: 'ethereum', family: 'ethereum', genesis: '2015-07-30', segwit: false, blockReward: 2, feeRate: 6, difficulty: 12_000_000_000_000_000 } },
  { id: 'dogecoin', symbol: 'doge', name: 'Dogecoin', listed: '2013-12-15', price: 0.162, supply: 151_800_000_000, maxSupply: null, volatility: 0.045, image: 5,
    chain: { ...bitcoinLike, slug: 'dogecoin', genesis: '2013-12-06', blockReward: 10_000, feeRate: 40_000, difficulty: 38_000_000, extra: 'auxpow' } },
  { id: 'litecoin', symbol: 'ltc', name: 'Litecoin', listed: '2013-04-28', price: 94, supply: 76_500_000, maxSupply: 84_000_000, volatility: 0.035, image: 2,
    chain: { ...bitcoinLike, slug: 'litecoin', genesis: '2011-10-07', segwit: true, blockReward: 6.25, feeRate: 20, difficulty: 96_000_000, extra: 'auxpow' } },
  { id: 'bitcoin-cash', symbol: 'bch', name: 'Bitcoin Cash', listed: '2017-08-02', price: 510, supply: 19_980_000, maxSupply: 21_000_000, volatility: 0.04, image: 780,
    chain: { ...bitcoinLike, slug: 'bitcoin-cash', genesis: '2009-01-03', blockReward: 3.125, feeRate: 2, difficulty: 790_000_000_000 } },
  { id: 'dash', symbol: 'dash', name: 'Dash', listed: '2014-02-14', price: 41, supply: 12_500_000, maxSupply: 18_900_000, volatility: 0.04, image: 19,
    chain: { ...bitcoinLike, slug: 'dash', genesis: '2014-01-19', blockReward: 1.77, feeRate: 3, difficulty: 82_000_000.123456, extra: 'cbtx' } },
  { id: 'zcash', symbol: 'zec', name: 'Zcash', listed: '2016-10-29', price: 320, supply: 16_400_000, maxSupply: 21_000_000, volatility: 0.05, image: 486,
    chain: { ...bitcoinLike, slug: 'zcash', genesis: '2016-10-28', blockReward: 1.5625, feeRate: 12, difficulty: 110_000_000.5, extra: 'sapling' } },
  { id: 'tether', symbol: 'usdt', name: 'Tether', listed: '2015-02-25', price: 1, supply: 184_000_000_000, maxSupply: null, volatility: 0.0004, image: 325 },
  { id: 'ripple', symbol: 'xrp', name: 'XRP', listed: '2013-08-04', price: 2.2, supply: 60_300_000_000, maxSupply: 100_000_000_000, volatility: 0.04, image: 44 },
  { id: 'binancecoin', symbol: 'bnb', name: 'BNB', listed: '2017-09-16', price: 880, supply: 137_700_000, maxSupply: 200_000_000, volatility: 0.03, image: 825 },
  { id: 'solana', symbol: 'sol', name: 'Solana', listed: '2020-04-11', price: 138, supply: 556_000_000, maxSupply: null, volatility: 0.045, image: 4128 },
  { id: 'usd-coin', symbol: 'usdc', name: 'USDC', listed: '2018-10-05', price: 1, supply: 75_000_000_000, maxSupply: null, volatility: 0.0004, image: 6319 },
  { id: 'tron', symbol: 'trx', name: 'TRON', listed: '2017-11-09', price: 0.28, supply: 94_700_000_000, maxSupply: null, volatility: 0.028, image: 1094 },
  { id: 'cardano', symbol: 'ada', name: 'Cardano', listed: '2017-10-18', price: 0.47, supply: 36_600_000_000, maxSupply: 45_000_000_000, volatility: 0.043, image: 975 },
  { id: 'chainlink', symbol: 'link', name: 'Chainlink', listed: '2017-11-09', price: 13.1, supply: 697_000_000, maxSupply: 1_000_000_000, volatility: 0.045, image: 877 },
  { id: 'stellar', symbol: 'xlm', name: 'Stellar', listed: '2014-08-11', price: 0.25, supply: 32_200_000_000, maxSupply: 50_001_786_884, volatility: 0.042, image: 100 },
  { id: 'avalanche-2', symbol: 'avax', name: 'Avalanche', listed: '2020-09-22', price: 14.2, supply: 427_000_000, maxSupply: 715_700_000, volatility: 0.048, image: 12559 },
  { id: 'polkadot', symbol: 'dot', name: 'Polkadot', listed: '2020-08-19', price: 2.6, supply: 1_640_000_000, maxSupply: 2_100_000_000, volatility: 0.045, image: 12171 },
  { id: 'monero', symbol: 'xmr', name: 'Monero', listed: '2014-05-21', price: 390, supply: 18_446_700, maxSupply: null, volatility: 0.035, image: 69 },
  { id: 'cosmos', symbol: 'atom', name: 'Cosmos Hub', listed: '2019-03-14', price: 2.5, supply: 478_000_000, maxSupply: null, volatility: 0.043, image: 1481 },
  { id: 'shiba-inu', symbol: 'shib', name: 'Shiba Inu', listed: '2020-08-01', price: 0.0000085, supply: 589_500_000_000_000, maxSupply: null, volatility: 0.05, image: 11939 },
  // The four oddities that every list of CoinGecko has: a second coin of a ticker, a price far below 1e-6, no ticker at all, a dead one.
  { id: 'batcat', symbol: 'btc', name: 'batcat', listed: '2024-03-12', price: 0.000041, supply: 999_000_000, maxSupply: 999_000_000, volatility: 0.08, image: 36_000 },
  { id: 'baby-doge-coin', symbol: 'babydoge', name: 'Baby Doge Coin', listed: '2021-06-14', price: 0.0000000011, supply: 169_000_000_000_000_000, maxSupply: 420_000_000_000_000_000, volatility: 0.06, image: 16125 },
  { id: 'nameless-token', symbol: '', name: 'Nameless', listed: '2025-05-01', price: 0.013, supply: 10_000_000, maxSupply: null, volatility: 0.07, image: 55_000 },
  { id: 'departed-coin', symbol: 'dead', name: 'Departed Coin', listed: '2018-01-10', price: 0.0002, supply: 5_000_000, maxSupply: null, volatility: 0.07, image: 2_500, dead: true },
];

/** The coins that have a chain at Blockchair, by the name used in its paths. */
export const CHAINS: ReadonlyMap<string, Coin & { chain: ChainTraits }> = new Map(
  COINS.flatMap((coin) => (coin.chain ? [[coin.chain.slug, { ...coin, chain: coin.chain }]] : [])),
);

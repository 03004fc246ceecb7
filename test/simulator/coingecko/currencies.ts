import { COINS } from '../world/coins';
import type { World } from '../world/world';

/** Units of a currency that one US dollar buys; magnitudes of 2026, fixed so that only coins move. */
const PER_DOLLAR: Readonly<Record<string, number>> = {
  usd: 1,
  aed: 3.6725,
  ars: 1480,
  aud: 1.53,
  bdt: 122.4,
  bhd: 0.377,
  bmd: 1,
  brl: 5.36,
  cad: 1.395,
  chf: 0.793,
  clp: 937,
  cny: 7.1,
  czk: 20.8,
  dkk: 6.41,
  eur: 0.858,
  gbp: 0.753,
  gel: 2.72,
  hkd: 7.77,
  huf: 333,
  idr: 16_585,
  ils: 3.25,
  inr: 88.2,
  jpy: 152,
  krw: 1427,
  kwd: 0.3066,
  lkr: 304.5,
  mmk: 2100,
  mxn: 18.4,
  myr: 4.2,
  ngn: 1456,
  nok: 9.98,
  nzd: 1.73,
  php: 59,
  pkr: 282,
  pln: 3.63,
  rub: 79.3,
  sar: 3.75,
  sek: 9.37,
  sgd: 1.29,
  thb: 32.3,
  try: 41.9,
  twd: 30.6,
  uah: 42.1,
  vef: 0.1001,
  vnd: 26_320,
  xag: 0.0208,
  xau: 0.000248,
  xdr: 0.73,
  yfi: 0.000208,
  eos: 3.5,
  zar: 17.1,
};

/** Currencies that are coins themselves: symbol of the currency → id of the coin. */
const COIN_CURRENCIES: Readonly<Record<string, string>> = {
  bch: 'bitcoin-cash',
  bnb: 'binancecoin',
  btc: 'bitcoin',
  dot: 'polkadot',
  eth: 'ethereum',
  link: 'chainlink',
  ltc: 'litecoin',
  sol: 'solana',
  xlm: 'stellar',
  xrp: 'ripple',
};

/** The currencies in which CoinGecko answers. */
export const CURRENCIES: readonly string[] = [
  ...Object.keys(PER_DOLLAR),
  ...Object.keys(COIN_CURRENCIES),
  'bits',
  'sats',
].toSorted();

/** Units of a currency per US dollar at a moment; undefined for an unknown currency, and for a coin not listed yet. */
export function perDollar(world: World, currency: string, ms: number): number | undefined {
  const fixed = PER_DOLLAR[currency];
  if (fixed !== undefined) return fixed;
  if (currency === 'bits' || currency === 'sats') {
    const bitcoins = perDollar(world, 'btc', ms);
    return bitcoins === undefined ? undefined : bitcoins * (currency === 'bits' ? 1e6 : 1e8);
  }
  const coin = COINS.find(({ id }) => id === COIN_CURRENCIES[currency]);
  const quote = coin && world.market.fair(coin, ms);
  return quote ? 1 / quote.price : undefined;
}

/** An amount of US dollars in every currency, as in `market_data.current_price`. */
export function inEveryCurrency(world: World, dollars: number, ms: number): Record<string, number> {
  return Object.fromEntries(
    CURRENCIES.flatMap((currency) => {
      const rate = perDollar(world, currency, ms);
      return rate === undefined ? [] : [[currency, dollars * rate]];
    }),
  );
}

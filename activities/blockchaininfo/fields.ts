import { multiplyDecimals, shiftDecimal } from '../decimals';
import type { FieldReader, FieldReaders } from '../observed';

// The names lie about the units (SOURCES, traps 6 and 7): `hash_rate` is GH/s here and TH/s in its chart, `totalbc` is
// satoshi here and whole coins in its chart. A 0 is a figure that the service could not make.

function shifted(key: string, unit: string, shift: number): FieldReader {
  const divisor = 10 ** -shift;
  const convert = (plain: string) => ({ value: shiftDecimal(plain, shift), from: `${plain} ${unit} ÷ ${divisor}` });
  return { key, convert, zeroIsUnknown: true };
}

const plain = (key: string): FieldReader => ({ key, zeroIsUnknown: true });

/** Of /stats; counts and sums are those of the 24 hours before its timestamp. */
export const statsFields = {
  hash_rate: shifted('hash_rate', 'GH/s', -3),
  difficulty: plain('difficulty'),
  block_height: plain('n_blocks_total'),
  transaction_count: plain('n_tx'),
  block_time_seconds: {
    key: 'minutes_between_blocks',
    convert: (minutes) => ({ value: multiplyDecimals(minutes, '60'), from: `${minutes} min × 60` }),
    zeroIsUnknown: true,
  },
  transaction_volume: plain('estimated_transaction_volume_usd'),
  circulating_supply: shifted('totalbc', 'satoshi', -8),
} as const satisfies FieldReaders;

/**
 * The charts of the same figures. `of: 'day'`: a point is stamped with the start of the day that it sums up or averages,
 * so it is known when that day is over; `of: 'moment'`: it was so at that time.
 */
export const charts = [
  { name: 'difficulty', field: 'difficulty', of: 'day' },
  { name: 'estimated-transaction-volume-usd', field: 'transaction_volume', of: 'day' },
  { name: 'hash-rate', field: 'hash_rate', of: 'day' },
  { name: 'n-transactions', field: 'transaction_count', of: 'day' },
  { name: 'total-bitcoins', field: 'circulating_supply', of: 'moment' },
] as const;

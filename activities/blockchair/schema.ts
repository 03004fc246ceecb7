import { z } from 'zod';
import { amount, count } from '../numbers';

const time = z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'expected a time like 2026-11-21 00:00:00');
const hash = z.string().min(1);

export const errorAnswer = z.object({ context: z.object({ code: z.number(), error: z.string().nullish() }) });

export const tableAnswer = z.object({
  data: z.array(z.unknown()).nullable(),
  context: z.object({ code: z.number(), total_rows: z.number().nullish() }),
});

export const block = z.object({
  id: count,
  hash,
  time,
  transaction_count: count,
  size: count,
  difficulty: amount,
});

/** Bitcoin and its relatives: amounts in satoshi, as numbers. */
export const bitcoinTransaction = z.object({
  block_id: count,
  id: count,
  hash,
  time,
  size: count,
  is_coinbase: z.boolean(),
  input_count: count,
  output_count: count,
  output_total: amount,
  output_total_usd: amount.nullable(),
  fee: amount,
  fee_usd: amount.nullable(),
});

/** Ethereum: amounts in wei, as numeric strings. `synthetic_coinbase` rows have no hash and no fee. */
export const ethereumTransaction = z.object({
  block_id: count,
  id: count,
  hash: hash.nullable(),
  time,
  type: z.string(),
  recipient: z.string().nullable(),
  value: amount,
  value_usd: amount.nullable(),
  fee: amount.nullable(),
  fee_usd: amount.nullable(),
});

const seen = time.nullable();

const addressBase = {
  balance: amount,
  balance_usd: amount.nullable(),
  received_usd: amount.nullable(),
  spent_usd: amount.nullable(),
  first_seen_receiving: seen,
  last_seen_receiving: seen,
  first_seen_spending: seen,
  last_seen_spending: seen,
  transaction_count: count.nullish(),
};

/** One address of a Bitcoin-like chain, in satoshi. A batch has no transaction count per address. */
export const bitcoinAddress = z.object({ ...addressBase, received: amount, spent: amount });

/** One Ethereum account, in wei; `…_approximate` are rounded by the source. */
export const ethereumAddress = z.object({
  ...addressBase,
  received_approximate: amount,
  spent_approximate: amount,
  fees_approximate: amount.nullish(),
});

/** `data` of a dashboard is an object; PHP makes an empty one `[]` or null. */
export const addressesAnswer = z.object({
  data: z.union([z.object({ addresses: z.record(z.string(), z.unknown()) }), z.array(z.unknown()).length(0), z.null()]),
});
export const addressAnswer = z.object({
  data: z.union([z.record(z.string(), z.object({ address: z.unknown() })), z.array(z.unknown()).length(0), z.null()]),
});

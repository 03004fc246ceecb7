import { randomFrom } from './random';
import { DAY_MS } from './time';

/** What a chain knows about an address at a moment. Amounts in base units (satoshi, wei). */
export interface AddressState {
  received: bigint;
  spent: bigint;
  balance: bigint;
  receipts: number;
  spendings: number;
  firstReceivedMs: number | null;
  lastReceivedMs: number | null;
  firstSpentMs: number | null;
  lastSpentMs: number | null;
  /** The newest transactions, newest first. */
  recent: { hash: string; ms: number; received: bigint }[];
}

const BITCOIN_LIKE = /^[1-9A-HJ-NP-Za-km-z]{25,40}$|^(bc1|ltc1|bitcoincash:)[0-9a-z]{20,90}$|^[qp][0-9a-z]{41}$/;
/** 2017-02-03: after the first block of every chain. */
const FIRST_DAY = 17_200;
const ETHEREUM = /^0x[0-9a-fA-F]{40}$/;

/** True when a text can be an address; `1DoesntExist`, the documentation's example of one that is not, cannot. */
export function isAddress(family: 'bitcoin-like' | 'ethereum', address: string): boolean {
  return (family === 'ethereum' ? ETHEREUM : BITCOIN_LIKE).test(address);
}

/**
 * The state of an address at the end of the last whole UTC day before `nowMs`, so that a rerun of the same day finds
 * the same. An address receives every few days since its first day and spends half of it now and then; one with
 * `Unused` in it has never been seen.
 */
export function addressState(
  seed: string,
  chain: string,
  address: string,
  nowMs: number,
  unitsPerCoin: bigint,
): AddressState {
  const random = randomFrom(`${seed}/${chain}/address/${address}`);
  const lastDay = Math.floor(nowMs / DAY_MS) - 1;
  const firstDay = FIRST_DAY + random.integer(0, 2500);
  const every = random.integer(1, 5);
  const amount = (unitsPerCoin * BigInt(random.integer(1, 400))) / 1000n + BigInt(random.integer(0, 9999));
  const hour = random.integer(0, 22);
  if (lastDay < firstDay || address.includes('Unused')) return { ...nothing };

  const receipts = Math.floor((lastDay - firstDay) / every) + 1;
  const spendings = Math.floor(receipts / 4);
  const momentOf = (receipt: number): number => (firstDay + receipt * every) * DAY_MS + (hour * 3600 + 61) * 1000;
  const received = amount * BigInt(receipts);
  const spent = 2n * amount * BigInt(spendings);
  return {
    received,
    spent,
    balance: received - spent,
    receipts,
    spendings,
    firstReceivedMs: momentOf(0),
    lastReceivedMs: momentOf(receipts - 1),
    firstSpentMs: spendings > 0 ? momentOf(3) + 1_800_000 : null,
    lastSpentMs: spendings > 0 ? momentOf(spendings * 4 - 1) + 1_800_000 : null,
    recent: Array.from({ length: Math.min(receipts, 100) }, (_, index) => {
      const receipt = receipts - 1 - index;
      const hash = randomFrom(`${seed}/${chain}/address/${address}/${firstDay + receipt}`).hex(64);
      return { hash, ms: momentOf(receipt), received: amount };
    }),
  };
}

const nothing: AddressState = {
  received: 0n,
  spent: 0n,
  balance: 0n,
  receipts: 0,
  spendings: 0,
  firstReceivedMs: null,
  lastReceivedMs: null,
  firstSpentMs: null,
  lastSpentMs: null,
  recent: [],
};

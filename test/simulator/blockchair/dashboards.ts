import { type AddressState, addressState, isAddress } from '../world/addresses';
import { usd } from '../world/bitcoin-like';
import { seedOf } from '../world/random';
import type { ChainTables } from '../world/tables';
import { DAY_MS, timeText } from '../world/time';
import type { World } from '../world/world';

const UNITS = { 'bitcoin-like': 100_000_000n, ethereum: 1_000_000_000_000_000_000n };

/** The state of an address and its fields as a dashboard shows them; undefined for what is no address. */
export function addressOf(
  world: World,
  chain: ChainTables,
  address: string,
): { state: AddressState; fields: Record<string, unknown> } | undefined {
  const { family, slug } = chain.coin.chain;
  if (!isAddress(family, address)) return undefined;
  const state = addressState(world.seed, slug, address, world.now().getTime(), UNITS[family]);
  const fields = family === 'ethereum' ? etherFields(world, chain, state) : coinFields(world, chain, address, state);
  return { state, fields: { ...fields, ...world.addressChanges.get(`${slug}/${address}`) } };
}

function coinFields(world: World, chain: ChainTables, address: string, state: AddressState): Record<string, unknown> {
  const { now, past } = prices(world, chain);
  return {
    type: address.includes('1q') ? 'witness_v0_keyhash' : 'pubkeyhash',
    script_hex: `76a914${seedOf(address).toString(16).padStart(8, '0').repeat(5)}88ac`,
    balance: state.balance,
    balance_usd: worth(state.balance, now, 8),
    received: state.received,
    received_usd: worth(state.received, past, 8),
    spent: state.spent,
    spent_usd: worth(state.spent, past, 8),
    output_count: state.receipts,
    unspent_output_count: state.receipts - state.spendings * 2,
    ...seen(state),
    transaction_count: state.receipts + state.spendings,
    scripthash_type: null,
  };
}

function etherFields(world: World, chain: ChainTables, state: AddressState): Record<string, unknown> {
  const { now, past } = prices(world, chain);
  return {
    type: 'account',
    contract_code_hex: null,
    contract_created: null,
    contract_destroyed: null,
    balance: String(state.balance),
    balance_usd: worth(state.balance, now, 18),
    received_approximate: String(state.received),
    received_usd: worth(state.received, past, 18),
    spent_approximate: String(state.spent),
    spent_usd: worth(state.spent, past, 18),
    fees_approximate: '0',
    fees_usd: 0,
    receiving_call_count: state.receipts,
    spending_call_count: state.spendings,
    call_count: state.receipts + state.spendings,
    transaction_count: state.receipts + state.spendings,
    ...seen(state),
  };
}

function seen(state: AddressState): Record<string, string | null> {
  const text = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    first_seen_receiving: text(state.firstReceivedMs),
    last_seen_receiving: text(state.lastReceivedMs),
    first_seen_spending: text(state.firstSpentMs),
    last_seen_spending: text(state.lastSpentMs),
  };
}

/** Received and spent are valued at the price of their time upstream; half of today's stands for that here. */
function prices(world: World, chain: ChainTables): { now: number; past: number } {
  // as old as the addresses' state, so that a rerun of the same day finds the same
  const midnight = Math.floor(world.now().getTime() / DAY_MS) * DAY_MS;
  const now = world.market.fair(chain.coin, midnight)?.price ?? 0;
  return { now, past: now / 2 };
}

function worth(units: bigint, price: number, decimals: number): number {
  return usd((Number(units) / 10 ** decimals) * price);
}

/** `data` of `/dashboards/address/{address}`. */
export function addressDashboard(
  world: World,
  chain: ChainTables,
  address: string,
  options: { limit: number; details: boolean },
): Record<string, unknown> | undefined {
  const found = addressOf(world, chain, address);
  if (!found) return undefined;
  const recent = found.state.recent.slice(0, options.limit);
  const blockAt = (ms: number): number => chain.timeline.lastAt(ms);
  if (chain.coin.chain.family === 'ethereum') {
    const calls = recent.map((tx) => ({
      block_id: blockAt(tx.ms),
      transaction_hash: `0x${tx.hash}`,
      index: '0',
      time: timeText(tx.ms),
      sender: `0x${tx.hash.slice(0, 40)}`,
      recipient: address,
      value: Number(tx.received),
      value_usd: 0,
      transferred: true,
    }));
    return { address: found.fields, calls };
  }
  const transactions = options.details
    ? recent.map((tx) => ({
        block_id: blockAt(tx.ms),
        hash: tx.hash,
        time: timeText(tx.ms),
        balance_change: tx.received,
      }))
    : recent.map((tx) => tx.hash);
  return { address: found.fields, transactions, utxo: unspent(chain, found.state, options.limit) };
}

/** `data` of `/dashboards/addresses/{a},{b}`: what is no address is left out. */
export function addressesDashboard(
  world: World,
  chain: ChainTables,
  addresses: readonly string[],
  limit: number,
): Record<string, unknown> {
  const found = addresses.flatMap((address) => {
    const known = addressOf(world, chain, address);
    return known ? [{ address, ...known }] : [];
  });
  const total = (field: string): bigint => found.reduce((sum, { fields }) => sum + BigInt(fields[field] as bigint), 0n);
  const count = (field: string): number => Number(total(field));
  const times = (field: string): string[] =>
    found.flatMap(({ fields }) => (typeof fields[field] === 'string' ? [fields[field]] : [])).toSorted();
  return {
    set: {
      address_count: found.length,
      balance: total('balance'),
      balance_usd: found.reduce((sum, { fields }) => sum + Number(fields['balance_usd']), 0),
      received: total('received'),
      spent: total('spent'),
      output_count: count('output_count'),
      unspent_output_count: count('unspent_output_count'),
      first_seen_receiving: times('first_seen_receiving')[0] ?? null,
      last_seen_receiving: times('last_seen_receiving').at(-1) ?? null,
      first_seen_spending: times('first_seen_spending')[0] ?? null,
      last_seen_spending: times('last_seen_spending').at(-1) ?? null,
      transaction_count: count('transaction_count'),
    },
    // Unlike the single dashboard, addresses of a set have no transaction_count and no scripthash_type.
    addresses: Object.fromEntries(
      found.map(({ address, fields: { transaction_count: _count, scripthash_type: _type, ...fields } }) => [
        address,
        fields,
      ]),
    ),
    transactions: found.flatMap(({ state }) => state.recent.map((tx) => tx.hash)).slice(0, limit),
    utxo: found
      .flatMap(({ address, state }) => unspent(chain, state, limit).map((output) => ({ ...output, address })))
      .slice(0, limit),
  };
}

function unspent(chain: ChainTables, state: AddressState, limit: number): Record<string, unknown>[] {
  return state.recent.slice(0, limit).map((tx) => ({
    block_id: chain.timeline.lastAt(tx.ms),
    transaction_hash: tx.hash,
    index: 0,
    value: tx.received,
  }));
}

import type { Kysely } from 'kysely';
import type { Schema } from '../schema';

/** Active addresses of a coin, in the order of the pages that ask for them. */
export async function watchedAddresses(db: Kysely<Schema>, coinSymbol: string): Promise<string[]> {
  const rows = await db
    .selectFrom('watched_addresses')
    .select('address')
    .where('coin_symbol', '=', coinSymbol)
    .where('is_active', '=', 1)
    .execute();
  return rows.map((row) => row.address).toSorted();
}

export async function addWatchedAddress(
  db: Kysely<Schema>,
  coinSymbol: string,
  address: string,
  label: string | null,
): Promise<void> {
  await db
    .insertInto('watched_addresses')
    .values({ coin_symbol: coinSymbol, address, label })
    .onDuplicateKeyUpdate({ is_active: 1, label })
    .execute();
}

/** Stops watching; what was stored about the address stays. Returns false where it was not watched. */
export async function removeWatchedAddress(db: Kysely<Schema>, coinSymbol: string, address: string): Promise<boolean> {
  const result = await db
    .updateTable('watched_addresses')
    .set({ is_active: 0 })
    .where('coin_symbol', '=', coinSymbol)
    .where('address', '=', address)
    .where('is_active', '=', 1)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) > 0;
}

export async function listWatchedAddresses(db: Kysely<Schema>) {
  return db
    .selectFrom('watched_addresses')
    .select(['coin_symbol', 'address', 'label', 'created_at'])
    .where('is_active', '=', 1)
    .orderBy('coin_symbol')
    .orderBy('address')
    .execute();
}

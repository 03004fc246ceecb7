import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';
import type { RunStatus } from './ingestion-logs';

// What the health checks ask of slots. Slots are handed in and come back as the database writes them; every query is a
// range of the slots of a day or less, or a jump from asset to asset.

type Db = Kysely<Schema>;

/** The first and the newest slot up to `until` that have rows. */
export async function slotBounds(db: Db, until: string): Promise<{ first: string; newest: string } | undefined> {
  const end = (isFirst: boolean) =>
    db
      .selectFrom('onchain_data')
      .select('timestamp_iso as slot')
      .where('timestamp_iso', '<=', until)
      .orderBy('timestamp_iso', isFirst ? 'asc' : 'desc')
      .limit(1)
      .executeTakeFirst();
  const [first, newest] = [await end(true), await end(false)];
  return first && newest && { first: first.slot, newest: newest.slot };
}

/** Rows of `onchain_data` by slot, from `from` to `until`, both included, in order. */
export async function rowsBySlot(db: Db, from: string, until: string): Promise<{ slot: string; rows: number }[]> {
  return db
    .selectFrom('onchain_data')
    .select(['timestamp_iso as slot', sql<number>`COUNT(*)`.as('rows')])
    .where('timestamp_iso', '>=', from)
    .where('timestamp_iso', '<=', until)
    .groupBy('timestamp_iso')
    .orderBy('timestamp_iso')
    .execute();
}

/** By asset: how many slots have its row, and its first and last one. Of the same slots. */
export async function slotsByCoin(
  db: Db,
  from: string,
  until: string,
): Promise<{ coinId: string; rows: number; first: string; last: string }[]> {
  return db
    .selectFrom('onchain_data')
    .select(['coin_id as coinId', sql<number>`COUNT(*)`.as('rows')])
    .select([sql<string>`MIN(timestamp_iso)`.as('first'), sql<string>`MAX(timestamp_iso)`.as('last')])
    .where('timestamp_iso', '>=', from)
    .where('timestamp_iso', '<=', until)
    .groupBy('coin_id')
    .orderBy('coin_id')
    .execute();
}

/** Active assets that were there at a slot, but have no row of it. */
export async function activeWithoutRow(db: Db, slot: string): Promise<string[]> {
  const rows = await db
    .selectFrom('crypto_assets as asset')
    .leftJoin('onchain_data as row', (join) =>
      join.onRef('row.coin_id', '=', 'asset.coin_id').on('row.timestamp_iso', '=', slot),
    )
    .select('asset.coin_id')
    .where('asset.is_active', '=', 1)
    .where('asset.created_at', '<=', slot)
    .where('row.coin_id', 'is', null)
    .orderBy('asset.coin_id')
    .execute();
  return rows.map((row) => row.coin_id);
}

/** What the log says of runs by key: of each its newest success, else its newest row. */
export async function statesOfKeys(
  db: Db,
  runKeys: readonly string[],
): Promise<Map<string, { status: RunStatus; message: string | null }>> {
  if (runKeys.length === 0) return new Map();
  const rows = await db
    .selectFrom('ingestion_state')
    .select(['run_key', 'status', 'error_message'])
    .where('run_key', 'in', runKeys)
    .execute();
  return new Map(rows.map((row) => [row.run_key, { status: row.status, message: row.error_message }]));
}

import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

// Single rows of the two tables of slots, by asset; slots as the database writes them.

type Db = Kysely<Schema>;
export type SlotTable = 'onchain_data' | 'crypto_sentiment_data';

/** The row of an asset in a slot, with all its columns. */
export async function slotRowOf(
  db: Db,
  table: SlotTable,
  coinId: string,
  slot: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { rows } = await sql<Record<string, unknown>>`
    SELECT * FROM ${sql.table(table)} WHERE coin_id = ${coinId} AND timestamp_iso = ${slot}`.execute(db);
  return rows[0];
}

/** The newest slot that has a row of the asset. */
export async function newestSlotOf(db: Db, table: SlotTable, coinId: string): Promise<string | undefined> {
  const { rows } = await sql<{ slot: string | null }>`
    SELECT MAX(timestamp_iso) AS slot FROM ${sql.table(table)} WHERE coin_id = ${coinId}`.execute(db);
  return rows[0]?.slot ?? undefined;
}

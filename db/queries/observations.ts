import { sql, type Kysely, type Transaction } from 'kysely';
import type { Schema } from '../schema';
import { noteChangedUnits } from './changed-units';
import { upsertRows, type UpsertCounts } from '../upsert';

/** What a source (or its history) said about an asset in a slot; `fields` is JSON text. Slots as the database writes them. */
export interface ObservationRow {
  slot: string;
  coinId: string;
  source: string;
  fields: string;
}

/** Everything that was said for some slots, of all assets or of some. */
export async function observationsOf(
  db: Kysely<Schema>,
  slots: readonly string[],
  filter: { coinIds?: readonly string[]; source?: string } = {},
): Promise<ObservationRow[]> {
  if (slots.length === 0 || filter.coinIds?.length === 0) return [];
  let query = db
    .selectFrom('source_observations')
    .select(['slot', 'coin_id as coinId', 'source', 'fields'])
    .where('slot', 'in', slots);
  if (filter.coinIds) query = query.where('coin_id', 'in', filter.coinIds);
  if (filter.source) query = query.where('source', '=', filter.source);
  return query.execute();
}

/** The newest slot from `since` on and before `slot` for which one of these sources said something. */
export async function slotBefore(
  db: Kysely<Schema>,
  slot: string,
  since: string,
  source: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('source_observations')
    .select('slot')
    .where('slot', '<', slot)
    .where('slot', '>=', since)
    .where('source', '=', source)
    .orderBy('slot', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.slot;
}

/** Locks what is there of one source and some assets in one slot. */
export async function lockObservations(
  trx: Transaction<Schema>,
  slot: string,
  coinIds: readonly string[],
  source: string,
): Promise<Map<string, string>> {
  const rows = await trx
    .selectFrom('source_observations')
    .select(['coin_id', 'fields'])
    .where('slot', '=', slot)
    .where('coin_id', 'in', coinIds)
    .where('source', '=', source)
    .forUpdate()
    .execute();
  return new Map(rows.map((row) => [row.coin_id, row.fields]));
}

/** Writes observations; one that says the same already keeps every column. */
export async function writeObservations(
  trx: Transaction<Schema>,
  rows: readonly ObservationRow[],
  logId: number,
): Promise<UpsertCounts> {
  const counts = await upsertRows(trx, {
    table: 'source_observations',
    key: ['slot', 'coin_id', 'source'],
    rows: rows.map(({ slot, coinId, source, fields }) => ({ slot, coin_id: coinId, source, fields })),
    logId,
  });
  if (counts.inserted + counts.updated > 0) await noteDays(trx, rows);
  return counts;
}

/** All assets of a day at once: a slot is about most of them. */
async function noteDays(trx: Transaction<Schema>, rows: readonly ObservationRow[]): Promise<void> {
  const days = new Set(rows.map(({ slot }) => slot.slice(0, 10)));
  await noteChangedUnits(
    trx,
    [...days].map((day) => ({ table: 'source_observations', coin: '', day })),
  );
}

/** Observations that are not there yet: those that are keep what they say. */
export async function addObservations(
  trx: Transaction<Schema>,
  rows: readonly ObservationRow[],
  logId: number,
): Promise<void> {
  for (let from = 0; from < rows.length; from += 500) {
    await trx
      .insertInto('source_observations')
      .values(
        rows
          .slice(from, from + 500)
          .map(({ slot, coinId, source, fields }) => ({ slot, coin_id: coinId, source, fields, log_id: logId })),
      )
      .onDuplicateKeyUpdate({ coin_id: sql`source_observations.coin_id` })
      .execute();
  }
  await noteDays(trx, rows);
}

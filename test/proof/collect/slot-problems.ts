import { sql, type Kysely } from 'kysely';
import { readObservation, rules } from '../../../activities/collect/known';
import { mergeSlot } from '../../../activities/collect/merge';
import { slotOfColumn } from '../../../activities/collect/slots';
import type { StoredObservation } from '../../../activities/collect/stored';
import { writeSlots } from '../../../activities/collect/write';
import { listAssets } from '../../../db/queries/assets';
import { observationsOf } from '../../../db/queries/observations';
import type { Schema } from '../../../db/schema';

// What must hold of slots, whatever happened while they were collected. Each function returns what does not, in words.

type Db = Kysely<Schema>;

/** One row of each slot and active asset, and one final log row for each run. */
export async function slotProblems(db: Db, slots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const assets = (await listAssets(db)).filter(({ isActive }) => isActive);
  const { rows } = await sql<{ slot: string; n: number; coins: number }>`
    SELECT timestamp_iso AS slot, COUNT(*) AS n, COUNT(DISTINCT coin_id) AS coins FROM onchain_data GROUP BY 1`.execute(
    db,
  );
  const counted = new Map(rows.map((row) => [slotOfColumn(row.slot), row]));
  for (const slot of slots) {
    const row = counted.get(slot);
    if (Number(row?.n ?? 0) !== assets.length || Number(row?.coins ?? 0) !== assets.length)
      found.push(`${slot}: ${row?.n ?? 0} rows of ${row?.coins ?? 0} assets, there are ${assets.length}`);
  }
  const { rows: open } = await sql<{ about: string }>`
    SELECT CONCAT(run_key, ' ', status) AS about FROM data_ingestion_logs
    WHERE status = 'running' OR completed_at IS NULL
      OR records_processed <> records_inserted + records_updated + records_unchanged + records_rejected`.execute(db);
  found.push(...open.map(({ about }) => `not ended, or counts that do not add up: ${about}`));
  const { rows: twice } = await sql<{ about: string }>`
    SELECT CONCAT(workflow_id, ' ', run_key, ' ', COUNT(*)) AS about FROM data_ingestion_logs
    GROUP BY workflow_id, first_execution_run_id, run_key HAVING COUNT(*) > 1`.execute(db);
  found.push(...twice.map(({ about }) => `more than one log row: ${about}`));
  return found;
}

/** Every stored value is what its slot's observations say: made again, nothing would change. No value is newer than its slot. */
export async function valueProblems(db: Db, slots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const assets = (await listAssets(db)).filter(({ isActive }) => isActive);
  for (const slot of slots) {
    const again = await recomputed(db, slot, assets);
    for (const [table, { inserted, updated }] of Object.entries(again))
      if (inserted + updated > 0)
        found.push(`${slot} ${table}: made again, ${inserted} rows are new and ${updated} differ`);
    const rows = await observationsOf(db, [slot.replace('T', ' ').replace('Z', '')]);
    for (const { coinId, kind } of assets) {
      const own = rows.filter((row) => row.coinId === coinId);
      const observations = new Map<string, StoredObservation>(
        own.map((row) => [row.source, readObservation(row.source, row.fields, slot)]),
      );
      const { chosen } = mergeSlot({ kind, observations, slot, rules });
      for (const [field, value] of Object.entries(chosen))
        if (value.at > slot) found.push(`${slot} ${coinId} ${field}: its time ${value.at} is after the slot`);
    }
  }
  return found;
}

class RolledBack extends Error {}

async function recomputed(db: Db, slot: string, assets: Awaited<ReturnType<typeof listAssets>>) {
  let counts = { onchain: { inserted: 0, updated: 0 }, sentiment: { inserted: 0, updated: 0 } };
  try {
    await db.transaction().execute(async (trx) => {
      counts = await writeSlots(trx, [slot], assets, { onchain: 0, sentiment: 0 });
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
  return { onchain_data: counts.onchain, crypto_sentiment_data: counts.sentiment };
}

/** A slot without a source says so: in the source's run, and in that of the row. */
export async function missProblems(db: Db): Promise<string[]> {
  const { rows } = await sql<{ about: string }>`
    SELECT CONCAT(source.run_key, ' ', source.status) AS about FROM data_ingestion_logs source
    LEFT JOIN data_ingestion_logs made ON made.slot = source.slot AND made.workflow_id = source.workflow_id
      AND made.source = 'cryptoflow' AND made.data_type = 'onchain_data'
    WHERE source.data_type = 'observations' AND source.status IN ('failed', 'partial')
      AND (made.status <> 'partial' OR made.error_message NOT LIKE CONCAT('%without ', source.source, '%')
        OR source.error_message IS NULL)`.execute(db);
  return rows.map(({ about }) => `a miss that the slot's own run does not tell: ${about}`);
}

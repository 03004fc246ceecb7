import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

/** A place among the requests that a source allows at the same time; `holder` names the attempt. */
export interface Lease {
  source: string;
  holder: string;
}

/** A holder that died is followed by the next after this long; a living one renews in time. */
export const leaseSeconds = 60;

/** As many places as the source allows connections; those that are held stay so. */
export async function setLeases(db: Kysely<Schema>, source: string, count: number): Promise<void> {
  await db.deleteFrom('source_leases').where('source', '=', source).where('lease_no', '>', count).execute();
  if (count === 0) return;
  await db
    .insertInto('source_leases')
    .values(Array.from({ length: count }, (_, index) => ({ source, lease_no: index + 1 })))
    .onDuplicateKeyUpdate({ source: sql`VALUES(source)` })
    .execute();
}

/**
 * Takes a free place with one UPDATE, by the database's clock. Undefined: it is taken; else the milliseconds until the
 * first place ends if its holder is dead, or null where the source has no places. Asked again by its holder it is renewed.
 */
export async function takeLease(
  db: Kysely<Schema>,
  { source, holder }: Lease,
): Promise<{ waitMs: number | null } | undefined> {
  const taken = await sql`
    UPDATE source_leases SET holder = ${holder}, lease_until = UTC_TIMESTAMP(6) + INTERVAL ${leaseSeconds} SECOND
    WHERE source = ${source} AND (holder IS NULL OR holder = ${holder} OR lease_until < UTC_TIMESTAMP(6))
    ORDER BY (holder <=> ${holder}) DESC, lease_no LIMIT 1`.execute(db);
  if (Number(taken.numAffectedRows ?? 0) > 0) return undefined;
  const { rows } = await sql<{ wait_ms: string | null }>`
    SELECT CEIL(MIN(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), COALESCE(lease_until, UTC_TIMESTAMP(6)))) / 1000) AS wait_ms
    FROM source_leases WHERE source = ${source}`.execute(db);
  const waitMs = rows[0]?.wait_ms ?? null;
  return { waitMs: waitMs === null ? null : Math.max(0, Number(waitMs)) };
}

/** False: the place was lost to someone else. An expired one that nobody took is the holder's again. */
export async function renewLease(db: Kysely<Schema>, { source, holder }: Lease): Promise<boolean> {
  const renewed = await sql`
    UPDATE source_leases SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ${leaseSeconds} SECOND
    WHERE source = ${source} AND holder = ${holder}`.execute(db);
  return Number(renewed.numAffectedRows ?? 0) > 0;
}

export async function releaseLease(db: Kysely<Schema>, { source, holder }: Lease): Promise<void> {
  await db
    .updateTable('source_leases')
    .set({ holder: null, lease_until: null })
    .where('source', '=', source)
    .where('holder', '=', holder)
    .execute();
}

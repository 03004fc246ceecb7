import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import type { Schema } from '../schema';

export interface FailureFilter {
  source?: string;
  errorType?: string;
  coinId?: string;
  /** logical date, or the beginning of a slot */
  date?: string;
  /** back from now, by the database's clock */
  sinceMs: number;
  limit: number;
}

/** Failed attempts by cause, most frequent first, each with its newest message. */
export async function failureCauses(db: Kysely<Schema>, filter: FailureFilter) {
  const causes = await chosen(db.selectFrom('source_call_failures'), filter)
    .select(['source', 'error_type', 'http_status'])
    .select([
      sql<number>`COUNT(*)`.as('failures'),
      sql<string>`MIN(failed_at)`.as('first_at'),
      sql<string>`MAX(failed_at)`.as('last_at'),
      sql<number>`MAX(id)`.as('newest_id'),
    ])
    .groupBy(['source', 'error_type', 'http_status'])
    .orderBy('failures', 'desc')
    .orderBy('last_at', 'desc')
    .limit(filter.limit)
    .execute();
  if (causes.length === 0) return [];
  const newest = await db
    .selectFrom('source_call_failures')
    .select(['id', 'message'])
    .where(
      'id',
      'in',
      causes.map((cause) => cause.newest_id),
    )
    .execute();
  return causes.map(({ newest_id, ...cause }) => ({
    ...cause,
    message: newest.find((row) => row.id === newest_id)?.message ?? '',
  }));
}

/** The failed attempts themselves, newest first. */
export async function failedAttempts(db: Kysely<Schema>, filter: FailureFilter) {
  return chosen(db.selectFrom('source_call_failures'), filter)
    .selectAll()
    .orderBy('failed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit)
    .execute();
}

type Query = SelectQueryBuilder<Schema, 'source_call_failures', object>;

function chosen(from: Query, { source, errorType, coinId, date, sinceMs }: FailureFilter): Query {
  let query = from.where('failed_at', '>=', sql<string>`UTC_TIMESTAMP(6) - INTERVAL ${sinceMs * 1_000} MICROSECOND`);
  if (source) query = query.where('source', '=', source);
  if (errorType) query = query.where('error_type', '=', errorType);
  if (coinId) query = query.where('coin_id', '=', coinId);
  if (date) query = query.where('logical_date', 'like', `${date}%`);
  return query;
}

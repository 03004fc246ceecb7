import { sql, type Kysely } from 'kysely';
import type { Family } from '../../db/families';
import type { Schema } from '../../db/schema';

export type ContentRow = Record<string, string | number>;

const values = ['sample_count', 'sum_val', 'min_val', 'max_val', 'first_val', 'first_at', 'last_val', 'last_at'];

/** What a condensed table says, without the columns that tell when and by whom it was written. */
export async function contentOf(
  db: Kysely<Schema>,
  table: Family['aggregated'] | Family['summary'],
): Promise<ContentRow[]> {
  const period = table.endsWith('_summary') ? 'month' : 'day';
  const columns = ['coin_id', 'metric', period, ...values].map((column) => sql.ref(column));
  const { rows } = await sql<ContentRow>`
    SELECT ${sql.join(columns)} FROM ${sql.table(table)} ORDER BY coin_id, metric, ${sql.ref(period)}`.execute(db);
  return rows;
}

/** What the daily values of all detail before a day have to be: by another way than the product's, one metric at a time. */
export async function expectedDaily(db: Kysely<Schema>, family: Family, before: string): Promise<ContentRow[]> {
  const all: ContentRow[] = [];
  for (const metric of family.metrics) {
    const column = sql.ref(metric);
    const wide = (value: ReturnType<typeof sql>) => sql`CAST(${value} AS DECIMAL(65,15))`;
    const { rows } = await sql<ContentRow>`
      WITH ordered AS (
        SELECT coin_id, DATE(timestamp_iso) AS day, timestamp_iso AS at, ${column} AS v,
          ROW_NUMBER() OVER (PARTITION BY coin_id, DATE(timestamp_iso) ORDER BY timestamp_iso) AS up,
          ROW_NUMBER() OVER (PARTITION BY coin_id, DATE(timestamp_iso) ORDER BY timestamp_iso DESC) AS down
        FROM ${sql.table(family.detail)} WHERE timestamp_iso < ${before} AND ${column} IS NOT NULL)
      SELECT coin_id, ${metric} AS metric, day, COUNT(*) AS sample_count, ${wide(sql`SUM(v)`)} AS sum_val,
        ${wide(sql`MIN(v)`)} AS min_val, ${wide(sql`MAX(v)`)} AS max_val,
        ${wide(sql`MAX(IF(up = 1, v, NULL))`)} AS first_val, MIN(at) AS first_at,
        ${wide(sql`MAX(IF(down = 1, v, NULL))`)} AS last_val, MAX(at) AS last_at
      FROM ordered GROUP BY coin_id, day`.execute(db);
    all.push(...rows);
  }
  const key = (row: ContentRow) => `${row.coin_id} ${row.metric} ${row.day}`;
  return all.toSorted((one, other) => (key(one) < key(other) ? -1 : 1));
}

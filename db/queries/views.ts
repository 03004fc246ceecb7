import { sql, type Kysely } from 'kysely';
import type { Schema } from '../schema';

export interface Selection {
  /** a table or a view */
  from: keyof Schema;
  /** columns and the values that they must have; undefined: any */
  equal: Readonly<Record<string, string | undefined>>;
  /** rows of the last `days` whole UTC days and of today, by this column, a time or a day */
  since?: { column: string; days: number };
  orderBy: readonly { column: string; isDescending?: boolean }[];
  limit: number;
}

/** Rows as the database names their columns. Names come from code, values are parameters. */
export async function selectRows(db: Kysely<Schema>, selection: Selection): Promise<Record<string, unknown>[]> {
  const { from, equal, since, orderBy, limit } = selection;
  const conditions = Object.entries(equal).flatMap(([column, value]) =>
    value === undefined ? [] : [sql`${sql.ref(column)} = ${value}`],
  );
  if (since) conditions.push(sql`${sql.ref(since.column)} >= UTC_DATE() - INTERVAL ${since.days} DAY`);
  const where = conditions.length > 0 ? sql`WHERE ${sql.join(conditions, sql` AND `)}` : sql``;
  const order = sql.join(
    orderBy.map(({ column, isDescending }) => (isDescending ? sql`${sql.ref(column)} DESC` : sql.ref(column))),
  );
  const { rows } = await sql<
    Record<string, unknown>
  >`SELECT * FROM ${sql.table(from)} ${where} ORDER BY ${order} LIMIT ${limit}`.execute(db);
  return rows;
}

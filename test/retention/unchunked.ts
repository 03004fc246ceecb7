import { sql, type Kysely } from 'kysely';
import type { Family } from '../../db/families';
import type { Schema } from '../../db/schema';

/**
 * What retention is measured against: one INSERT … SELECT and one DELETE in one transaction, which write the same daily
 * values and know nothing of chunks, late rows, observations or backups. One pass over the detail, turned into rows.
 */
export async function retainUnchunked(db: Kysely<Schema>, family: Family, before: string): Promise<void> {
  const { metrics } = family;
  const columns = metrics.map((metric, index) => {
    const [column, at] = [sql.ref(`d.${metric}`), sql`IF(${sql.ref(`d.${metric}`)} IS NULL, NULL, d.timestamp_iso)`];
    return sql`COUNT(${column}) AS ${sql.ref(`n${index}`)}, SUM(${column}) AS ${sql.ref(`sum${index}`)},
      MIN(${column}) AS ${sql.ref(`min${index}`)}, MAX(${column}) AS ${sql.ref(`max${index}`)},
      MIN(${at}) AS ${sql.ref(`first${index}`)}, MAX(${at}) AS ${sql.ref(`last${index}`)}`;
  });
  const pick = (from: (index: number) => string) =>
    sql`CASE m.i ${sql.join(
      metrics.map((_, index) => sql`WHEN ${sql.lit(index)} THEN ${sql.ref(from(index))}`),
      sql` `,
    )} END`;
  const of = (name: string) => pick((index) => `g.${name}${index}`);
  const names = sql.join(
    metrics.map((metric, index) => sql`SELECT ${sql.lit(index)} AS i, ${sql.lit(metric)} AS metric`),
    sql` UNION ALL `,
  );
  await db.transaction().execute(async (trx) => {
    await sql`
      INSERT INTO ${sql.table(family.aggregated)} (coin_id, metric, day, sample_count, sum_val, min_val, max_val,
        first_val, first_at, last_val, last_at, log_id)
      SELECT g.coin_id, m.metric, g.day, ${of('n')}, ${of('sum')}, ${of('min')}, ${of('max')},
        ${pick((index) => `f.${metrics[index]!}`)}, ${of('first')}, ${pick((index) => `l.${metrics[index]!}`)}, ${of('last')}, 1
      FROM (
        SELECT d.coin_id, DATE(d.timestamp_iso) AS day, ${sql.join(columns)} FROM ${sql.table(family.detail)} d
        WHERE d.timestamp_iso < ${before} GROUP BY d.coin_id, DATE(d.timestamp_iso)
      ) g
      CROSS JOIN (${names}) m
      JOIN ${sql.table(family.detail)} f ON f.timestamp_iso = ${of('first')} AND f.coin_id = g.coin_id
      JOIN ${sql.table(family.detail)} l ON l.timestamp_iso = ${of('last')} AND l.coin_id = g.coin_id
      WHERE ${of('n')} > 0`.execute(trx);
    await sql`DELETE FROM ${sql.table(family.detail)} WHERE timestamp_iso < ${before}`.execute(trx);
  });
}

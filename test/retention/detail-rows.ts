import { sql, type Kysely } from 'kysely';
import type { Family } from '../../db/families';
import type { Schema } from '../../db/schema';

export interface Filling {
  coins: readonly string[];
  /** UTC days */
  days: readonly string[];
  /** every so many of the 96 slots of a day; all when left out */
  everyNth?: number;
  /** observations beside each row, one per source */
  sources?: readonly string[];
  /** shifts the values: rows of another filling of the same slots differ from the first */
  shift?: number;
}

const digits = sql`(SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`;
const slots = sql`(SELECT ones.n + 10 * tens.n AS s FROM ${digits} ones CROSS JOIN ${digits} tens
  WHERE ones.n + 10 * tens.n < 96)`;

/**
 * Rows of a family as the collection would leave them, made inside the server: different in every slot, with NULL where
 * a kind of asset has no such metric (always) or a source gave nothing (now and then).
 */
export async function fillDetail(db: Kysely<Schema>, family: Family, filling: Filling): Promise<void> {
  const { coins, days, everyNth = 1, sources = [], shift = 0 } = filling;
  const names = sql.join(
    coins.map((coin, index) => sql`SELECT ${sql.lit(index)} AS c, ${coin} AS coin_id`),
    sql` UNION ALL `,
  );
  const values = family.metrics.map((metric, index) => {
    const mixed = sql`MOD(s.s * 7919 + c.c * 10473 + ${sql.lit(index * 3_101 + shift)} + TO_DAYS(t.d) * 977, 89989)`;
    const scale = metric === 'data_quality_score' ? 100_000 : 100;
    return sql`IF(MOD(c.c + ${sql.lit(index)}, 5) = 0 OR MOD(s.s + c.c + ${sql.lit(index)}, 13) = 0, NULL,
      ${mixed} / ${sql.lit(scale)})`;
  });
  for (const day of days) {
    await sql`
      INSERT INTO ${sql.table(family.detail)} (symbol, coin_id, timestamp_iso, data_source, log_id,
        ${sql.join(family.metrics.map((metric) => sql.ref(metric)))})
      SELECT UPPER(c.coin_id), c.coin_id, t.d + INTERVAL s.s * 15 MINUTE, 'made', 1, ${sql.join(values)}
      FROM (SELECT CAST(${day} AS DATETIME(6)) AS d) t CROSS JOIN (${names}) c CROSS JOIN ${slots} s
      WHERE MOD(s.s, ${sql.lit(everyNth)}) = 0
      ORDER BY s.s, c.c`.execute(db);
    for (const source of sources) {
      await sql`
        INSERT INTO source_observations (slot, coin_id, source, fields, log_id)
        SELECT timestamp_iso, coin_id, ${source}, JSON_OBJECT('transaction_count', '1'), 1
        FROM ${sql.table(family.detail)} WHERE DATE(timestamp_iso) = ${day} AND timestamp_iso >= ${day}
        ON DUPLICATE KEY UPDATE log_id = VALUES(log_id)`.execute(db);
    }
  }
}

/** So many UTC days, the first of them `from`. */
export function daysFrom(from: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(from) + index * 86_400_000).toISOString().slice(0, 10),
  );
}

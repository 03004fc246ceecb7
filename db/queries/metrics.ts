import { sql, type Kysely, type Transaction } from 'kysely';
import { dayAfter } from '../days';
import { families, type Family } from '../families';
import type { Schema } from '../schema';
import { condenseDay, type Condensed } from './condensed';
import { isCounted } from './retention-ledger';

// Where a metric lives depends on its age: by slot, by day, by month. Who reads a period gets all of them, each once: a
// detail row whose slot is in the daily values already is left out, as retention will discard it.

export type Resolution = 'detail' | 'daily' | 'monthly';

export interface MetricValue {
  metric: string;
  /** the table that it was read from */
  table: string;
  resolution: Resolution;
  /** slot (UTC time), day, or first day of the month */
  period: string;
  samples: number;
  mean: string;
  min: string;
  max: string;
  first: string;
  last: string;
}

export interface MetricsPeriod {
  coinId: string;
  /** UTC days, both within; a month that is only partly within is given as a whole */
  from: string;
  to: string;
  /** all when left out */
  metrics?: readonly string[];
  /** condenses the detail to days; without it every slot is given */
  byDay: boolean;
}

/** All values of a coin in a period, from wherever they live, oldest first. One snapshot: retention may go on meanwhile. */
export async function readMetrics(db: Kysely<Schema>, period: MetricsPeriod): Promise<MetricValue[]> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const values: MetricValue[] = [];
      for (const family of families) {
        const wanted = family.metrics.filter((metric) => period.metrics?.includes(metric) ?? true);
        if (wanted.length === 0) continue;
        values.push(...(await condensedValues(trx, family.summary, 'monthly', wanted, period)));
        values.push(...(await condensedValues(trx, family.aggregated, 'daily', wanted, period)));
        const narrowed = { ...family, metrics: wanted };
        values.push(...(await (period.byDay ? detailByDay : detailBySlot)(trx, narrowed, period)));
      }
      return values.toSorted((one, other) => compare(one.metric, other.metric) || compare(one.period, other.period));
    });
}

/** The metrics that there are. */
export const metricNames: readonly string[] = [...new Set(families.flatMap(({ metrics }) => metrics))];

async function condensedValues(
  trx: Transaction<Schema>,
  table: Family['aggregated'] | Family['summary'],
  resolution: Resolution,
  metrics: readonly string[],
  { coinId, from, to }: MetricsPeriod,
): Promise<MetricValue[]> {
  const isMonthly = resolution === 'monthly';
  const column = sql.ref(isMonthly ? 'month' : 'day');
  const first = isMonthly ? `${from.slice(0, 7)}-01` : from;
  const { rows } = await sql<Omit<MetricValue, 'table' | 'resolution'>>`
    SELECT metric, ${column} AS period, sample_count AS samples, sum_val / sample_count AS mean, min_val AS min,
      max_val AS max, first_val AS first, last_val AS last
    FROM ${sql.table(table)}
    WHERE coin_id = ${coinId} AND metric IN (${sql.join(metrics)}) AND ${column} >= ${first} AND ${column} <= ${to}`.execute(
    trx,
  );
  return rows.map((row) => ({ ...trimmed(row), table, resolution }));
}

async function detailBySlot(
  trx: Transaction<Schema>,
  { detail, metrics }: Family,
  { coinId, from, to }: MetricsPeriod,
): Promise<MetricValue[]> {
  const { rows } = await sql<Record<string, string | number | null>>`
    SELECT d.timestamp_iso AS period, ${sql.join(metrics.map((metric) => sql.ref(`d.${metric}`)))}
    FROM ${sql.table(detail)} d
    LEFT JOIN retention_ledger l
      ON l.table_name = ${detail} AND l.coin_id = d.coin_id AND l.day = DATE(d.timestamp_iso)
    WHERE d.coin_id = ${coinId} AND d.timestamp_iso >= ${from} AND d.timestamp_iso < ${dayAfter(to)}
      AND (l.coin_id IS NULL OR NOT ${isCounted('d', 'l')})`.execute(trx);
  return rows.flatMap((row) =>
    metrics.flatMap((metric) => {
      if (row[metric] === null) return [];
      const value = String(row[metric]);
      const all = { mean: value, min: value, max: value, first: value, last: value };
      return [
        {
          ...trimmed({ metric, period: String(row.period), samples: 1, ...all }),
          table: detail,
          resolution: 'detail' as const,
        },
      ];
    }),
  );
}

async function detailByDay(
  trx: Transaction<Schema>,
  family: Family,
  { coinId, from, to }: MetricsPeriod,
): Promise<MetricValue[]> {
  const { rows } = await sql<{ day: string }>`
    SELECT DISTINCT DATE(timestamp_iso) AS day FROM ${sql.table(family.detail)}
    WHERE coin_id = ${coinId} AND timestamp_iso >= ${from} AND timestamp_iso < ${dayAfter(to)}`.execute(trx);
  const values: MetricValue[] = [];
  for (const { day } of rows) {
    const condensed = await condenseDay(trx, family, day, [coinId], { lock: false });
    values.push(...condensed.values.map((each) => fromCondensed(each, family.detail)));
  }
  return values;
}

function fromCondensed({ metric, period, samples, sum, min, max, first, last }: Condensed, table: string): MetricValue {
  const mean = quotient(sum, samples);
  return { ...trimmed({ metric, period, samples, mean, min, max, first, last }), table, resolution: 'detail' };
}

/** sum ÷ count of exact decimals, cut behind 19 digits as the server does it. */
function quotient(sum: string, count: number): string {
  const [whole = '0', fraction = ''] = sum.replace('-', '').split('.');
  const digits = 19;
  const scaled = BigInt(whole + fraction.padEnd(digits, '0')) / BigInt(count);
  const text = scaled.toString().padStart(digits + 1, '0');
  return `${sum.startsWith('-') ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

const amounts = ['mean', 'min', 'max', 'first', 'last'] as const;

/** Without the zeros that a wide column puts behind every value. */
function trimmed<T extends Record<(typeof amounts)[number], string | number>>(row: T): T {
  const plain = (value: string | number) =>
    String(value)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '');
  return { ...row, ...Object.fromEntries(amounts.map((name) => [name, plain(row[name])])) };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

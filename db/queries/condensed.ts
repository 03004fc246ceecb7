import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import { dayAfter, monthAfter } from '../days';
import type { Family } from '../families';
import type { Schema } from '../schema';
import { highBit, isCounted, lowBit, type SlotBits } from './retention-ledger';

// Values condensed by day and by month, for both families: what retention writes and what the reader of metrics shows.
// One GROUP BY coin over all metrics, turned into rows here: half the time of a query per metric (measured).

/** One coin, metric and period. Amounts are exact decimals, times UTC. */
export interface Condensed {
  coinId: string;
  metric: string;
  /** the day, or the first day of the month */
  period: string;
  samples: number;
  sum: string;
  min: string;
  max: string;
  /** the value of the earliest slot that has one, and that slot */
  first: string;
  firstAt: string;
  last: string;
  lastAt: string;
}

/** The rows of a day that are not in the aggregates, condensed. */
export interface CondensedDay {
  values: Condensed[];
  /** their slots, by coin */
  slots: Map<string, SlotBits>;
  /** rows that were read */
  rows: number;
}

type Row = Record<string, string | number | null>;

/** A statement that locks goes by an index: scanning a small partition would lock all of it, and the live writer out. */
export const bySlotOrCoin = sql`FORCE INDEX (uq_slot_coin, idx_coin_timestamp)`;

/**
 * Condenses what the detail has of one UTC day and some coins. Rows whose slot is in the aggregates already are left out.
 * @param lock holds the rows, and the gaps between them, until the transaction ends
 */
export async function condenseDay(
  db: Kysely<Schema>,
  family: Family,
  day: string,
  coinIds: readonly string[],
  { lock }: { lock: boolean },
): Promise<CondensedDay> {
  const { metrics } = family;
  const locked = lock ? sql`FOR UPDATE` : sql``;
  const perMetric = metrics.map((metric, index) => {
    const column = sql.ref(`d.${metric}`);
    const at = sql`IF(${column} IS NULL, NULL, d.timestamp_iso)`;
    return sql`COUNT(${column}) AS ${sql.ref(`n${index}`)}, SUM(${column}) AS ${sql.ref(`sum${index}`)},
      MIN(${column}) AS ${sql.ref(`min${index}`)}, MAX(${column}) AS ${sql.ref(`max${index}`)},
      MIN(${at}) AS ${sql.ref(`first${index}`)}, MAX(${at}) AS ${sql.ref(`last${index}`)}`;
  });
  const { rows } = await sql<Row>`
    SELECT d.coin_id, COUNT(*) AS row_count, BIT_OR(${lowBit('d.timestamp_iso')}) AS slots_low,
      BIT_OR(${highBit('d.timestamp_iso')}) AS slots_high, ${sql.join(perMetric)}
    FROM ${sql.table(family.detail)} d ${bySlotOrCoin}
    LEFT JOIN retention_ledger l ON l.table_name = ${family.detail} AND l.coin_id = d.coin_id AND l.day = ${day}
    WHERE ${ofDay('d.timestamp_iso', day)} AND d.coin_id IN (${sql.join(coinIds)})
      AND (l.coin_id IS NULL OR NOT ${isCounted('d', 'l')})
    GROUP BY d.coin_id ${locked}`.execute(db);
  const ends = await valuesAt(db, family, rows, locked);
  return {
    values: rows.flatMap((row) => condensedOf(family, row, day, ends)),
    slots: new Map(
      rows.map((row) => [String(row.coin_id), { low: BigInt(row.slots_low!), high: BigInt(row.slots_high!) }]),
    ),
    rows: rows.reduce((sum, row) => sum + Number(row.row_count), 0),
  };
}

function condensedOf({ metrics }: Family, row: Row, period: string, ends: ReadonlyMap<string, Row>): Condensed[] {
  const coinId = String(row.coin_id);
  return metrics.flatMap((metric, index) => {
    const samples = Number(row[`n${index}`]);
    if (samples === 0) return [];
    const text = (name: string) => String(row[`${name}${index}`]);
    const [firstAt, lastAt] = [text('first'), text('last')];
    return {
      ...{ coinId, metric, period, samples, sum: text('sum'), min: text('min'), max: text('max'), firstAt, lastAt },
      first: String(ends.get(`${firstAt} ${coinId}`)![metric]),
      last: String(ends.get(`${lastAt} ${coinId}`)![metric]),
    };
  });
}

/** The rows at the first and last times of the metrics: mostly two slots for all coins. By time and coin. */
async function valuesAt(
  db: Kysely<Schema>,
  { detail, metrics }: Family,
  rows: readonly Row[],
  locked: RawBuilder<unknown>,
): Promise<Map<string, Row>> {
  const times = new Set(
    rows.flatMap((row) =>
      metrics.flatMap((_, index) => [row[`first${index}`], row[`last${index}`]].filter((time) => time !== null)),
    ),
  );
  if (times.size === 0) return new Map();
  const found = await sql<Row>`
    SELECT coin_id, timestamp_iso, ${sql.join(metrics.map((metric) => sql.ref(metric)))}
    FROM ${sql.table(detail)} ${bySlotOrCoin}
    WHERE timestamp_iso IN (${sql.join([...times])}) AND coin_id IN (${sql.join(rows.map((row) => row.coin_id))})
    ${locked}`.execute(db);
  return new Map(found.rows.map((row) => [`${row.timestamp_iso} ${row.coin_id}`, row]));
}

/** Condenses the daily values of one month and some coins. @param month its first day */
export async function condenseMonth(
  trx: Transaction<Schema>,
  { aggregated }: Family,
  month: string,
  coinIds: readonly string[],
): Promise<{ values: Condensed[]; rows: number }> {
  const { rows } = await sql<Condensed & { days: number }>`
    SELECT g.coin_id AS coinId, g.metric, ${month} AS period, g.days, g.samples, g.sum, g.min, g.max,
      f.first_val AS first, f.first_at AS firstAt, l.last_val AS last, l.last_at AS lastAt
    FROM (
      SELECT coin_id, metric, COUNT(*) AS days, SUM(sample_count) AS samples, SUM(sum_val) AS sum, MIN(min_val) AS min,
        MAX(max_val) AS max, MIN(day) AS first_day, MAX(day) AS last_day
      FROM ${sql.table(aggregated)}
      WHERE coin_id IN (${sql.join(coinIds)}) AND ${ofMonth('day', month)}
      GROUP BY coin_id, metric FOR UPDATE
    ) g
    JOIN ${sql.table(aggregated)} f ON f.coin_id = g.coin_id AND f.metric = g.metric AND f.day = g.first_day
    JOIN ${sql.table(aggregated)} l ON l.coin_id = g.coin_id AND l.metric = g.metric AND l.day = g.last_day
    FOR UPDATE`.execute(trx);
  return { values: rows, rows: rows.reduce((sum, { days }) => sum + Number(days), 0) };
}

const rowsAtOnce = 500;

/** Adds values to a table of daily or monthly ones: what is there already and what is new are counted together. */
export async function mergeCondensed(
  trx: Transaction<Schema>,
  table: Family['aggregated'] | Family['summary'],
  values: readonly Condensed[],
  logId: number,
): Promise<void> {
  const period = sql.ref(table.endsWith('_summary') ? 'month' : 'day');
  for (let from = 0; from < values.length; from += rowsAtOnce) {
    const tuples = values
      .slice(from, from + rowsAtOnce)
      .map(
        ({ coinId, metric, period: of, samples, sum, min, max, first, firstAt, last, lastAt }) =>
          sql`(${sql.join([coinId, metric, of, samples, sum, min, max, first, firstAt, last, lastAt, logId])})`,
      );
    // assignments run from left to right on both servers: the values are chosen while the old times are still there
    await sql`
      INSERT INTO ${sql.table(table)} (coin_id, metric, ${period}, sample_count, sum_val, min_val, max_val,
        first_val, first_at, last_val, last_at, log_id)
      VALUES ${sql.join(tuples)}
      ON DUPLICATE KEY UPDATE
        sample_count = sample_count + VALUES(sample_count),
        sum_val = sum_val + VALUES(sum_val),
        min_val = LEAST(min_val, VALUES(min_val)),
        max_val = GREATEST(max_val, VALUES(max_val)),
        first_val = IF(VALUES(first_at) < first_at, VALUES(first_val), first_val),
        first_at = LEAST(first_at, VALUES(first_at)),
        last_val = IF(VALUES(last_at) > last_at, VALUES(last_val), last_val),
        last_at = GREATEST(last_at, VALUES(last_at)),
        log_id = VALUES(log_id)`.execute(trx);
  }
}

/** A column of times that lies within the UTC day. */
export const ofDay = (column: string, day: string) => between(column, day, dayAfter(day));

/** A column of days that lies within the month of that first day. */
export const ofMonth = (column: string, month: string) => between(column, month, monthAfter(month));

function between(column: string, from: string, before: string) {
  return sql<boolean>`${sql.ref(column)} >= ${from} AND ${sql.ref(column)} < ${before}`;
}

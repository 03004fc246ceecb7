import { sql, type Kysely } from 'kysely';
import { retainFamily } from '../../activities/retention/family';
import { familyOf } from '../../db/families';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { contentOf, type ContentRow } from '../retention/content';
import { daysFrom } from '../retention/detail-rows';
import { databases, freshDatabase } from '../databases';

// Rows come in any order, again, late and with other values, while retention runs with cut-offs that move on. Whatever
// happens, the daily and monthly values are those of a model that fits on half a page.

const family = familyOf('onchain_data');
const coins = ['bitcoin', 'ethereum'];
const days = daysFrom('2024-02-26', 9);
const metric = 'staking_yield';
const seeds = [1, 2];
const steps = 40;

interface Sample {
  coin: string;
  at: string;
  /** in ten-thousandths; null: no source */
  value: bigint | null;
}

describe.each(databases())('late rows at random on $name', (server) => {
  let db: Kysely<Schema>;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
  });
  beforeEach(async () => {
    for (const table of [
      family.detail,
      family.aggregated,
      family.summary,
      'retention_ledger',
      'ingestion_pages',
    ] as const)
      await db.deleteFrom(table).execute();
  });

  test.each(seeds)('seed %i: nothing is lost, nothing counts twice', async (seed) => {
    const random = randomOf(seed);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    /** by coin and slot: what is in the detail, what was counted by day, what by month */
    const detail = new Map<string, Sample>();
    const counted = new Map<string, Sample>();
    const summarized = new Set<string>();
    let kept = 0;
    let discarded = 0;

    for (let step = 0; step < steps; step += 1) {
      for (let row = 0; row < 8; row += 1) {
        const slot = Math.floor(random() * 12) * 8 + Math.floor(random() * 2);
        const time = `${String(Math.floor(slot / 4)).padStart(2, '0')}:${String((slot % 4) * 15).padStart(2, '0')}`;
        const at = `${pick(days)} ${time}:00.000000`;
        const sample = {
          coin: pick(coins),
          at,
          value: random() < 0.2 ? null : BigInt(Math.floor(random() * 2e6) - 1e6),
        };
        detail.set(`${sample.coin} ${at}`, sample);
        await sql`INSERT INTO onchain_data (symbol, coin_id, timestamp_iso, log_id, staking_yield)
          VALUES ('X', ${sample.coin}, ${at}, 1, ${decimal(sample.value, 4)})
          ON DUPLICATE KEY UPDATE staking_yield = VALUES(staking_yield)`.execute(db);
      }
      if (random() < 0.5) continue;
      kept = Math.max(kept, Math.floor(random() * (days.length + 1)));
      const cutoff = daysFrom(days[0]!, days.length + 1)[kept]!;
      const aggregated = cutoff >= '2024-03-01' && random() < 0.5 ? '2024-03-01' : '2024-02-01';
      await retainFamily({
        ...{ db, family, logId: step + 1, isTimeUp: () => false },
        cutoffs: { detail: cutoff, aggregated, summary: '2000-01-01' },
      });
      for (const [key, sample] of detail) {
        if (sample.at.slice(0, 10) >= cutoff) continue;
        detail.delete(key);
        if (counted.has(key)) discarded += 1;
        else counted.set(key, sample);
      }
      for (const [key, { at }] of counted) if (at < aggregated) summarized.add(key);

      const byDay = [...counted].filter(([key]) => !summarized.has(key)).map(([, sample]) => sample);
      const byMonth = [...summarized].map((key) => counted.get(key)!);
      expect(await contentOf(db, 'onchain_data_aggregated')).toEqual(condensed(byDay, 'day'));
      expect(await contentOf(db, 'onchain_data_summary')).toEqual(condensed(byMonth, 'month'));
      const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM onchain_data`.execute(db);
      expect(Number(rows[0]!.n)).toBe(detail.size);
    }
    const pages = await db
      .selectFrom('ingestion_pages')
      .selectAll()
      .where('cursor_key', 'like', 'aggregate/%')
      .execute();
    expect(pages.reduce((sum, page) => sum + page.records_inserted, 0)).toBe(counted.size);
    expect(pages.reduce((sum, page) => sum + page.records_unchanged, 0)).toBe(discarded);
    expect(discarded).toBeGreaterThan(5);
    expect(summarized.size).toBeGreaterThan(5);
  });
});

function condensed(samples: readonly Sample[], period: 'day' | 'month'): ContentRow[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples.toSorted((one, other) => (one.at < other.at ? -1 : 1))) {
    if (sample.value === null) continue;
    const of = period === 'day' ? sample.at.slice(0, 10) : `${sample.at.slice(0, 7)}-01`;
    const key = `${sample.coin} ${of}`;
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, all]) => {
      const [coin, of] = key.split(' ') as [string, string];
      const values = all.map(({ value }) => value!);
      const ordered = values.toSorted((one, other) => (one < other ? -1 : Number(one > other)));
      const wide = (value: bigint) => decimal(value * 10n ** 11n, 15)!;
      return {
        ...{ coin_id: coin, metric, [period]: of, sample_count: all.length },
        sum_val: wide(values.reduce((sum, value) => sum + value, 0n)),
        ...{ min_val: wide(ordered[0]!), max_val: wide(ordered.at(-1)!) },
        ...{
          first_val: wide(values[0]!),
          first_at: all[0]!.at,
          last_val: wide(values.at(-1)!),
          last_at: all.at(-1)!.at,
        },
      };
    });
}

function decimal(value: bigint | null, scale: number): string | null {
  if (value === null) return null;
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The same numbers for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

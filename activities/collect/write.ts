import type { Transaction } from 'kysely';
import type { Asset } from '../../db/queries/assets';
import { noCounts, type RunCounts } from '../../db/queries/ingestion-logs';
import { noteChangedUnits } from '../../db/queries/changed-units';
import { observationsOf } from '../../db/queries/observations';
import type { Schema } from '../../db/schema';
import { partArchived } from '../../db/queries/retention-ledger';
import { upsertRows, type SqlRow, type UpsertCounts } from '../../db/upsert';
import { fieldOf, type FieldName } from '../fields';
import { rawText } from '../numbers';
import type { Reject } from '../source';
import { readObservation, rules } from './known';
import type { Candidate } from './merge';
import { slotRows, type SlotRows } from './rows';
import { slotColumn, slotName, slotOfColumn } from './slots';
import type { StoredObservation } from './stored';

/** What the rows of some slots became. */
export interface WrittenSlots {
  onchain: RunCounts;
  sentiment: RunCounts;
  rejects: { onchain: Reject[]; sentiment: Reject[] };
  /** rows of slots that retention has counted already: they stay as they are */
  archived: number;
  /** fields on which sources differ by more than their tolerance, for people */
  conflicts: string[];
  /** on-chain values by asset, for reports */
  rows: { asset: Asset; slot: string; made: SlotRows }[];
}

/**
 * Makes the rows of slots from what is observed, and nothing else: a row that says the same already keeps every column.
 * Every asset has its row, also where nothing is known: then it says so.
 */
export async function writeSlots(
  trx: Transaction<Schema>,
  slots: readonly string[],
  assets: readonly Asset[],
  logIds: { onchain: number; sentiment: number },
): Promise<WrittenSlots> {
  const coinIds = assets.map(({ coinId }) => coinId);
  const observed = await observationsOf(trx, slots.map(slotColumn), { coinIds });
  const bySlotAndCoin = new Map<string, Map<string, StoredObservation>>();
  for (const { slot, coinId, source, fields } of observed) {
    const key = `${slotOfColumn(slot)} ${coinId}`;
    const sources = bySlotAndCoin.get(key) ?? new Map<string, StoredObservation>();
    sources.set(source, readObservation(source, fields, slotOfColumn(slot)));
    bySlotAndCoin.set(key, sources);
  }
  const rows = slots.flatMap((slot) =>
    assets.map((asset) => {
      const said = bySlotAndCoin.get(`${slot} ${asset.coinId}`) ?? new Map<string, StoredObservation>();
      return { asset, slot, made: slotRows(asset, slot, said, rules) };
    }),
  );
  const write = async (table: 'onchain_data' | 'crypto_sentiment_data', logId: number, all: SqlRow[]) => {
    const { open, archived } = await partArchived(trx, table, all);
    const counts = await upsertRows(trx, { table, key: ['timestamp_iso', 'coin_id'], logId, rows: open });
    return { counts: { ...counts, unchanged: counts.unchanged + archived.length }, archived: archived.length };
  };
  const onchain = await write(
    'onchain_data',
    logIds.onchain,
    rows.map(({ made }) => made.onchain),
  );
  const sentiment = await write(
    'crypto_sentiment_data',
    logIds.sentiment,
    rows.flatMap(({ made }) => (made.sentiment === null ? [] : [made.sentiment])),
  );
  const days = [...new Set(slots.map((slot) => slot.slice(0, 10)))];
  await noteChangedUnits(trx, [
    ...(changes(onchain.counts) ? days.map((day) => ({ table: 'onchain_data' as const, coin: '', day })) : []),
    ...(changes(sentiment.counts)
      ? days.map((day) => ({ table: 'crypto_sentiment_data' as const, coin: '', day }))
      : []),
  ]);
  const rejects = { onchain: [] as Reject[], sentiment: [] as Reject[] };
  for (const { slot, made, asset } of rows) {
    for (const broken of brokenOf(made)) {
      const reject = rejectOf(asset, slot, broken);
      if (fieldOf(broken.field).table === 'crypto_sentiment_data') rejects.sentiment.push(reject);
      else rejects.onchain.push(reject);
    }
  }
  return {
    onchain: withRejects(onchain.counts, rejects.onchain.length),
    sentiment: withRejects(sentiment.counts, rejects.sentiment.length),
    rejects,
    archived: onchain.archived + sentiment.archived,
    conflicts: rows.flatMap(({ asset, made }) =>
      made.merged.conflicts.map(
        ({ field, values }) =>
          `${asset.coinId} ${field}: ${values.map(({ source, value }) => `${source} ${value}`).join(', ')}`,
      ),
    ),
    rows,
  };
}

function changes({ inserted, updated }: UpsertCounts): boolean {
  return inserted + updated > 0;
}

type Broken = Candidate & { field: FieldName };

function brokenOf({ merged }: SlotRows): Broken[] {
  return (Object.entries(merged.candidates) as [FieldName, readonly Candidate[]][]).flatMap(([field, candidates]) =>
    candidates.filter(({ isBroken }) => isBroken).map((candidate) => ({ ...candidate, field })),
  );
}

function rejectOf({ coinId }: Asset, slot: string, { field, source, value, at, from, refused }: Broken): Reject {
  return {
    key: `${coinId} ${slotName(slot)}`,
    field,
    reason: `${source}: ${refused}`,
    raw: rawText({ source, value, at, from }),
  };
}

function withRejects(counts: Omit<RunCounts, 'processed' | 'rejected'>, rejected: number): RunCounts {
  const { inserted, updated, unchanged } = counts;
  return { ...noCounts, ...counts, rejected, processed: inserted + updated + unchanged + rejected };
}

import { Context } from '@temporalio/activity';
import { sql, type Kysely, type Transaction } from 'kysely';
import { listAssets } from '../../db/queries/assets';
import { endRun, type RunCounts } from '../../db/queries/ingestion-logs';
import { findPage, insertPage } from '../../db/queries/ingestion-pages';
import { insertRejects } from '../../db/queries/rejected-records';
import { retrying } from '../../db/failures';
import type { Schema } from '../../db/schema';
import type { ActivityDeps } from '../deps';
import { fieldNames, fieldOf } from '../fields';
import { holdRun } from '../pages';
import type { OpenedSlot } from './open';
import { slotColumn } from './slots';
import { writeSlots, type WrittenSlots } from './write';

/** How a request, or a history, ended that did not end well. */
export interface Trouble {
  source: string;
  /** what was asked for */
  reading: string;
  status: 'failed' | 'skipped';
  errorType: string;
  message: string;
}

/** Makes the rows of a slot and ends their runs, in one transaction. Executed again, it leaves them alone. */
export async function writeAndEnd(
  deps: ActivityDeps,
  { slot, coins, tables, troubles }: Pick<OpenedSlot, 'slot' | 'coins' | 'tables'> & { troubles: readonly Trouble[] },
): Promise<RunCounts> {
  const { runId } = Context.current().info.workflowExecution!;
  const assets = (await listAssets(deps.db)).filter(({ coinId }) => coins.includes(coinId));
  const failed = troubles.filter(({ status }) => status === 'failed');
  return retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      // made and ended in one transaction: an attempt behind one that died after its COMMIT has nothing to do
      const stored = await findPage(trx, tables.onchain, null);
      if (stored) return stored.counts;
      for (const logId of [tables.onchain, tables.sentiment])
        await holdRun(deps, trx, { logId, runId, continuedFrom: null, cursor: null });
      const before = await onchainBefore(trx, slot);
      const written = await writeSlots(trx, [slot], assets, tables);
      for (const [logId, dataType, counts, rejects] of [
        [tables.onchain, 'onchain_data', written.onchain, written.rejects.onchain],
        [tables.sentiment, 'crypto_sentiment_data', written.sentiment, written.rejects.sentiment],
      ] as const) {
        const place = { logId, source: 'cryptoflow', dataType, coinId: null, targetDate: null, slot: slotColumn(slot) };
        await insertRejects(trx, place, rejects);
        await insertPage(trx, logId, null, { counts, next: null, resume: null, expected: null });
        const notes = dataType === 'onchain_data' ? notesOf(deps, written, before) : [];
        const without = failed.map(({ source, reading, errorType }) => `without ${source} ${reading} (${errorType})`);
        await endRun(trx, logId, runId, {
          status: failed.length > 0 ? 'partial' : 'success',
          message: [...without, ...notes].join('; ') || null,
        });
      }
      return written.onchain;
    }),
  );
}

const shownNotes = 5;

type OnchainRow = Awaited<ReturnType<typeof onchainBefore>>[number];

/** The rows of the newest slot before this one. */
async function onchainBefore(db: Kysely<Schema> | Transaction<Schema>, slot: string) {
  return db
    .selectFrom('onchain_data')
    .selectAll()
    .where('timestamp_iso', '=', (where) =>
      where
        .selectFrom('onchain_data')
        .select(sql<string>`MAX(timestamp_iso)`.as('newest'))
        .where('timestamp_iso', '<', slotColumn(slot)),
    )
    .execute();
}

/** What a person should know of values that are kept: jumps, and sources that differ. */
function notesOf(
  { settings }: ActivityDeps,
  { rows, conflicts, archived }: WrittenSlots,
  before: readonly OnchainRow[],
): string[] {
  const jumps = rows.flatMap(({ asset, made }) => {
    const last = before.find((row) => row.coin_id === asset.coinId);
    return fieldNames.flatMap((name) => {
      const now = made.merged.chosen[name];
      if (!last || !now || fieldOf(name).table !== 'onchain_data') return [];
      const was = (last as unknown as Readonly<Record<string, string | number | null>>)[name] ?? null;
      if (was === null || !isJump(Number(was), Number(now.value), settings.jumpFactor)) return [];
      return [`${asset.coinId} ${name} ${was} → ${now.value} (${now.source})`];
    });
  });
  return [
    ...(archived > 0 ? [`${archived} rows are archived already: they stay as they are`] : []),
    ...summary(`${jumps.length} values jumped by more than ${settings.jumpFactor} ×`, jumps),
    ...summary(`${conflicts.length} conflicts between sources`, conflicts),
  ];
}

function summary(title: string, all: readonly string[]): string[] {
  if (all.length === 0) return [];
  const more = all.length > shownNotes ? `, and ${all.length - shownNotes} more` : '';
  return [`${title}: ${all.slice(0, shownNotes).join(', ')}${more}`];
}

function isJump(was: number, now: number, factor: number): boolean {
  if (was === 0 || now === 0) return false;
  const ratio = Math.abs(now / was);
  return ratio > factor || ratio < 1 / factor;
}

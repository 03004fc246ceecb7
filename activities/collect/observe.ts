import { Context } from '@temporalio/activity';
import type { Transaction } from 'kysely';
import { listAssets } from '../../db/queries/assets';
import type { RunCounts } from '../../db/queries/ingestion-logs';
import { findPage, insertPage } from '../../db/queries/ingestion-pages';
import { lockObservations, writeObservations } from '../../db/queries/observations';
import { insertRejects } from '../../db/queries/rejected-records';
import { retrying } from '../../db/failures';
import type { Schema } from '../../db/schema';
import { httpFor } from '../ask-source';
import { sourceAssets } from '../assets';
import { configuredSource, type ActivityDeps } from '../deps';
import { SourceFailure } from '../failures';
import type { ReadingAnswer, SourceAsset } from '../observation';
import { holdRun } from '../pages';
import { findSource } from '../registry';
import type { Source } from '../source';
import type { PlannedReading } from './open';
import { reviseSlots } from './revise';
import { slotColumn } from './slots';
import { combine, nothingStored, parseStored, storedJson, storedOf, type StoredObservation } from './stored';

// The promise: one request, and what it said about every asset, in one transaction with its page; an attempt that finds
// its page asks nothing. What a source says is added to what is known: it fills, and never blanks.

export interface ReadingRequest extends Omit<PlannedReading, 'queue'> {
  /** ISO */
  slot: string;
  /** ISO: the slot is written then, with or without this answer */
  deadline: string;
}

export interface ReadingDone {
  counts: RunCounts;
}

/** A reject of a single value says little about the source; a larger share of a larger answer does. */
const smallAnswer = 20;

export async function observe(deps: ActivityDeps, request: ReadingRequest): Promise<ReadingDone> {
  const { info, cancellationSignal } = Context.current();
  const { slot, reading, coins, logId } = request;
  const source = findSource(request.source);
  const cursor = `${reading}/${coins[0]}`;
  const own = { logId, runId: info.workflowExecution!.runId, continuedFrom: null, cursor };
  const stored = await findPage(deps.db, logId, cursor);
  if (stored) return { counts: stored.counts };

  const known = await listAssets(deps.db);
  const assets = sourceAssets(source, known).filter(({ coinId }) => coins.includes(coinId));
  const asked = source.observe?.readings[reading];
  if (!asked) throw new SourceFailure('BadInput', `${source.name} has no reading "${reading}"`);
  const clock = () => Math.max(Date.now(), info.currentAttemptScheduledTimestampMs);
  const leftMs = Math.max(1_000, Date.parse(request.deadline) - clock());
  const named = { source, fullName: `${source.name}.${reading}` };
  const http = httpFor(deps, named, 'live', AbortSignal.any([cancellationSignal, AbortSignal.timeout(leftMs)]));
  const answer = await asked.fetch(http, { assets, slot, plan: configuredSource(deps, source.name).plan });
  const answeredAt = new Date(clock()).toISOString();
  assertFewRejects(deps, named.fullName, answer);

  return retrying(() =>
    deps.db.transaction().execute(async (trx) => {
      await holdRun(deps, trx, own);
      const page = await findPage(trx, logId, cursor);
      if (page) return { counts: page.counts };
      const counts = await addAnswer(trx, source, assets, answer, answeredAt, request);
      const place = { logId, source: source.name, dataType: 'observations', coinId: null, targetDate: null };
      await insertRejects(trx, { ...place, slot: slotColumn(slot) }, answer.rejects);
      await insertPage(trx, logId, cursor, { counts, next: null, resume: null, expected: null });
      if (source.observe?.revises) await reviseSlots(trx, source, known, answer.observations, slot, logId);
      return { counts };
    }),
  );
}

async function addAnswer(
  trx: Transaction<Schema>,
  source: Source,
  assets: readonly SourceAsset[],
  { observations, rejects }: ReadingAnswer,
  answeredAt: string,
  { slot, reading, logId }: ReadingRequest,
): Promise<RunCounts> {
  const coinIds = assets.map(({ coinId }) => coinId);
  const before = await lockObservations(trx, slotColumn(slot), coinIds, source.name);
  const rows = coinIds.map((coinId) => {
    const json = before.get(coinId);
    const asked: StoredObservation = { values: {}, asked: { [reading]: slot } };
    const said = observations.filter((each) => each.coinId === coinId).map((each) => storedOf(each, answeredAt));
    const known = json === undefined ? nothingStored : parseStored(json);
    const fields = storedJson([asked, ...said].reduce((all, each) => combine(all, each, slot), known));
    return { slot: slotColumn(slot), coinId, source: source.name, fields };
  });
  const counts = await writeObservations(trx, rows, logId);
  return { ...counts, rejected: rejects.length, processed: rows.length + rejects.length };
}

function assertFewRejects({ settings }: ActivityDeps, name: string, { observations, rejects }: ReadingAnswer): void {
  const bad = rejects.filter((reject) => !reject.absent);
  const values = observations.reduce((sum, { fields }) => sum + Object.keys(fields).length, bad.length);
  if (values < smallAnswer || bad.length <= values * settings.rejectShare) return;
  throw new SourceFailure(
    'SchemaMismatch',
    `${name}: ${bad.length} of ${values} values were rejected, more than ${settings.rejectShare * 100} %; nothing of this answer is used. First: ${bad[0]!.reason}`,
  );
}

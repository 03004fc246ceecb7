import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Asset } from '../../db/queries/assets';
import { listCoins } from '../../db/queries/coins';
import { endRun, liveSlotsRunning } from '../../db/queries/ingestion-logs';
import { addObservations, observationsOf, slotBefore, type ObservationRow } from '../../db/queries/observations';
import { listBudgets } from '../../db/queries/source-budgets';
import { retrying } from '../../db/failures';
import { ensureMonthPartition } from '../../db/partitions';
import { sourceAssets } from '../assets';
import { requestsPerMinute, reserves } from '../budget';
import { configuredSource, type ActivityDeps } from '../deps';
import { SourceFailure } from '../failures';
import { findSource, queueOf, sources } from '../registry';
import type { Source } from '../source';
import { dueRequests, monthLeft, type MonthLeft } from './due';
import { rules } from './known';
import { chosenAssets, historyToRead, type HistoryToRead } from './past';
import { longestAgeMs } from './rules';
import { observationsRun, openSlotRun, tableRuns, type SlotOfRun } from './slot-runs';
import { slotColumn, slotMs, slotName, slotOfColumn } from './slots';
import { carried, parseStored, storedJson, type StoredObservation } from './stored';

// The promise: when a slot is open, its runs are in the log, what earlier slots know is carried on, and it is decided
// what is asked. Executed again, it finds its runs and asks for the same.

export interface SlotRequest extends SlotOfRun {
  /** when the run began, ISO: a slot is live during its quarter-hour, and asks only for what has history afterwards */
  startedAt: string;
  coins?: string[];
  sources?: string[];
}

/** One request to a source, as the workflow hands it on. */
export interface PlannedReading {
  source: string;
  queue: string;
  reading: string;
  coins: string[];
  logId: number;
}

export interface OpenedSlot {
  slot: string;
  isLive: boolean;
  /** why there is nothing to do */
  skipped: string | null;
  /** marks data that is not real */
  label: string | null;
  coins: string[];
  /** the run of the two tables */
  tables: { onchain: number; sentiment: number };
  runs: { source: string; logId: number }[];
  readings: PlannedReading[];
  /** of a past slot: what is to be ingested by date before its rows are made */
  history: HistoryToRead[];
}

/** Of the minute in which a live slot waits for answers: what requests for single assets may take of it. */
const minutesOfAsking = 0.4;

export async function openSlot(deps: ActivityDeps, request: SlotRequest): Promise<OpenedSlot> {
  const { slot, startedAt } = request;
  const { workflowId } = Context.current().info.workflowExecution!;
  if (workflowId !== `collect/${slotName(slot)}`) {
    throw new SourceFailure(
      'BadInput',
      `the workflow id is the slot's lock: start this collectSlot as "collect/${slotName(slot)}", not as "${workflowId}"; or start collectOnchainAndSentiment {"slot":"${slotName(slot)}"}`,
    );
  }
  const assets = await chosenAssets(deps, request.coins);
  const asked = request.sources?.map(findSource) ?? sources;
  const observing = asked.filter(({ observe }) => observe);
  const isLive = Date.parse(startedAt) < Date.parse(slot) + slotMs;

  for (const table of [...Object.values(tableRuns), 'source_observations'])
    await retrying(() => ensureMonthPartition(deps.db, table, slot.slice(0, 7)));
  const tables = {
    onchain: await openSlotRun(deps, request, 'cryptoflow', tableRuns.onchain),
    sentiment: await openSlotRun(deps, request, 'cryptoflow', tableRuns.sentiment),
  };
  const opened: OpenedSlot = {
    ...{ slot, isLive, skipped: null, label: deps.settings.dataLabel, coins: assets.map(({ coinId }) => coinId) },
    ...{ tables, runs: [], readings: [], history: [] },
  };
  const older = isLive ? await olderLiveSlot(deps, slot) : undefined;
  if (older !== undefined) {
    const skipped = `the slot ${slotName(older)} is still being collected: this one would ask the sources for the same`;
    for (const logId of Object.values(tables)) await end(deps, logId, skipped);
    return { ...opened, skipped };
  }

  if (!isLive) {
    const day = { date: slot.slice(0, 10), sources: request.sources, isWithoutRanges: false };
    return { ...opened, history: await historyToRead(deps, assets, day) };
  }
  const parts = await Promise.all(observing.map((source) => openSource(deps, request, source, assets, tables.onchain)));
  const found = parts.filter((part) => part !== undefined);
  return { ...opened, runs: found.map(({ run }) => run), readings: found.flatMap(({ readings }) => readings) };
}

/** Carries on what is known of a source, and opens its run where something of it is due. */
async function openSource(
  deps: ActivityDeps,
  request: SlotRequest,
  source: Source,
  assets: readonly Asset[],
  carriedBy: number,
): Promise<{ run: OpenedSlot['runs'][number]; readings: PlannedReading[] } | undefined> {
  const { slot } = request;
  const own = sourceAssets(source, assets);
  if (own.length === 0) return undefined;
  const coinIds = own.map(({ coinId }) => coinId);
  const stored = await carryOn(deps, source, slot, coinIds, carriedBy);
  const { plan, unusable } = configuredSource(deps, source.name);
  const due = dueRequests(
    source.observe!.readings,
    own,
    slot,
    ({ coinId }, reading) => stored.get(coinId)?.asked[reading],
    Math.max(1, Math.floor(requestsPerMinute(plan.limits) * minutesOfAsking)),
    await monthOf(deps, source, slot),
  );
  if (due.length === 0) return undefined;
  const logId = await openSlotRun(deps, request, source.name, observationsRun);
  if (unusable !== undefined) {
    await end(deps, logId, unusable);
    return undefined;
  }
  const queue = queueOf(source);
  const readings = due.map(({ reading, assets: covered }) => {
    return { source: source.name, queue, reading, logId, coins: covered.map(({ coinId }) => coinId) };
  });
  return { run: { source: source.name, logId }, readings };
}

async function end(deps: ActivityDeps, logId: number, message: string): Promise<void> {
  const { runId } = Context.current().info.workflowExecution!;
  await retrying(() => endRun(deps.db, logId, runId, { status: 'skipped', message }));
}

/** A live slot that still runs: of a row whose workflow is gone the health check takes care. */
async function olderLiveSlot(deps: ActivityDeps, slot: string): Promise<string | undefined> {
  const column = slotColumn(slot);
  const running = await liveSlotsRunning(deps.db, { source: 'cryptoflow', dataType: tableRuns.onchain, slot: column });
  for (const each of running) {
    try {
      const { status, raw } = await deps.client.workflow.getHandle(each.workflowId).describe();
      const firstRunId = raw.workflowExecutionInfo?.firstRunId || each.firstExecutionRunId;
      const isSame = firstRunId === each.firstExecutionRunId;
      if (status.name === 'RUNNING' && isSame) return slotOfColumn(each.slot);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  return undefined;
}

/** Carries on what the newest slot before this one knows, where this one says nothing yet. Returns what is there now. */
async function carryOn(
  deps: ActivityDeps,
  source: Source,
  slot: string,
  coinIds: readonly string[],
  logId: number,
): Promise<Map<string, StoredObservation>> {
  const { db } = deps;
  const filter = { coinIds, source: source.name };
  const since = slotColumn(new Date(Date.parse(slot) - longestAgeMs(rules, source.name)).toISOString());
  const before = await slotBefore(db, slotColumn(slot), since, source.name);
  const ageOf = (name: keyof typeof rules): number =>
    rules[name].find((each) => each.source === source.name)?.maxAgeMs ?? 0;
  const known = before === undefined ? [] : await observationsOf(db, [before], filter);
  const rows = known.map((row): ObservationRow => {
    const fields = storedJson(carried(parseStored(row.fields), slot, ageOf));
    return { slot: slotColumn(slot), coinId: row.coinId, source: source.name, fields };
  });
  if (rows.length > 0) await retrying(() => db.transaction().execute((trx) => addObservations(trx, rows, logId)));
  const now = await observationsOf(db, [slotColumn(slot)], filter);
  return new Map(now.map((row) => [row.coinId, parseStored(row.fields)]));
}

/** What a source's monthly quota leaves for this slot; undefined: it has none. */
async function monthOf(deps: ActivityDeps, source: Source, slot: string): Promise<MonthLeft | undefined> {
  if (configuredSource(deps, source.name).plan.limits.perMonth === undefined) return undefined;
  const budget = (await listBudgets(deps.db)).find((each) => each.source === source.name);
  if (!budget || budget.month_quota === null) return undefined;
  const coins = (await listCoins(deps.db)).filter((coin) => coin.isActive && coin.ingestionEnabled).length;
  const daily = Object.values(source.datasets).filter((dataset) => dataset.daily);
  const dailyRequests = daily.reduce((sum, { scope }) => sum + (scope === 'coin' ? coins : 1), 0);
  return monthLeft(
    {
      monthQuota: Number(budget.month_quota),
      usedThisMonth: Number(budget.month_live) + Number(budget.month_backfill),
      backfillReserve: reserves.backfillReserve,
    },
    dailyRequests,
    slot,
  );
}

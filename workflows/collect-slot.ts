import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { CloseSlotRequest, OpenedSlot, SlotResult } from '../activities/collect';
import { database, slotReading, type Priority } from './activity-options';
import { markdownTable, tagRunning, tagStatus } from './details';
import { parseSlotInput } from './input';
import { explainSlot, scheduleId } from './logical-date';
import { readHistory } from './read-history';

/** What a DAG tells its child beside the input; a person who starts one leaves it out. */
export interface SlotContext {
  triggeredBy: string;
  priority: Priority;
}

export type Trouble = CloseSlotRequest['troubles'][number];

/** A live slot is written after this time, with the answers that are there. */
const answersWithinMs = 60_000;

/**
 * One slot: open it → ask all sources at the same time → make the rows of both tables and end the runs. The workflow id
 * `collect/<slot>` is its lock. A source that fails costs its own fields only.
 */
export async function collectSlot(input: unknown, context?: SlotContext): Promise<SlotResult> {
  const { workflowType, workflowId, firstExecutionRunId, runStartTime } = workflowInfo();
  const { slot, coins, sources } = parseSlotInput(workflowType, input);
  if (slot === undefined)
    throw ApplicationFailure.nonRetryable(
      `${workflowType} needs its slot; to collect the present one start collectOnchainAndSentiment`,
      'BadInput',
    );
  const priority = context?.priority ?? 'manual';
  const triggeredBy = context?.triggeredBy ?? (scheduleId() ? `schedule ${scheduleId()}` : workflowId);
  tagRunning(slot);
  // not cancelled half-way: the rows of the log would be there, and nobody would close them
  const opened = await CancellationScope.nonCancellable(() =>
    database('open the slot', priority).openSlot({
      ...{ slot, coins, sources, triggeredBy, firstExecutionRunId },
      startedAt: runStartTime.toISOString(),
    }),
  );
  const close = (troubles: Trouble[], isCancelled: boolean) =>
    database(isCancelled ? 'close the slot: cancelled' : 'make the rows of the slot', priority).closeSlot({
      ...{ slot, isLive: opened.isLive, coins: opened.coins, tables: opened.tables, runs: opened.runs },
      ...{ troubles, isCancelled, asked: countBySource(opened.readings) },
    });
  if (opened.skipped !== null) return skippedSlot(slot, opened, opened.skipped);

  try {
    const troubles = opened.isLive
      ? await askSources(opened, priority)
      : await readHistory({ date: slot.slice(0, 10), history: opened.history, triggeredBy, priority });
    const result = await close(troubles, false);
    tagStatus(result.status);
    showSources(opened, troubles, result.message);
    return result;
  } catch (failure) {
    if (!isCancellation(failure)) throw failure;
    await CancellationScope.nonCancellable(() => close([], true));
    tagStatus('cancelled');
    throw failure;
  }
}

async function askSources(opened: OpenedSlot, priority: Priority): Promise<Trouble[]> {
  const { slot, readings } = opened;
  const deadline = new Date(workflowInfo().runStartTime.getTime() + answersWithinMs).toISOString();
  const ended = await Promise.all(
    readings.map(async ({ queue, ...request }) => {
      const { source, reading, coins } = request;
      try {
        await slotReading(
          queue,
          `${reading} of ${coins.length === 1 ? coins[0] : `${coins.length} assets`}`,
          priority,
        ).observe({ ...request, slot, deadline });
        return undefined;
      } catch (failure) {
        if (isCancellation(failure)) throw failure;
        return troubleOf(source, reading, failure);
      }
    }),
  );
  return ended.filter((each) => each !== undefined);
}

/** What a person reads about it; what a source will never have, and what was not its turn, is no failure. */
function troubleOf(source: string, reading: string, failure: unknown): Trouble {
  const cause = failure instanceof ActivityFailure ? failure.cause : failure;
  const errorType = cause instanceof ApplicationFailure ? (cause.type ?? 'Bug') : 'Timeout';
  const message = cause instanceof Error ? cause.message : String(cause);
  const isFailure = errorType !== 'NotAvailable' && errorType !== 'NotYetTurn';
  return { source, reading, errorType, message, status: isFailure ? 'failed' : 'skipped' };
}

function countBySource(readings: OpenedSlot['readings']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { source } of readings) counts[source] = (counts[source] ?? 0) + 1;
  return counts;
}

function showSources(
  { slot, readings, label }: OpenedSlot,
  troubles: readonly Trouble[],
  message: string | null,
): void {
  const rows = Object.entries(countBySource(readings)).map(([source, requests]) => {
    const own = troubles.filter((trouble) => trouble.source === source);
    return [
      source,
      String(requests),
      own.length === 0 ? 'success' : own[0]!.status,
      own.map((each) => each.message).join('; '),
    ];
  });
  const first = label === null ? explainSlot(slot) : `${explainSlot(slot)}: ${label}`;
  setCurrentDetails(`${first}\n\n${markdownTable(['source', 'requests', 'status', 'note'], rows)}\n\n${message ?? ''}`);
}

function skippedSlot(slot: string, opened: OpenedSlot, message: string): SlotResult {
  tagStatus('skipped');
  setCurrentDetails(`${explainSlot(slot)}: skipped, ${message}`);
  const counts = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  return {
    ...{ slot: `${slot.slice(0, 16)}Z`, status: 'skipped', isLive: opened.isLive, assets: 0 },
    ...{ onchain: counts, sentiment: counts, sources: [], message },
  };
}

import { Context } from '@temporalio/activity';
import { endRun, findRun, type RunCounts } from '../../db/queries/ingestion-logs';
import { retrying } from '../../db/failures';
import type { ActivityDeps } from '../deps';
import type { RunOutcome } from '../runs';
import type { OpenedSlot } from './open';
import { slotName } from './slots';
import { writeAndEnd, type Trouble } from './tables';

export interface CloseSlotRequest extends Pick<OpenedSlot, 'slot' | 'isLive' | 'coins' | 'tables' | 'runs'> {
  troubles: Trouble[];
  /** requests by source, to tell a source that failed from one that failed in part */
  asked: Readonly<Record<string, number>>;
  isCancelled: boolean;
}

/** What a slot became. */
export interface SlotResult {
  slot: string;
  status: RunOutcome;
  isLive: boolean;
  assets: number;
  onchain: RunCounts;
  sentiment: RunCounts;
  sources: { source: string; status: RunOutcome; message: string | null }[];
  message: string | null;
}

/** Ends the runs of the sources, makes the rows, and ends theirs. */
export async function closeSlot(deps: ActivityDeps, request: CloseSlotRequest): Promise<SlotResult> {
  const { slot, isLive, coins, tables, runs, troubles, isCancelled } = request;
  const sources = runs.map(({ source, logId }) => ({ source, logId, ...outcomeOf(request, source) }));
  for (const { logId, status, errorType, message } of sources)
    await end(deps, logId, { status, errorType, message: message && deps.redact(message) });
  if (isCancelled) {
    const message = 'the slot was cancelled';
    for (const logId of Object.values(tables))
      await end(deps, logId, { status: 'cancelled', errorType: 'Cancelled', message });
  } else {
    await writeAndEnd(deps, request);
  }
  const [onchain, sentiment] = await Promise.all([
    findRun(deps.db, tables.onchain),
    findRun(deps.db, tables.sentiment),
  ]);
  const bad = troubles.filter(({ status }) => status === 'failed').length;
  return {
    ...{ slot: slotName(slot), isLive, assets: coins.length },
    status: isCancelled ? 'cancelled' : bad > 0 ? 'partial' : 'success',
    onchain: countsOf(onchain),
    sentiment: countsOf(sentiment),
    sources: sources.map(({ source, status, message }) => ({ source, status, message: message ?? null })),
    message: onchain?.message ?? null,
  };
}

interface Outcome {
  status: RunOutcome;
  errorType?: string;
  message?: string;
}

function outcomeOf({ troubles, asked, isCancelled }: CloseSlotRequest, source: string): Outcome {
  const own = troubles.filter((each) => each.source === source);
  const failed = own.filter(({ status }) => status === 'failed');
  const message = own.map((each) => `${each.reading}: ${each.message}`).join('; ') || undefined;
  if (isCancelled) return { status: 'cancelled', errorType: 'Cancelled', message: 'the slot was cancelled' };
  if (own.length === 0) return { status: 'success' };
  const errorType = (failed[0] ?? own[0]!).errorType;
  if (own.length < (asked[source] ?? 0))
    return { status: failed.length > 0 ? 'partial' : 'success', errorType, message };
  return { status: failed.length > 0 ? 'failed' : 'skipped', errorType, message };
}

async function end(
  deps: ActivityDeps,
  logId: number,
  outcome: { status: RunOutcome; errorType?: string; message?: string },
): Promise<void> {
  const { runId } = Context.current().info.workflowExecution!;
  await retrying(() => endRun(deps.db, logId, runId, outcome));
}

function countsOf(run: RunCounts | undefined): RunCounts {
  const { processed = 0, inserted = 0, updated = 0, unchanged = 0, rejected = 0 } = run ?? {};
  return { processed, inserted, updated, unchanged, rejected };
}

import { ApplicationFailure, setCurrentDetails, startChild, workflowInfo } from '@temporalio/workflow';
import type { SlotResult } from '../activities/collect';
import type { Priority } from './activity-options';
import { whenAdmitted } from './admission';
import { collectSlot, type SlotContext } from './collect-slot';
import { logicalDateAttribute, tagRunning, tagStatus } from './details';
import { slotId } from './ids';
import { parseSlotInput, type SlotInput } from './input';
import { defaultSlot, explainSlot, scheduleId, slotMs, slotName } from './logical-date';
import { startOrJoinChild } from './start-or-join';

/**
 * The 15-minute DAG: what all sources say of all active assets in one slot. A live slot asks for the present; a past one
 * gets what its sources' histories know of it. `{ slot?, coins?, sources? }`; without a slot it is the one of its nominal
 * time. Ends as success, partial (a source did not answer) or skipped; fails when the slot failed.
 */
export async function collectOnchainAndSentiment(input?: unknown): Promise<SlotResult> {
  const { workflowType, workflowId } = workflowInfo();
  const { slot = defaultSlot(), coins, sources } = parseSlotInput(workflowType, input);
  const triggeredBy = scheduleId() ? `schedule ${scheduleId()}` : workflowId;
  tagRunning(slot);
  setCurrentDetails(explainSlot(slot));
  const collect = () =>
    collectOrJoin({ slot, coins, sources }, { triggeredBy, priority: priorityOfSlot(slot) }, coins ?? sources);
  const result = await (isPast(slot) ? whenAdmitted(slot, collect) : collect());
  tagStatus(result.status);
  setCurrentDetails(`${explainSlot(slot)}: ${result.status}. ${result.message ?? ''}`);
  if (result.status !== 'failed' && result.status !== 'cancelled') return result;
  throw ApplicationFailure.create({
    type: 'RunsFailed',
    nonRetryable: true,
    message: `slot ${slotName(slot)} ${result.status}: ${result.message}. By hand: start ${workflowType} {"slot":"${slotName(slot)}"}`,
    details: [result],
  });
}

async function collectOrJoin(
  input: SlotInput & { slot: string },
  context: SlotContext,
  part: readonly string[] | undefined,
): Promise<SlotResult> {
  const { slot } = input;
  return startOrJoinChild<SlotResult>({
    workflowId: slotId(slot),
    summary: `slot ${slotName(slot)}`,
    priority: context.priority,
    typedSearchAttributes: [{ key: logicalDateAttribute, value: new Date(slot) }],
    start: (options) => startChild(collectSlot, { ...options, args: [input, context] }),
    // who collects all of it may have asked before our part was there
    wantsOwn: part !== undefined,
    bad: (status, message) => badSlot(slot, status, message),
  });
}

function badSlot(slot: string, status: SlotResult['status'], message: string): SlotResult {
  const counts = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  return {
    ...{ slot: slotName(slot), status, isLive: false, assets: 0, onchain: counts, sentiment: counts, sources: [] },
    message,
  };
}

/** Its quarter-hour is over: no live run waits for it. */
function isPast(slot: string): boolean {
  return workflowInfo().runStartTime.getTime() >= Date.parse(slot) + slotMs;
}

function priorityOfSlot(slot: string): Priority {
  if (!scheduleId()) return 'manual';
  return isPast(slot) ? 'backfill' : 'live';
}

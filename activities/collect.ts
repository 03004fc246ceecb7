import type { RunCounts } from '../db/queries/ingestion-logs';
import { closeSlot, type CloseSlotRequest, type SlotResult } from './collect/close';
import { observe, type ReadingDone, type ReadingRequest } from './collect/observe';
import { openSlot, type OpenedSlot, type SlotRequest } from './collect/open';
import { planPastDay, writePastSlots, type PastDay, type PastDayPlan, type PastSlotsRequest } from './collect/past';
import type { ActivityDeps } from './deps';

export type { CloseSlotRequest, OpenedSlot, SlotResult };

/** The steps of a slot: open it, ask the sources, make its rows and end it; and those of a past day. */
export function createCollectActivities(deps: ActivityDeps) {
  return {
    /** Opens the runs of a slot and says what is to be asked. */
    openSlot: (request: SlotRequest): Promise<OpenedSlot> => openSlot(deps, request),

    /** One request to one source about some assets. */
    observe: (request: ReadingRequest): Promise<ReadingDone> => observe(deps, request),

    /** Merges what is observed into the rows of both tables, and ends the runs. */
    closeSlot: (request: CloseSlotRequest): Promise<SlotResult> => closeSlot(deps, request),

    /** Which histories are to be ingested before the slots of a past day are made. */
    planPastDay: (day: PastDay): Promise<PastDayPlan> => planPastDay(deps, day),

    /** Makes the rows of some slots of a past day. */
    writePastSlots: (request: PastSlotsRequest): Promise<RunCounts> => writePastSlots(deps, request),
  };
}

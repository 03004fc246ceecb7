import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { RunResult } from '../activities/runs';
import { database, slotRows, type Priority } from './activity-options';
import { tagRunning, tagStatus } from './details';
import { parseSlotDayInput } from './input';
import { explainDate, slotMs } from './logical-date';
import type { PartOfBackfill } from './daily-ingestion';
import { readHistory } from './read-history';

/** What a day of slots became. */
export interface DayOfSlots {
  date: string;
  status: 'success' | 'partial';
  totals: RunResult['counts'];
}

const slotsAtATime = 24;
const slotsPerDay = 96;

/**
 * All 96 slots of a past day: the histories of the day once, then the rows of its slots. Part of a backfill of
 * `collectOnchainAndSentiment`, which has asked for what one request gives for many dates.
 */
export async function collectDay(input: unknown, part?: PartOfBackfill): Promise<DayOfSlots> {
  const { date, coins, sources } = parseSlotDayInput(input);
  const { firstExecutionRunId, workflowId } = workflowInfo();
  const triggeredBy = part?.backfill ?? workflowId;
  const priority: Priority = part ? 'backfill' : 'manual';
  tagRunning(date);
  const plan = await database('what is to be done', priority).planPastDay({
    ...{ date, coins, sources, isWithoutRanges: part !== undefined },
  });
  const troubles = await readHistory({ date, history: plan.history, triggeredBy, priority });
  const totals = { processed: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 };
  for (let first = 0; first < slotsPerDay; first += slotsAtATime) {
    const slots = Array.from({ length: slotsAtATime }, (_, index) =>
      new Date(Date.parse(date) + (first + index) * slotMs).toISOString(),
    );
    const counts = await slotRows(`slots ${first + 1} to ${first + slotsAtATime}`, priority).writePastSlots({
      ...{ slots, coins: plan.coins, triggeredBy, firstExecutionRunId },
    });
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += counts[name];
    setCurrentDetails(
      `${explainDate(date)}: ${first + slotsAtATime} of ${slotsPerDay} slots, ${totals.processed} rows`,
    );
  }
  const status = troubles.some((trouble) => trouble.status === 'failed') ? 'partial' : 'success';
  tagStatus(status);
  return { date, status, totals };
}

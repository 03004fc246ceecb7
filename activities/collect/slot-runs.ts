import { Context } from '@temporalio/activity';
import { insertRun } from '../../db/queries/ingestion-logs';
import { retrying } from '../../db/failures';
import type { ActivityDeps } from '../deps';
import { slotColumn, slotName } from './slots';

/** The two runs that make a slot's rows, as the log names them; their source is `cryptoflow`. */
export const tableRuns = { onchain: 'onchain_data', sentiment: 'crypto_sentiment_data' } as const;

/** The run of a source that is asked in a slot. */
export const observationsRun = 'observations';

/** One row per key is a slot's state. `slot` is ISO. */
export function slotRunKey(source: string, dataType: string, slot: string): string {
  return `${source}.${dataType}/all/${slotName(slot)}`;
}

/** All that a slot may have in the log: the log has an index of keys, not of slots. */
export function slotRunKeys(slot: string, sources: readonly string[]): string[] {
  return [
    ...Object.values(tableRuns).map((dataType) => slotRunKey('cryptoflow', dataType, slot)),
    ...sources.map((source) => slotRunKey(source, observationsRun, slot)),
  ];
}

export interface SlotOfRun {
  /** ISO */
  slot: string;
  triggeredBy: string;
  firstExecutionRunId: string;
}

/** The row of a run for all assets in a slot; safe to repeat. */
export async function openSlotRun(
  deps: ActivityDeps,
  request: SlotOfRun,
  source: string,
  dataType: string,
): Promise<number> {
  const { workflowId, runId } = Context.current().info.workflowExecution!;
  const { dataLabel } = deps.settings;
  const { triggeredBy } = request;
  return retrying(() =>
    insertRun(deps.db, {
      ...{ source, dataType, coinId: null, coinSymbol: null, targetDate: null, slot: slotColumn(request.slot) },
      runKey: slotRunKey(source, dataType, request.slot),
      ...{ workflowId, runId, firstExecutionRunId: request.firstExecutionRunId, expected: null },
      triggeredBy: dataLabel === null ? triggeredBy : `${triggeredBy} (${dataLabel})`,
    }),
  );
}

import { slotRunKeys } from '../../activities/collect/slot-runs';
import { slotName, slotOfColumn } from '../../activities/collect/slots';
import { resolveCoin } from '../../activities/coins';
import { findSource, sources } from '../../activities/registry';
import { listRuns, type LoggedRun } from '../../db/queries/ingestion-logs';
import { counted, duration, isoTime, table } from '../output';
import type { Command } from './command';

const statuses = ['running', 'success', 'partial', 'failed', 'cancelled', 'skipped'] as const;
const own = 'cryptoflow';
const sourceNames = sources.map(({ name }) => name);

/** What of a run is shown to people. */
type ShownRun = Pick<
  LoggedRun,
  | 'source'
  | 'dataType'
  | 'coinId'
  | 'targetDate'
  | 'slot'
  | 'status'
  | 'processed'
  | 'startedAt'
  | 'completedAt'
  | 'errorType'
  | 'message'
>;

export const logs: Command = {
  name: 'logs',
  summary: 'runs, newest first: what came, and why something did not',
  action: {
    says: 'runs, newest first',
    options: {
      source: { value: '<name>', says: `one of ${[...sourceNames, own].join(', ')}` },
      status: { value: '<status>', says: `one of ${statuses.join(', ')}` },
      coin: { value: '<coin>', says: 'CoinGecko id or ticker' },
      date: { value: '<date>', says: 'logical date, the UTC day of the data' },
      slot: { value: '<slot>', says: 'runs of a quarter-hour like 2026-11-21T10:15Z' },
      limit: { value: '<number>', says: 'at most so many; 50' },
    },
    examples: ['logs --status failed', 'logs --coin bitcoin --date 2026-11-21 --json', 'logs --slot 2026-11-21T10:15Z'],
    async run(call, connections) {
      const source = call.text('source');
      if (source !== undefined && source !== own) findSource(source);
      const slot = call.slot('slot');
      const filter = {
        ...{ source, status: call.oneOf('status', statuses), date: call.day('date') },
        runKeys: slot === undefined ? undefined : slotRunKeys(slot, sourceNames),
      };
      const limit = call.count('limit', { from: 1, to: 100_000 }) ?? 50;
      const coin = call.text('coin');
      const db = await connections.db();
      const coinId = coin === undefined ? undefined : (await resolveCoin(db, coin)).coinId;
      const runs = await listRuns(db, { ...filter, coinId, limit });
      return { document: runs.map(rowOf), lines: runs.length > 0 ? runLines(runs) : ['no run'] };
    },
  },
};

/** `blockchair.blocks  bitcoin  2026-11-21  success  144 rows  412 ms`, and why where it is anything but success. */
export function runLines(runs: readonly ShownRun[]): string[] {
  return table(
    runs.map((run) => [
      `${run.source}.${run.dataType}`,
      run.coinId ?? 'all',
      run.slot === null ? run.targetDate : slotName(slotOfColumn(run.slot)),
      run.status,
      counted(run.processed, 'row'),
      run.completedAt === null
        ? ''
        : duration(Date.parse(isoTime(run.completedAt)) - Date.parse(isoTime(run.startedAt))),
      [run.errorType, run.message].filter(Boolean).join(': '),
    ]),
  );
}

/** The document has the columns as the database names them. */
function rowOf(run: LoggedRun) {
  return {
    id: run.id,
    source: run.source,
    data_type: run.dataType,
    coin_id: run.coinId,
    target_date: run.targetDate,
    slot: run.slot,
    status: run.status,
    records_processed: run.processed,
    records_inserted: run.inserted,
    records_updated: run.updated,
    records_unchanged: run.unchanged,
    records_rejected: run.rejected,
    records_expected: run.expected,
    attempts: run.attempts,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    error_type: run.errorType,
    error_message: run.message,
    workflow_id: run.workflowId,
    first_execution_run_id: run.firstExecutionRunId,
    run_id: run.runId,
    triggered_by: run.triggeredBy,
  };
}

import {
  ApplicationFailure,
  CancellationScope,
  ActivityFailure,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Probed } from '../activities/dumps';
import type { OpenedRun, RunClose, RunResult } from '../activities/runs';
import { budgetClassOf, database, sourceQueue, type Priority } from './activity-options';
import { coinAttribute, datasetAttribute, logicalDateAttribute, statusAttribute, tagStatus } from './details';
import { load, probe, waitForDump, type DumpRun } from './dump';
import { parseRunInput } from './input';
import { explainDate, scheduleId, today } from './logical-date';

/** What a DAG tells its child beside the input; a person who starts one leaves it out. */
export interface RunContext {
  triggeredBy: string;
  priority: Priority;
  addresses: string[];
}

/** Where the run before this one stopped, when its history had grown long. */
interface Continued {
  run: OpenedRun;
  cursor: string;
  pages: number;
}

/** Long before the server's warning at 10,240 events; a page takes about six. */
const pagesPerExecution = 500;

/**
 * One dataset for one coin and one date: open the run, fetch page after page, close the run. The workflow id
 * `ingest/<dataset>/<coin>/<date>` is its lock. Ends as success, partial or skipped; fails when the run failed.
 */
export async function ingestDataset(input: unknown, context?: RunContext, continued?: Continued): Promise<RunResult> {
  const { dataset, coin, date } = parseRunInput(input);
  const priority = context?.priority ?? 'manual';
  const { firstExecutionRunId, continuedFromExecutionRunId, workflowId } = workflowInfo();
  const triggeredBy = context?.triggeredBy ?? (scheduleId() ? `schedule ${scheduleId()}` : workflowId);
  const run =
    continued?.run ??
    // not cancelled half-way: the row would be there, and nobody would close it
    (await CancellationScope.nonCancellable(() =>
      database(`open the run`, priority).openRun({
        dataset,
        coin,
        date,
        today: today(),
        triggeredBy,
        firstExecutionRunId,
        addresses: context?.addresses ?? [],
      }),
    ));
  upsertSearchAttributes([
    { key: datasetAttribute, value: run.dataset },
    { key: coinAttribute, value: run.coin },
    { key: logicalDateAttribute, value: new Date(date) },
    { key: statusAttribute, value: run.skipped === null ? 'running' : 'skipped' },
  ]);
  const close = (end: Omit<RunClose, 'logId'>) =>
    database(`close the run: ${end.status}`, priority).closeRun({ logId: run.logId, ...end });
  if (run.skipped !== null) return close({ status: 'skipped', message: run.skipped });

  let cursor = continued?.cursor ?? run.cursor;
  let pages = continued?.pages ?? 0;
  let rows = 0;
  const dump: DumpRun = { run, date, priority, continuedFrom: continuedFromExecutionRunId ?? null };
  try {
    if (run.bulk?.mode === 'dumps') {
      return ended(await close(await fromDump(dump, await waitForDump(dump, run.bulk.waitMs), 'failed')));
    }
    // one that is there already needs nothing of the API
    if (run.bulk && !continued) {
      const probed = await probe(dump, false);
      if (probed.state === 'ready') return ended(await close(await fromDump(dump, probed, 'failed')));
    }
    for (;;) {
      pages += 1;
      const page = await sourceQueue(run.queue, `page ${pages}`, priority).fetchPage({
        logId: run.logId,
        dataset: run.dataset,
        coin: run.coin,
        date,
        cursor,
        addresses: run.addresses,
        budgetClass: budgetClassOf(priority),
        continuedFrom: continuedFromExecutionRunId ?? null,
      });
      rows += page.counts.processed;
      setCurrentDetails(`${explainDate(date)}\n\n${pages} pages, ${rows} rows`);
      cursor = page.next;
      if (cursor === null || pages >= run.pagesPerRun) break;
      if (pages % pagesPerExecution === 0)
        await continueAsNew<typeof ingestDataset>({ dataset, coin, date }, context, { run, cursor, pages });
    }
    if (run.bulk) {
      const probed = await waitForDump(dump, run.bulk.waitMs);
      if (probed.state === 'ready' || probed.state === 'missing')
        return ended(await close(await fromDump(dump, probed, 'partial')));
      return ended(await close({ status: cursor === null ? 'success' : 'partial', message: probed.says }));
    }
    return ended(await close({ status: cursor === null ? 'success' : 'partial' }));
  } catch (failure) {
    const end = endOf(failure);
    if (end === undefined) throw failure;
    const result = await CancellationScope.nonCancellable(() => close(end));
    tagStatus(end.status);
    if (end.status === 'skipped') return result;
    throw failure;
  }
}

/** The rows of the file, or how the run ends without one: it was not published in time, or never will be. */
async function fromDump(
  dump: DumpRun,
  { state, says }: Probed,
  without: 'failed' | 'partial',
): Promise<Omit<RunClose, 'logId'>> {
  if (state === 'ready') {
    const { says: message } = await load(dump);
    return { status: 'success', message };
  }
  if (state === 'never') return { status: 'skipped', errorType: 'NotAvailable', message: says };
  const message = `${says}, ${dump.run.bulk!.waitMs / 3_600_000} h after the run began to wait`;
  if (without === 'partial') return { status: 'partial', message: `the rows are those of the API: ${message}` };
  throw ApplicationFailure.nonRetryable(`${message}: start it again later`, 'Unavailable');
}

function ended(result: RunResult): RunResult {
  tagStatus(result.status);
  return result;
}

/** How a failure ends the row; undefined for what is no failure of the run (continue-as-new). */
export function endOf(failure: unknown): Omit<RunClose, 'logId'> | undefined {
  if (isCancellation(failure)) return { status: 'cancelled', errorType: 'Cancelled', message: 'the run was cancelled' };
  const cause = failure instanceof ActivityFailure ? failure.cause : failure;
  if (cause instanceof ApplicationFailure) {
    if (cause.type === 'NotAvailable') return { status: 'skipped', errorType: 'NotAvailable', message: cause.message };
    return { status: 'failed', errorType: cause.type ?? 'Bug', message: cause.message };
  }
  if (failure instanceof ActivityFailure)
    return { status: 'failed', errorType: 'Timeout', message: failure.cause?.message ?? failure.message };
  return undefined;
}

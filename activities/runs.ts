import { Context } from '@temporalio/activity';
import { endRun, findRun, insertRun, newestEnded, type LoggedRun, type RunCounts } from '../db/queries/ingestion-logs';
import { lastPage, type StoredPage } from '../db/queries/ingestion-pages';
import { watchedAddresses } from '../db/queries/watched-addresses';
import { retrying } from '../db/failures';
import { ensureMonthPartition } from '../db/partitions';
import { resolveSubject } from './coins';
import { configuredSource, type ActivityDeps, type ConfiguredSource } from './deps';
import { SourceFailure } from './failures';
import { findDataset, queueOf, type NamedDataset } from './registry';

// The promise: one row of data_ingestion_logs per run and execution chain, opened before the first request and ended at
// most once per execution. Its key (workflow id, first execution, run key) survives resets and continue-as-new, so a
// run that is executed again finds its row, and its finished pages, instead of making a second one.

export type RunOutcome = 'success' | 'partial' | 'failed' | 'cancelled' | 'skipped';

export interface RunRequest {
  dataset: string;
  /** CoinGecko id or ticker; `all` for datasets that cover every coin */
  coin: string;
  /** logical date, YYYY-MM-DD */
  date: string;
  /** the UTC day on which the run began, for sources that know only the present or the last months */
  today: string;
  triggeredBy: string;
  firstExecutionRunId: string;
  /** addresses to look up beside the watched ones */
  addresses: string[];
}

export interface OpenedRun {
  logId: number;
  dataset: string;
  coin: string;
  queue: string;
  /** where an earlier, partial run of this date stopped, or this one before it was reset */
  cursor: string | null;
  pagesPerRun: number;
  addresses: string[];
  /** whole days come from files, or files and the API; absent: the API alone */
  bulk?: { mode: 'dumps' | 'auto'; waitMs: number };
  /** why there is nothing to do; the row has then ended already */
  skipped: string | null;
}

/** What a run did: the sums over its pages, as the log has them. */
export interface RunResult {
  dataset: string;
  coin: string;
  date: string;
  status: RunOutcome;
  counts: RunCounts;
  message: string | null;
}

export interface RunClose {
  logId: number;
  status: RunOutcome;
  errorType?: string;
  message?: string;
}

export function createRunActivities(deps: ActivityDeps) {
  return {
    /** Opens the row of a run, or finds it again. Refuses a workflow that is not named after its run: the id is the lock. */
    async openRun(request: RunRequest): Promise<OpenedRun> {
      const named = findDataset(request.dataset);
      const coin = named.dataset.scope === 'all' ? undefined : await resolveSubject(deps.db, named, request.coin);
      const coinId = coin?.coinId ?? 'all';
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      const runKey = `${named.fullName}/${coinId}/${request.date}`;
      if (workflowId !== `ingest/${runKey}`) {
        throw new SourceFailure(
          'BadInput',
          `the workflow id is the run's lock: start this ingestDataset as "ingest/${runKey}", not as "${workflowId}"`,
        );
      }
      const earlier = await newestEnded(deps.db, runKey);
      const stopped = earlier?.status === 'partial' ? await lastPage(deps.db, earlier.id) : undefined;
      const logId = await retrying(() =>
        insertRun(deps.db, {
          source: named.source.name,
          dataType: named.name,
          coinId: coin?.coinId ?? null,
          coinSymbol: coin?.symbol ?? null,
          targetDate: request.date,
          runKey,
          workflowId,
          firstExecutionRunId: request.firstExecutionRunId,
          runId,
          triggeredBy:
            deps.settings.dataLabel === null
              ? request.triggeredBy
              : `${request.triggeredBy} (${deps.settings.dataLabel})`,
          expected: stopped?.resume ? (earlier?.expected ?? null) : null,
        }),
      );
      // executed again from its beginning: it goes on behind its finished pages
      const own = await lastPage(deps.db, logId);
      const addresses =
        coin && named.dataset.needs === 'addresses' ? await addressesOf(deps, coin, request.addresses) : [];
      const configured = configuredSource(deps, named.source.name);
      const skipped = reasonToSkip(configured, named, coin, request, addresses);
      if (skipped === null)
        await retrying(() => ensureMonthPartition(deps.db, named.dataset.table, request.date.slice(0, 7)));
      else await retrying(() => endRun(deps.db, logId, runId, { status: 'skipped', message: skipped }));
      return {
        logId,
        dataset: named.fullName,
        coin: coinId,
        queue: queueOf(named.source),
        cursor: own ? (own.next ?? own.cursor) : (stopped?.resume ?? null),
        pagesPerRun: configured.plan.pagesPerRun,
        addresses,
        ...bulkOf(configured, named),
        skipped,
      };
    },

    /** Ends the row and returns what it says. A second call by the same execution changes nothing. */
    async closeRun(close: RunClose): Promise<RunResult> {
      const { runId } = Context.current().info.workflowExecution!;
      const message = close.status === 'partial' ? await partialMessage(deps, close) : close.message;
      await retrying(() =>
        endRun(deps.db, close.logId, runId, {
          status: close.status,
          errorType: close.errorType,
          message: message && deps.redact(message),
        }),
      );
      const run = await findRun(deps.db, close.logId);
      if (!run)
        throw new SourceFailure(
          'BadInput',
          `log row ${close.logId} is gone: it was deleted while its run was going on`,
        );
      return toResult(run);
    },
  };
}

export function toResult(run: LoggedRun): RunResult {
  const { processed, inserted, updated, unchanged, rejected } = run;
  return {
    dataset: `${run.source}.${run.dataType}`,
    coin: run.coinId ?? 'all',
    date: run.targetDate ?? '',
    status: run.status === 'running' ? 'failed' : run.status,
    counts: { processed, inserted, updated, unchanged, rejected },
    message: run.message,
  };
}

function bulkOf({ bulk }: ConfiguredSource, { dataset }: NamedDataset): Pick<OpenedRun, 'bulk'> {
  if (!bulk || !dataset.bulk || bulk.mode === 'api') return {};
  return { bulk: { mode: bulk.mode, waitMs: bulk.waitMs } };
}

type Subject = Awaited<ReturnType<typeof resolveSubject>>;

async function addressesOf(deps: ActivityDeps, coin: Subject, extra: readonly string[]): Promise<string[]> {
  const watched = await watchedAddresses(deps.db, coin.symbol);
  return [...new Set([...watched, ...extra])].toSorted();
}

const dayMs = 86_400_000;

function reasonToSkip(
  configured: ConfiguredSource,
  { fullName, source, dataset }: NamedDataset,
  coin: Subject | undefined,
  { date, today }: RunRequest,
  addresses: readonly string[],
): string | null {
  const daysBack = (Date.parse(today) - Date.parse(date)) / dayMs;
  if (configured.unusable) return configured.unusable;
  if (coin && !coin.known) return `${source.label} does not have ${coin.coinId}`;
  if (dataset.needs === 'addresses' && addresses.length === 0) {
    return `no addresses are watched; to watch one: npm run cli -- addresses add ${coin?.coinId ?? ''} <address>`;
  }
  if (dataset.history === 'latest' && daysBack > 1) return `${fullName} knows only the present, not ${date}`;
  const reach = configured.plan.historyDays;
  if (reach !== undefined && daysBack >= reach)
    return `${source.label} plan ${configured.planName} sees only the last ${reach} days`;
  return null;
}

/** Why it is partial: what the workflow knows goes before what the pages say. */
async function partialMessage(deps: ActivityDeps, { logId, message }: RunClose): Promise<string> {
  const page = await lastPage(deps.db, logId);
  if (message !== undefined && page?.next === null) return message;
  return [message, await howFar(deps, logId)].filter((text) => text !== undefined).join('; ');
}

/** `1,200 of 5,000 rows of the day are here; …` — from what the source said was left at the last page. */
async function howFar(deps: ActivityDeps, logId: number): Promise<string> {
  const [run, page] = await Promise.all([findRun(deps.db, logId), lastPage(deps.db, logId)]);
  const total = run?.expected ?? null;
  const left = page === undefined ? null : rowsLeft(page);
  const how =
    total === null || left === null
      ? 'not all rows of the day are here'
      : `${total - left} of ${total} rows of the day are here`;
  return `${how}: the run used all the requests that its plan gives one run; the next run for this date goes on from there`;
}

function rowsLeft(page: StoredPage): number | null {
  return page.expected === null ? null : page.expected - page.counts.processed;
}

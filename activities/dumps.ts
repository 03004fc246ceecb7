import { Context } from '@temporalio/activity';
import { isUnitTable, noteChangedUnits } from '../db/queries/changed-units';
import { findFile, insertFile, type LoadedFile } from '../db/queries/ingestion-files';
import { dumpCursor, findPage, insertPage, type StoredPage } from '../db/queries/ingestion-pages';
import { noteExpected, type RunCounts } from '../db/queries/ingestion-logs';
import { insertRejects } from '../db/queries/rejected-records';
import { retrying } from '../db/failures';
import type { BudgetClass } from '../db/queries/source-budgets';
import { bulkHost, type Download } from './bulk/host';
import { createTurns } from './bulk/turns';
import {
  ComparisonNeeded,
  assertUndamaged,
  compareDayWithFile,
  loadDay,
  type DayLoad,
  type LoadedDay,
} from './bulk/load-day';
import { resolveCoin, sourceCoin } from './coins';
import { configuredSource, type ActivityDeps } from './deps';
import { NotYetTurn, SourceFailure, type FailureDetails } from './failures';
import { TooManyRejects, assertFewRejects, holdRun, keepRejects, takeOver, type Owner } from './pages';
import { noteProgress } from './progress';
import { findDataset, type NamedDataset } from './registry';
import type { SourceCoin } from './source';

// Whole days from files: a way beside the API to the same tables, runs and logs. One activity asks whether the file is
// there, one brings and loads it; its page stands beside those of the API and keeps the same promise (activities/pages.ts).

export interface FileRequest {
  dataset: string;
  coin: string;
  date: string;
  budgetClass: BudgetClass;
}

export interface ProbeRequest extends FileRequest {
  /** the UTC day on which the run began */
  today: string;
  /** waits for a connection; else says `busy` */
  patient: boolean;
}

/**
 * `missing`: not published yet. `never`: too old to be published still. `too large`: it would take too long at the
 * provider's speed; only in mode `auto`. `busy`: all connections that the host allows are in use.
 */
export interface Probed {
  state: 'ready' | 'missing' | 'never' | 'too large' | 'busy';
  /** for the log and people */
  says: string;
}

export interface LoadRequest extends FileRequest {
  logId: number;
  continuedFrom: string | null;
}

export interface FileLoaded {
  counts: RunCounts;
  says: string;
}

/** A file that is not there so long after its day will not come: some days have none. */
const publishedWithinDays = 4;
const dayMs = 86_400_000;

/** One of many coins may hold the only connection for so long; larger days come from the API. */
const longestDownloadSeconds = 3_600;

/** Each load takes a core, two connections and some 50 MB; more of them at the same time are not faster. */
const loadsAtOnce = 2;

export function createDumpActivities(deps: ActivityDeps) {
  const inTurn = createTurns(loadsAtOnce);
  return {
    /** Is the file of this day there, and does it fit? Asks for its size alone. */
    async probeFile(request: ProbeRequest): Promise<Probed> {
      const { named, coin } = await target(deps, request);
      const host = bulkHost(deps, { named, coin, date: request.date, budgetClass: request.budgetClass });
      const signal = Context.current().cancellationSignal;
      try {
        const remote = await host.connected(signal, (connected) => host.describe(connected));
        if (remote === undefined) return missing(request);
        const { mode, bytesPerSecond } = configuredSource(deps, named.source.name).bulk!;
        const seconds = bytesPerSecond === undefined ? 0 : remote.sizeBytes / bytesPerSecond;
        const size = `${remote.name} has ${remote.sizeBytes} bytes`;
        if (mode !== 'auto' || seconds <= longestDownloadSeconds) return { state: 'ready', says: size };
        const hours = (seconds / 3_600).toFixed(1);
        return {
          state: 'too large',
          says: `the rows are those of the API alone: ${size}, ${hours} h at the provider's ${bytesPerSecond} bytes/s without a key; BLOCKCHAIR_MODE=dumps loads it nevertheless`,
        };
      } catch (error) {
        if (request.patient || !(error instanceof NotYetTurn)) throw error;
        return { state: 'busy', says: error.message };
      }
    },

    /** Brings the file of a day and loads it, all or nothing. What was downloaded before its worker died is used. */
    async loadFile(request: LoadRequest): Promise<FileLoaded> {
      const { named, coin } = await target(deps, request);
      const { logId } = request;
      const { runId } = Context.current().info.workflowExecution!;
      const own: Owner = { logId, runId, continuedFrom: request.continuedFrom, cursor: dumpCursor };
      const stored = await findPage(deps.db, logId, dumpCursor);
      if (stored) return loaded(deps, logId, await takeOver(deps, own, stored));

      const context = Context.current();
      const host = bulkHost(deps, { named, coin, date: request.date, budgetClass: request.budgetClass });
      const download = await host.connected(context.cancellationSignal, (connected) =>
        host.download(connected, (have, of) => noteProgress(context, { phase: 'download', bytes: have, of })),
      );
      try {
        const page = await inTurn(() => store(deps, { named, coin, request, own, asked: host.asked, download }));
        await download.file.remove();
        return await loaded(deps, logId, page);
      } catch (error) {
        if (!(error instanceof SourceFailure)) throw error;
        // what was wrong is in the file: the next attempt brings it anew
        await download.file.remove();
        if (error.details.dataset) throw error;
        throw new SourceFailure(error.type, `${download.remote.name}: ${error.message}`, host.asked, undefined, {
          cause: error.cause,
        });
      }
    },
  };
}

async function target(
  deps: ActivityDeps,
  { dataset, coin }: Pick<FileRequest, 'dataset' | 'coin'>,
): Promise<{ named: NamedDataset; coin: SourceCoin }> {
  const named = findDataset(dataset);
  const known = sourceCoin(named.source, await resolveCoin(deps.db, coin));
  if (!known) throw new SourceFailure('NotAvailable', `${dataset}: ${named.source.label} does not have ${coin}`);
  return { named, coin: known };
}

function missing({ date, today }: ProbeRequest): Probed {
  const age = (Date.parse(today) - Date.parse(date)) / dayMs;
  return age > publishedWithinDays
    ? { state: 'never', says: `there is no dump of ${date}` }
    : { state: 'missing', says: `the dump of ${date} is not published yet` };
}

interface Store {
  named: NamedDataset;
  coin: SourceCoin;
  request: LoadRequest;
  own: Owner;
  asked: FailureDetails;
  download: Download;
}

async function store(deps: ActivityDeps, { named, coin, request, own, asked, download }: Store): Promise<StoredPage> {
  const { logId, date } = request;
  const context = Context.current();
  if (!deps.openDatabase) throw new Error('this process loads no files: it has no connections for it');
  const database = deps.openDatabase();
  const load: DayLoad = {
    ...{ named, coin, date, logId, path: download.file.path, signal: context.cancellationSignal },
    onProgress: ({ rows, bytes }) =>
      noteProgress(context, { phase: 'load', rows, bytes, of: download.remote.sizeBytes }),
  };
  const place = {
    logId,
    source: named.source.name,
    dataType: named.name,
    coinId: request.coin,
    targetDate: date,
  };
  const write = (how: typeof loadDay): Promise<StoredPage> =>
    database.db.transaction().execute(async (trx) => {
      await holdRun(deps, trx, own);
      const there = await findPage(trx, logId, dumpCursor);
      if (there) return there;
      const day = await how(database, trx, load);
      load.signal.throwIfAborted();
      assertFewRejects(asked, day.rejects, day.rows + day.rejects.length, deps.settings.rejectShare);
      await insertRejects(trx, place, day.rejects);
      const page: StoredPage = { counts: countsOf(day), next: null, resume: null, expected: day.rows };
      await insertPage(trx, logId, dumpCursor, page);
      await insertFile(trx, logId, fileOf(named, download, day));
      await noteExpected(trx, logId, page.counts.processed);
      const { table } = named.dataset;
      if (day.inserted + day.updated + day.removed > 0 && isUnitTable(table))
        await noteChangedUnits(trx, [{ table, coin: coin.symbol, day: date }]);
      return page;
    });
  try {
    return await retrying(() =>
      write(loadDay).catch((error: unknown) => {
        if (error instanceof ComparisonNeeded) return write(compareDayWithFile);
        throw error;
      }),
    );
  } catch (error) {
    // a damaged file may look like one of another form: its check sum comes last
    if (error instanceof SourceFailure && error.type === 'SchemaMismatch') await assertUndamaged(load);
    if (error instanceof TooManyRejects) await keepRejects(deps, place, error.rejects.slice(0, keptRejects));
    throw error;
  } finally {
    await database.close();
  }
}

/** Of a file that is refused as a whole: enough to see what is wrong with it. */
const keptRejects = 1_000;

function countsOf({ inserted, updated, unchanged, rejects }: LoadedDay): RunCounts {
  const rejected = rejects.length;
  return { inserted, updated, unchanged, rejected, processed: inserted + updated + unchanged + rejected };
}

function fileOf({ dataset }: NamedDataset, { remote }: Download, day: LoadedDay): LoadedFile {
  return {
    name: remote.name,
    sizeBytes: remote.sizeBytes,
    etag: remote.etag,
    sha256: day.sha256,
    rows: day.rows,
    sumColumn: dataset.bulk!.sumColumn,
    sum: String(day.sum),
    removed: day.removed,
  };
}

async function loaded(deps: ActivityDeps, logId: number, { counts }: StoredPage): Promise<FileLoaded> {
  const file = await findFile(deps.db, logId);
  if (!file) throw new Error(`log row ${logId} has a page of a file, but no file`);
  const removed = file.removed > 0 ? `; ${file.removed} rows that it does not have were removed` : '';
  return {
    counts,
    says: `${file.name}: ${file.sizeBytes} bytes, ETag ${file.etag ?? 'none'}, sha256 ${file.sha256}; ${file.rows} rows, sum of ${file.sumColumn} ${file.sum}, the same in the table${removed}`,
  };
}

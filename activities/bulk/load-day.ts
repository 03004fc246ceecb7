import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { addAbortSignal, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Transaction } from 'kysely';
import type { Database } from '../../db/connect';
import {
  LoadMismatch,
  applyChanges,
  countAndSum,
  groupRange,
  loadLines,
  readWholeGroups,
  tableGroups,
  takesFiles,
  type CoinDay,
} from '../../db/day-load';
import type { Schema } from '../../db/schema';
import { SourceFailure } from '../failures';
import type { NamedDataset } from '../registry';
import type { Reject, SourceCoin } from '../source';
import { compareDay, type DayChanges } from './compare';
import { noTotals, readDayFile, type Batch, type DayFormat, type DayTotals } from './day-file';

// The promise: a day's file lands as a whole, in one transaction, or nothing of it does; readers see the old rows until
// then. Into an empty day the lines go straight (LOAD DATA); otherwise file and table are compared side by side and only
// what differs is written, so that an unchanged file changes nothing, and a row that somebody deleted comes back. Before
// the COMMIT of whatever was written the table is counted and summed, and must say what the file says.

export interface DayLoad {
  named: NamedDataset;
  coin: SourceCoin;
  date: string;
  logId: number;
  /** the compressed file */
  path: string;
  onProgress: (progress: { rows: number; bytes: number }) => void;
  signal: AbortSignal;
}

export interface LoadedDay extends DayChanges {
  rejects: Reject[];
  rows: number;
  sum: bigint;
  sha256: string;
}

/** Within the transaction, which is to be rolled back when this throws. `own` has a second connection, to read from. */
export async function loadDay(own: Database, trx: Transaction<Schema>, load: DayLoad): Promise<LoadedDay> {
  const day = coinDay(load);
  const there = await groupRange(trx, day);
  const straight = there === undefined && (await takesFiles(trx));
  if (!straight) return compareWith(own, trx, load, day, there);
  try {
    const file = readFile(load);
    const records = await loadLines(trx, day, load.logId, textsOf(file.batches));
    if (records !== file.totals.rows) throw new LoadMismatch(`${records} of ${file.totals.rows} rows`);
    const changes = { inserted: records, updated: 0, unchanged: 0, removed: 0 };
    return await checked(trx, day, load, file, changes);
  } catch (error) {
    // rows of another day may have a key of this one, after a reorganisation around midnight
    if (!(error instanceof LoadMismatch)) throw error;
    throw new ComparisonNeeded(error.message);
  }
}

/** To be done in a new transaction, by comparing. */
export class ComparisonNeeded extends Error {
  override readonly name = 'ComparisonNeeded';
}

/** As `loadDay`, but never straight. */
export async function compareDayWithFile(own: Database, trx: Transaction<Schema>, load: DayLoad): Promise<LoadedDay> {
  const day = coinDay(load);
  return compareWith(own, trx, load, day, await groupRange(trx, day));
}

async function compareWith(
  own: Database,
  trx: Transaction<Schema>,
  load: DayLoad,
  day: CoinDay,
  there: Awaited<ReturnType<typeof groupRange>>,
): Promise<LoadedDay> {
  const file = readFile(load);
  const changes = await own.db.connection().execute(async (reader) => {
    await readWholeGroups(reader);
    const table = there === undefined ? none() : tableGroups(reader, day, there);
    return compareDay(file.batches, table, day.keyColumns, (some) => applyChanges(trx, day, load.logId, some));
  });
  // nothing was written: each row of the table has just been compared, and is the file's
  if (changes.inserted + changes.updated + changes.removed === 0) return ofFile(file, changes);
  return checked(trx, day, load, file, changes, there);
}

async function* none(): AsyncGenerator<never> {}

function coinDay({ named, coin, date }: DayLoad): CoinDay {
  const columns = named.dataset.bulk!.columns(coin);
  return {
    table: named.dataset.table as CoinDay['table'],
    coinSymbol: coin.symbol,
    date,
    columns: columns.map(({ column }) => column),
    keyColumns: keyColumnsOf(named),
    timeColumn: columns.find(({ looks }) => looks.form === 'time')!.column,
  };
}

/** Without coin_symbol. */
function keyColumnsOf({ dataset }: NamedDataset): number {
  return dataset.key.length - 1;
}

async function checked(
  trx: Transaction<Schema>,
  day: CoinDay,
  { named, date }: DayLoad,
  file: FileReading,
  changes: DayChanges,
  there?: { first: number; last: number },
): Promise<LoadedDay> {
  const { rows, sum, firstGroup = 0, lastGroup = 0 } = file.totals;
  const range = {
    first: Math.min(firstGroup, there?.first ?? firstGroup),
    last: Math.max(lastGroup, there?.last ?? lastGroup),
  };
  const column = named.dataset.bulk!.sumColumn;
  const inTable = await countAndSum(trx, day, range, column);
  if (inTable.rows !== rows || inTable.sum !== sum)
    throw new Error(
      `${named.fullName} ${date}: the table has ${inTable.rows} rows with a sum of ${column} of ${inTable.sum}, the file ${rows} with ${sum}; nothing of it is visible`,
    );
  return ofFile(file, changes);
}

function ofFile({ totals: { rows, sum, rejects }, sha256 }: FileReading, changes: DayChanges): LoadedDay {
  return { ...changes, rejects, rows, sum, sha256: sha256() };
}

interface FileReading {
  batches: AsyncGenerator<Batch>;
  /** grows while batches are read */
  totals: DayTotals;
  /** of the compressed file, when all of it was read */
  sha256: () => string;
}

function readFile({ named, coin, date, path, onProgress, signal }: DayLoad): FileReading {
  const totals = noTotals();
  const hash = createHash('sha256');
  const format: DayFormat = { bulk: named.dataset.bulk!, coin, date, keyColumns: keyColumnsOf(named) };
  let digest: string | undefined;
  let bytes = 0;
  const chunks = unzipped(path, signal, (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
    onProgress({ rows: totals.rows, bytes });
  });
  return { batches: readDayFile(chunks, format, totals), totals, sha256: () => (digest ??= hash.digest('hex')) };
}

async function* textsOf(batches: AsyncIterable<Batch>): AsyncGenerator<Buffer> {
  for await (const { text } of batches) yield text;
}

const chunkBytes = 64 * 1024;

/** Throws Unavailable where the file is damaged or cut off. */
export async function* unzipped(
  path: string,
  signal: AbortSignal,
  onCompressed: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  file.on('data', (chunk) => onCompressed(chunk as Buffer));
  // ends both when one of them ends badly; the loop below sees the error
  pipeline(file, addAbortSignal(signal, gunzip), () => undefined);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (signal.aborted || !code?.startsWith('Z_')) throw signal.aborted ? signal.reason : error;
    throw new SourceFailure('Unavailable', `the file is damaged or cut off: ${message}`, {}, undefined, {
      cause: error,
    });
  }
}

/** Throws Unavailable where the file is not what its own check sum says. */
export async function assertUndamaged({ path, signal }: Pick<DayLoad, 'path' | 'signal'>): Promise<void> {
  for await (const chunk of unzipped(path, signal, () => undefined)) void chunk;
}

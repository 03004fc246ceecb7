import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { waitForPermit, withLease } from '../budget';
import { attemptName } from '../ask-source';
import { bulkBudget, type BudgetClass } from '../../db/queries/source-budgets';
import { configuredSource, type ActivityDeps, type ConfiguredBulk } from '../deps';
import { SourceFailure, judgeStatus, type FailureDetails } from '../failures';
import { networkReason } from '../http';
import type { NamedDataset } from '../registry';
import type { SourceCoin } from '../source';
import { beginning, chunksOf, openFile } from './get';
import { spoolFile, type SpooledFile } from './spool';

// The host of the files: another one than the API, with limits of its own (`<source>-dumps` among the budgets). One
// connection, one request after the other: a download takes its place for as long as it lasts.

/** A version of a file, as its host describes it. */
export interface RemoteFile {
  name: string;
  sizeBytes: number;
  etag: string | null;
}

export interface BulkHostAccess {
  /** what was asked last, for failures */
  asked: FailureDetails;
  /** Undefined: there is no such file (yet). */
  describe(signal: AbortSignal): Promise<RemoteFile | undefined>;
  /** Brings the file here, or what of it is missing. Throws NotAvailable where there is none. */
  download(signal: AbortSignal, onBytes: (have: number, of: number) => void): Promise<Download>;
  /** Runs `work` on one of the connections that the host allows. Throws NotYetTurn when they are all in use. */
  connected<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface Download {
  remote: RemoteFile;
  file: SpooledFile;
}

export interface BulkFileRequest {
  named: NamedDataset;
  coin: SourceCoin;
  date: string;
  budgetClass: BudgetClass;
}

const longestCloseMs = 2_000;
const gzipMagic = [0x1f, 0x8b];

export function bulkHost(deps: ActivityDeps, { named, coin, date, budgetClass }: BulkFileRequest): BulkHostAccess {
  const connection = configuredSource(deps, named.source.name);
  const host = connection.bulk;
  const { bulk } = named.dataset;
  if (!host || !bulk) throw new SourceFailure('BadInput', `${named.fullName} has no files of whole days`);
  const url = new URL(host.baseUrl.replace(/\/$/, '') + bulk.path(coin, date));
  const name = path.basename(url.pathname);
  const { key } = connection.plan;
  if (key?.in === 'query' && connection.apiKey) url.searchParams.set(key.name, connection.apiKey);
  const plainUrl = `${url.origin}${url.pathname}`;
  const asked: FailureDetails = {
    source: named.source.name,
    dataset: named.fullName,
    url: deps.redact(url.toString()),
  };
  const where = `${bulkBudget(named.source.name)} on ${url.pathname}`;

  let closed: Promise<unknown> = Promise.resolve();

  async function ask(method: 'HEAD' | 'GET', signal: AbortSignal, headers: Record<string, string> = {}) {
    await waitForPermit(
      deps.db,
      { source: bulkBudget(named.source.name), limits: host!.limits, cost: 1, budgetClass },
      signal,
    );
    Object.assign(asked, { method, status: undefined, body: undefined });
    try {
      const own = { 'accept-encoding': 'identity', 'user-agent': 'cryptoflow/0.1 (+data ingestion)' };
      const response = await openFile(url, method, { ...own, ...headers }, signal);
      asked.status = response.statusCode;
      const { socket } = response;
      // rejects with what else happens to the socket: a failure of the body, and said there
      closed = socket.destroyed ? Promise.resolve() : once(socket, 'close').catch(() => undefined);
      return response;
    } catch (error) {
      throw networkFailure(error, signal);
    }
  }

  function networkFailure(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof SourceFailure) return error;
    return failure('Unavailable', deps.redact(networkReason(error)));
  }

  function failure(type: SourceFailure['type'], reason: string, retryAfterMs?: number): SourceFailure {
    return new SourceFailure(type, `${where}: ${reason}`, { ...asked }, retryAfterMs);
  }

  /** A page for people, with status 402 or 200, is how the host says that it has one connection for us already. */
  async function assertFile(response: IncomingMessage, method: string): Promise<void> {
    const isPage = /text\/html/.test(String(response.headers['content-type'] ?? ''));
    const status = response.statusCode ?? 0;
    if (status < 300 && !isPage) return;
    const text = method === 'HEAD' ? '' : await beginning(response, 5_000).catch(() => '');
    asked.body = deps.redact(text).slice(0, 500);
    if (status === 402 || (status < 300 && isPage))
      throw failure('RateLimited', '402, a page instead of a file: another connection, or too much', 60_000);
    response.destroy();
    const { type, reason } = judgeStatus(status);
    throw failure(type, `${status}, ${reason}`);
  }

  async function describe(signal: AbortSignal): Promise<RemoteFile | undefined> {
    const response = await ask('HEAD', signal);
    response.resume();
    if (response.statusCode === 404 || response.statusCode === 410) return undefined;
    await assertFile(response, 'HEAD');
    const sizeBytes = Number(response.headers['content-length'] ?? Number.NaN);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
      throw failure('Unavailable', 'the host does not say how large the file is');
    return { name, sizeBytes, etag: versionOf(response) };
  }

  return {
    asked,
    describe,
    async download(signal, onBytes) {
      const remote = await describe(signal);
      if (!remote) throw failure('NotAvailable', '404, there is no such file');
      const file = await spoolFile(deps.settings.spool, { url: plainUrl, ...remote });
      // without a version nobody knows whether what is there belongs to what comes
      const have = remote.etag === null ? 0 : await file.size();
      if (have > remote.sizeBytes) {
        await file.remove();
        throw failure('Unavailable', 'what was downloaded is longer than the file: downloads it again');
      }
      onBytes(have, remote.sizeBytes);
      if (have < remote.sizeBytes) {
        const range: Record<string, string> = have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': remote.etag! };
        const response = await ask('GET', signal, range);
        await assertFile(response, 'GET');
        try {
          if (versionOf(response) !== remote.etag) throw failure('Unavailable', 'the file was replaced meanwhile');
          const from = response.statusCode === 206 ? startOf(response) : 0;
          if (from !== 0 && from !== have)
            throw failure('Unavailable', `the host sent bytes from ${from}, not ${have}`);
          await store(chunksOf(response), file, from, { ...host, sizeBytes: remote.sizeBytes }, onBytes, signal);
        } catch (error) {
          response.destroy();
          throw networkFailure(error, signal);
        }
      }
      const size = await file.size();
      if (size !== remote.sizeBytes)
        throw failure('Unavailable', `the download ended after ${size} of ${remote.sizeBytes} bytes; goes on there`);
      return { remote, file };
    },
    connected: (signal, work) =>
      host.limits.connections === undefined
        ? work(signal)
        : withLease(deps.db, { source: bulkBudget(named.source.name), holder: attemptName() }, signal, async (held) => {
            try {
              return await work(held);
            } finally {
              // who takes the place next must not meet our connection at the host
              await Promise.race([closed, sleep(longestCloseMs)]);
            }
          }),
  };

  async function store(
    body: AsyncIterable<Buffer>,
    file: SpooledFile,
    from: number,
    { bytesPerSecond, sizeBytes }: Pick<ConfiguredBulk, 'bytesPerSecond'> & { sizeBytes: number },
    onBytes: (have: number, of: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const handle = await file.open();
    const startedAt = performance.now();
    let at = from;
    try {
      for await (const chunk of body) {
        if (at === 0 && gzipMagic.some((byte, index) => chunk[index] !== byte)) {
          asked.body = deps.redact(chunk.toString('latin1', 0, 500));
          throw failure('RateLimited', 'something else than a gzip file came', 60_000);
        }
        if (at + chunk.length > sizeBytes) throw failure('Unavailable', 'more bytes came than the file has');
        await handle.write(chunk, 0, chunk.length, at);
        at += chunk.length;
        onBytes(at, sizeBytes);
        if (bytesPerSecond === undefined) continue;
        // no faster than the host allows, also where it does not brake by itself
        const aheadMs = ((at - from) / bytesPerSecond) * 1_000 - (performance.now() - startedAt);
        if (aheadMs > 0) await sleep(aheadMs, undefined, { signal });
      }
    } finally {
      await handle.close();
    }
  }
}

function versionOf({ headers }: IncomingMessage): string | null {
  const tag = headers['etag'] ?? headers['last-modified'];
  return typeof tag === 'string' ? tag : null;
}

/** `bytes 100-199/200` */
function startOf({ headers }: IncomingMessage): number {
  return Number(/^bytes (\d+)-/.exec(String(headers['content-range'] ?? ''))?.[1] ?? Number.NaN);
}

import { Agent, errors, request as send } from 'undici';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { rawText, parseJson } from './numbers';
import { SourceFailure, createRedact, judgeStatus, type FailureDetails } from './failures';
import type { Plan, Source, SourceHttp, SourceRequest } from './source';

/** 20 MB: the largest known answer (DefiLlama /protocols) is about 10 MB decompressed. */
const maxBodyBytes = 20 * 1024 * 1024;
const snippetChars = 500;

export interface HttpSettings {
  connectTimeoutMs: number;
  headersTimeoutMs: number;
  bodyTimeoutMs: number;
  /** the whole request, so that a source that drips bytes cannot hold an activity */
  totalTimeoutMs: number;
}

export const defaultHttpSettings: HttpSettings = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  totalTimeoutMs: 120_000,
};

/** One agent for the process. It retries nothing: Temporal does. */
export function createAgent(settings: HttpSettings = defaultHttpSettings): Agent {
  return new Agent({
    connect: { timeout: settings.connectTimeoutMs },
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    connections: 16,
  });
}

export interface SourceConnection {
  source: Source;
  plan: Plan;
  baseUrl: string;
  apiKey?: string;
}

export interface RequestOptions {
  agent: Agent;
  connection: SourceConnection;
  dataset: string;
  signal?: AbortSignal;
  redact: (text: string) => string;
  /** waits for the permit of this request, or throws */
  permit: (cost: number) => Promise<void>;
  /** where connections are limited: runs the request on one of them, or throws; the signal also tells that it was lost */
  lease?: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
  totalTimeoutMs?: number;
  /** is told what was asked and answered, for failures that are found only later */
  asked?: FailureDetails;
}

/**
 * The way to one source for one attempt. Throws SourceFailure with status, redacted URL and a piece of the body.
 * A second request in the same attempt is a mistake in the source's code: one attempt = one request (rule 4).
 */
export function createSourceHttp(options: RequestOptions): SourceHttp {
  let used = false;
  return {
    async getJson(request) {
      if (used) throw new Error(`${options.dataset} asked twice in one attempt`);
      used = true;
      const ask = async (signal: AbortSignal | undefined) => {
        await options.permit(request.cost ?? 1);
        return getJson({ ...options, signal }, request);
      };
      return options.lease ? options.lease(ask) : ask(options.signal);
    },
  };
}

async function getJson(options: RequestOptions, request: SourceRequest): Promise<unknown> {
  const { connection, redact } = options;
  const url = urlOf(connection, request);
  const method = request.json === undefined ? 'GET' : 'POST';
  const details: FailureDetails = Object.assign(options.asked ?? {}, {
    source: connection.source.name,
    dataset: options.dataset,
    method,
    url: redact(url.toString()),
  });
  const where = `on ${redact(url.pathname)}`;
  const timeout = AbortSignal.timeout(options.totalTimeoutMs ?? defaultHttpSettings.totalTimeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;

  let status: number;
  let headers: Record<string, string | string[] | undefined>;
  let text: string;
  try {
    const response = await send(url, {
      method,
      dispatcher: options.agent,
      headers: headersOf(connection, request),
      body: request.json === undefined ? undefined : JSON.stringify(request.json),
      signal,
    });
    status = details.status = response.statusCode;
    headers = response.headers;
    text = await readBody(response.body, headers['content-encoding']).catch((error: unknown) => {
      // a refusal is one without its text too
      if (status === 200 || signal.aborted) throw error;
      return '';
    });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    if (error instanceof SourceFailure)
      throw new SourceFailure(error.type, `${connection.source.name} ${where}: ${error.message}`, details);
    throw new SourceFailure(
      'Unavailable',
      `${connection.source.name} ${where}: ${redact(networkReason(error))}`,
      details,
      undefined,
      { cause: redacted(error, redact) },
    );
  }

  const body = parsed(withoutKeys(text, connection));
  const verdict = connection.source.judge?.(status, body) ?? (status === 200 ? undefined : judgeStatus(status));
  if (body !== undefined && verdict === undefined) return body;
  // first redacted, then cut: a cut key would not be recognised
  details.body = redact(text).slice(0, snippetChars);
  const { type, reason, retryAfterMs: usualWaitMs } = verdict ?? { type: 'Unavailable', reason: notJson };
  throw new SourceFailure(
    type,
    `${connection.source.name} ${status} ${where}: ${redact(reason + redirection(headers.location)).slice(0, snippetChars)}`,
    details,
    retryAfterMs(headers['retry-after']) ?? usualWaitMs,
  );
}

const notJson = 'the answer is not JSON';

/** An upstream that repeats a key in its answer must not bring it into rejected records, which quote the answer. */
function withoutKeys(text: string, { apiKey, baseUrl, plan }: SourceConnection): string {
  const keys = [...(apiKey === undefined ? [] : [apiKey]), ...(baseUrl === plan.baseUrl ? [] : tokensIn(baseUrl))];
  return createRedact(keys.filter((key) => key.length >= shortestKey))(text);
}

/** Anything shorter could be a word of the data. */
const shortestKey = 8;

/**
 * What looks like a token in the path of a URL (`https://gateway.example/v2/<token>`): 12 characters or more with a digit
 * among them, or 20 or more. Words of an API's own path are shorter.
 */
export function tokensIn(url: string): string[] {
  const segments = URL.canParse(url) ? new URL(url).pathname.split('/') : [];
  return segments
    .filter((segment) => segment.length >= 20 || (segment.length >= 12 && /\d/.test(segment)))
    .flatMap((segment) => [segment, decodedOr(segment)]);
}

function decodedOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function redirection(location: string | string[] | undefined): string {
  return location === undefined ? '' : `, to ${String(location)}`;
}

function urlOf(connection: SourceConnection, request: SourceRequest): URL {
  const url = new URL(connection.baseUrl.replace(/\/$/, '') + request.path);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const { key } = connection.plan;
  if (key?.in === 'query' && connection.apiKey) url.searchParams.set(key.name, connection.apiKey);
  return url;
}

function headersOf(connection: SourceConnection, { json }: SourceRequest): Record<string, string> {
  const { key } = connection.plan;
  return {
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': 'cryptoflow/0.1 (+data ingestion; one request per attempt)',
    ...(key?.in === 'header' && connection.apiKey ? { [key.name]: `${key.prefix ?? ''}${connection.apiKey}` } : {}),
  };
}

async function readBody(body: Readable, encoding: string | string[] | undefined): Promise<string> {
  // pipeline ends both when one of them ends badly, which also frees the connection; the loop below sees the error
  const stream = encoding === 'gzip' ? pipeline(body, createGunzip(), () => undefined) : body;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      throw new SourceFailure('SchemaMismatch', `the answer is larger than ${maxBodyBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Retry-After is seconds or an HTTP date. */
export function retryAfterMs(header: string | string[] | undefined, now = Date.now()): number | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

export function networkReason(error: unknown): string {
  if (error instanceof errors.ConnectTimeoutError) return 'no connection within the time limit';
  if (error instanceof errors.HeadersTimeoutError) return 'no answer within the time limit';
  if (error instanceof errors.BodyTimeoutError) return 'the answer stopped half-way';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'the answer took too long as a whole';
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR') return 'the compressed answer is cut off or damaged';
  return message ?? String(error);
}

function redacted(error: unknown, redact: (text: string) => string): Error {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Error(redact(text));
}

/** Throws SchemaMismatch with the first issues of a zod error and their paths. */
export function schemaMismatch(
  what: string,
  issues: readonly { path: PropertyKey[]; message: string }[],
  body: unknown,
): SourceFailure {
  const first = issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || '(whole answer)'}: ${issue.message}`);
  return new SourceFailure('SchemaMismatch', `${what}: ${first.join('; ')}`, {
    body: rawText(body).slice(0, snippetChars),
  });
}

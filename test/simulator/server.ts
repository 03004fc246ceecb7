import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { damaged, type Fault, type Faults } from './faults';
import { jsonText } from './json';
import type { RecordedRequest, Traffic } from './traffic';
import type { Answer, Upstream, UpstreamRequest } from './upstream';

const BLOCK_PAGE =
  '<!DOCTYPE html>\n<html lang="en-US"><head><title>Just a moment...</title></head>' +
  '<body><h1>Checking your browser before accessing this site.</h1></body></html>\n';

/** The HTTP side of the simulator: finds the upstream, applies its faults, sends its answer. */
export function createSimulatorServer(
  upstreams: readonly Upstream[],
  faults: Faults,
  traffic: Traffic,
  pathToken?: string,
): Server {
  const gateway = pathToken === undefined ? '' : `/gateway/${pathToken}`;
  const mounts = upstreams
    .flatMap((upstream) => upstream.mounts.map((mount) => ({ mount, upstream })))
    .toSorted((one, other) => other.mount.length - one.mount.length);

  return createServer((incoming, response) => {
    const url = incoming.url ?? '/';
    const target = url.startsWith(gateway) ? url.slice(gateway.length) : '';
    const found = mounts.find(({ mount }) => target === `/${mount}` || target.startsWith(`/${mount}/`));
    if (!found) {
      response.writeHead(404, { 'content-type': 'text/plain' });
      response.end(`No simulated service here. There are: ${mounts.map(({ mount }) => `/${mount}/`).join(' ')}\n`);
      return;
    }
    const path = target.slice(found.mount.length + 1);
    const request = traffic.arrived(found.upstream.source, incoming.method ?? 'GET', path);
    response.once('close', () => traffic.left(request));
    void serve(found.upstream, found.mount, path, incoming, response, request).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : new Error('simulator failed', { cause: error })),
    );
  });

  async function serve(
    upstream: Upstream,
    mount: string,
    path: string,
    incoming: IncomingMessage,
    response: ServerResponse,
    request: RecordedRequest,
  ): Promise<void> {
    const text = await readText(incoming);
    const url = new URL(path, 'http://simulator');
    const fault = faults.take(upstream.source, decoded(url.pathname) + decoded(url.search)) ?? {};
    if (fault.latencyMs) await pause(fault.latencyMs);
    if (fault.hang) return;
    if (fault.reset) {
      incoming.socket.resetAndDestroy();
      return;
    }
    const answer = answerWith(fault, upstream, {
      mount,
      method: request.method,
      path: decoded(url.pathname),
      query: url.searchParams,
      form: new URLSearchParams(text),
      json: jsonOf(text),
      headers: incoming.headers,
      client: incoming.socket.remoteAddress ?? '',
      fault,
    });
    request.status = answer.status;
    if (answer.done) response.once('close', answer.done);
    if (answer.file) return sendFile(response, request.method, answer, fault);
    await send(response, answer, fault, /\bgzip\b/.test(String(incoming.headers['accept-encoding'] ?? '')));
  }
}

function answerWith(fault: Fault, upstream: Upstream, request: UpstreamRequest): Answer {
  if (fault.html) {
    return { status: 200, body: Buffer.from(BLOCK_PAGE), headers: { 'content-type': 'text/html; charset=UTF-8' } };
  }
  if (fault.status !== undefined) {
    const answer = { status: fault.status, body: upstream.errorBody(fault.status) };
    return fault.retryAfter === undefined
      ? answer
      : { ...answer, headers: { 'retry-after': String(fault.retryAfter) } };
  }
  const answer = upstream.answer(request);
  if (answer.status !== 200 || !(fault.emptyDay || fault.wrongType || fault.missingField)) return answer;
  const whole: unknown = Buffer.isBuffer(answer.body) ? JSON.parse(answer.body.toString()) : answer.body;
  return { ...answer, body: damaged(fault.emptyDay ? upstream.withoutRows(whole) : whole, fault) };
}

async function send(response: ServerResponse, answer: Answer, fault: Fault, acceptsGzip: boolean): Promise<void> {
  const plain = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(jsonText(answer.body));
  const gzip = fault.truncatedGzip || acceptsGzip;
  // Level 1: a page of 100 rows takes 1 ms instead of 3.
  let bytes = gzip ? gzipSync(plain, { level: 1 }) : plain;
  if (fault.truncatedGzip) bytes = bytes.subarray(0, Math.floor(bytes.length / 2));
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    ...(gzip ? { 'content-encoding': 'gzip', vary: 'accept-encoding' } : {}),
    ...answer.headers,
  });
  if (fault.slowBody) await drip(response, bytes, fault.slowBody.bytesPerSecond);
  response.end(fault.slowBody ? undefined : bytes);
}

async function sendFile(response: ServerResponse, method: string, answer: Answer, fault: Fault): Promise<void> {
  const bytes = answer.body as Buffer;
  response.writeHead(answer.status, { 'content-length': bytes.length, ...answer.headers });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const speed = fault.slowBody?.bytesPerSecond ?? answer.file?.bytesPerSecond;
  const sent = fault.cutAfter === undefined ? bytes : bytes.subarray(0, fault.cutAfter);
  if (speed !== undefined) await drip(response, sent, speed);
  else if (sent.length > 0) await new Promise((resolve) => response.write(sent, resolve));
  if (fault.cutAfter === undefined) {
    response.end();
    return;
  }
  // what was sent arrives
  await pause(100);
  response.destroy();
}

async function drip(response: ServerResponse, bytes: Buffer, bytesPerSecond: number): Promise<void> {
  const chunk = Math.max(1, Math.ceil(bytesPerSecond / 20));
  for (let sent = 0; sent < bytes.length && !response.destroyed; sent += chunk) {
    response.write(bytes.subarray(sent, sent + chunk));
    await pause(50);
  }
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `%XX` resolved where it can be: clients differ in what they escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Fault } from './faults';

/** A request as an upstream sees it: its own path, below the place where the simulator mounts it. */
export interface UpstreamRequest {
  /** Which of the upstream's mounts was called, e.g. `coingecko-pro/api/v3`. */
  mount: string;
  method: string;
  /** Starts with a slash, decoded, without the query: `/bitcoin/blocks`. */
  path: string;
  query: URLSearchParams;
  /** Fields of a form body; empty for GET. */
  form: URLSearchParams;
  /** A JSON body; undefined where there is none. */
  json: unknown;
  headers: IncomingHttpHeaders;
  /** The caller's address: what keyless limits count by. */
  client: string;
  /** What goes wrong with it; most of that is the server's business. */
  fault: Fault;
}

/** What an upstream answers. A Buffer goes out as it is, anything else as JSON (bigint as an integer). */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** The body is a file: sent as it is, at this speed where one is given. */
  file?: { bytesPerSecond?: number };
  /** The answer is out, or its connection gone. */
  done?: () => void;
}

/** One simulated service: a file of its own plus one line in index.ts. */
export interface Upstream {
  /** Name in faults, recorded requests and peaks. */
  source: string;
  /** Path prefixes below the simulator's URL, without slashes at either end. */
  mounts: readonly string[];
  answer(request: UpstreamRequest): Answer;
  /** The body that this service sends with an error status. */
  errorBody(status: number): unknown;
  /** The same body as it looks when there is nothing for the day. */
  withoutRows(body: unknown): unknown;
}

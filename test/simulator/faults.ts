import { isObject } from './json';
import { randomFrom } from './world/random';

/** What goes wrong on a route. Knobs can be combined: `{ latencyMs: 200, status: 503, times: 2 }`. */
export interface Fault {
  /** Waits before anything is sent. */
  latencyMs?: number;
  /** Answers with this status and the service's own error body. */
  status?: number;
  /** `Retry-After` in seconds beside `status`. */
  retryAfter?: number;
  /** Never answers. */
  hang?: boolean;
  /** Cuts the connection (RST) instead of answering. */
  reset?: boolean;
  /** Sends gzip that ends too early. */
  truncatedGzip?: boolean;
  /** Sends a page for people, with status 200. */
  html?: boolean;
  /** Gives the field another JSON type, wherever it is in the body. */
  wrongType?: { field: string };
  /** Leaves the field out, wherever it is in the body. */
  missingField?: { field: string };
  /** Answers as for a day without data. */
  emptyDay?: boolean;
  /** Sends the body a little at a time. */
  slowBody?: { bytesPerSecond: number };
  /** Of a file: turns one bit of it, as if it had been published so. */
  flipBit?: number;
  /** Of a file: publishes only so many bytes of it. */
  truncateTo?: number;
  /** Of a file: cuts the connection after so many bytes. */
  cutAfter?: number;
  /** How many requests it meets; all when left out. */
  times?: number;
  /** Share of the requests that it meets, drawn from the seed; all when left out. */
  probability?: number;
}

export interface Faults {
  /** Sets a knob on a route such as `blockchair /bitcoin/transactions`; returns what removes it. */
  add(route: string, fault: Fault): () => void;
  clear(): void;
  /** What meets this request: later knobs win over earlier ones. Undefined when nothing does. */
  take(source: string, path: string): Fault | undefined;
}

interface Rule {
  source: string;
  meets: (path: string) => boolean;
  fault: Fault;
  left: number;
}

export function createFaults(seed: string): Faults {
  const random = randomFrom(`${seed}/faults`);
  let rules: Rule[] = [];
  return {
    add(route, fault) {
      const rule = { ...parseRoute(route), fault, left: fault.times ?? Infinity };
      rules.push(rule);
      return () => void (rules = rules.filter((other) => other !== rule));
    },
    clear: () => void (rules = []),
    take(source, path) {
      let met: Fault | undefined;
      for (const rule of rules) {
        if (rule.source !== source || rule.left <= 0 || !rule.meets(path)) continue;
        if (rule.fault.probability !== undefined && !random.chance(rule.fault.probability)) continue;
        rule.left -= 1;
        met = { ...met, ...rule.fault };
      }
      return met;
    },
  };
}

/** `<source> <path prefix>`, or a regular expression after `^`; without a path the whole source. Both see the query. */
function parseRoute(route: string): Pick<Rule, 'source' | 'meets'> {
  const space = route.indexOf(' ');
  const source = space === -1 ? route : route.slice(0, space);
  const path = space === -1 ? '/' : route.slice(space + 1).trim();
  if (!path.startsWith('^')) return { source, meets: (text) => text.startsWith(path) };
  const pattern = new RegExp(path);
  return { source, meets: (text) => pattern.test(text) };
}

/** The body with a field of another type, or without it. */
export function damaged(body: unknown, fault: Fault): unknown {
  if (!fault.wrongType && !fault.missingField) return body;
  if (Array.isArray(body)) return body.map((item: unknown) => damaged(item, fault));
  if (!isObject(body)) return body;
  return Object.fromEntries(
    Object.entries(body)
      .filter(([field]) => field !== fault.missingField?.field)
      .map(([field, value]) => [field, field === fault.wrongType?.field ? otherType(value) : damaged(value, fault)]),
  );
}

function otherType(value: unknown): unknown {
  return typeof value === 'string' ? { was: value } : 'not what was documented';
}

import { performance } from 'node:perf_hooks';

/** A request that reached the simulator. */
export interface RecordedRequest {
  at: Date;
  source: string;
  method: string;
  /** Path and query as sent, below the mount; keys are replaced by `***`. */
  path: string;
  /** Status that was sent; 0 while unanswered, and for hangs and resets. */
  status: number;
  /** Requests of the source in flight when this one arrived, itself included (one per connection: HTTP/1.1). */
  connections: number;
}

/** The most that was ever seen at once, over sliding spans. */
export interface Peak {
  perMinute: number;
  perSecond: number;
  openConnections: number;
}

export interface Traffic {
  requests: RecordedRequest[];
  arrived(source: string, method: string, path: string): RecordedRequest;
  /** To be called once, when the answer is out or the connection gone. */
  left(request: RecordedRequest): void;
  peak(source: string): Peak;
}

/** Older requests are forgotten beyond this, so that a demo can stay up for weeks. */
const KEPT_REQUESTS = 200_000;
const SECRET_PARAMETERS = ['key', 'x_cg_demo_api_key', 'x_cg_pro_api_key'];

export function createTraffic(): Traffic {
  const requests: RecordedRequest[] = [];
  const sources = new Map<string, { inFlight: number; recent: number[]; peak: Peak }>();

  function of(source: string): { inFlight: number; recent: number[]; peak: Peak } {
    let known = sources.get(source);
    if (!known) {
      known = { inFlight: 0, recent: [], peak: { perMinute: 0, perSecond: 0, openConnections: 0 } };
      sources.set(source, known);
    }
    return known;
  }

  return {
    requests,
    arrived(source, method, path) {
      const seen = of(source);
      const now = performance.now();
      seen.inFlight += 1;
      seen.recent.push(now);
      while ((seen.recent[0] ?? now) <= now - 60_000) seen.recent.shift();
      const lastSecond = seen.recent.length - 1 - seen.recent.findLastIndex((at) => at <= now - 1000);
      seen.peak.perMinute = Math.max(seen.peak.perMinute, seen.recent.length);
      seen.peak.perSecond = Math.max(seen.peak.perSecond, lastSecond);
      seen.peak.openConnections = Math.max(seen.peak.openConnections, seen.inFlight);
      const request = {
        at: new Date(),
        source,
        method,
        path: withoutKeys(path),
        status: 0,
        connections: seen.inFlight,
      };
      requests.push(request);
      if (requests.length > KEPT_REQUESTS) requests.splice(0, KEPT_REQUESTS / 10);
      return request;
    },
    left: (request) => void (of(request.source).inFlight -= 1),
    peak: (source) => ({ ...of(source).peak }),
  };
}

function withoutKeys(path: string): string {
  return SECRET_PARAMETERS.reduce((text, name) => text.replace(new RegExp(`([?&]${name}=)[^&]*`, 'g'), '$1***'), path);
}

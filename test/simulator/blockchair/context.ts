import { dateText, timeText, MINUTE_MS } from '../world/time';

/** The documented cost of a table request in points: base by table, filters, aggregations, then the page's size. */
export function tableCost(table: string, filters: number, aggregations: number, limit: number): number {
  const base = table === 'transactions' ? 5 : 2;
  const factor = aggregations > 0 ? 1 : 1 + 0.01 * Math.max(0, limit - 10);
  return round((base + filters + 10 * aggregations) * factor);
}

/** The documented cost of a dashboard over several addresses. */
export function dashboardCost(addresses: number): number {
  return round(1 + 0.1 * (addresses - 1));
}

/** The documented cost of a request for balances. */
export function balancesCost(addresses: number): number {
  return round(1 + 0.001 * addresses);
}

function round(points: number): number {
  return Number(points.toFixed(3));
}

/** The `context` of an answer; `own` holds what the endpoint adds (limit, offset, rows, state, …). */
export function context(code: number, now: Date, own: Record<string, unknown>): Record<string, unknown> {
  const ms = now.getTime();
  const since = ms - (ms % MINUTE_MS);
  return {
    code,
    source: 'D',
    // Real answers say how long they took; a fixed figure keeps bodies equal from run to run.
    time: 0.0078125,
    ...own,
    cache: {
      live: true,
      duration: 60,
      since: timeText(since),
      until: timeText(since + MINUTE_MS),
      time: null,
    },
    api: {
      version: '2.0.95-ie',
      last_major_update: '2022-11-07 02:00:00',
      next_major_update: '2023-11-12 02:00:00',
      documentation: 'https://blockchair.com/api/docs',
      notice: `Simulated data of ${dateText(ms)}: not a real Blockchair answer`,
    },
    servers: 'SIM',
    render_time: 0.0078125,
    full_time: 0.0078125,
  };
}

// 430 is recorded, 435's meaning is documented; the real wording of the others is not known.
const ERRORS: Record<number, string> = {
  400: 'Bad request',
  402: 'You have exceeded the daily limit of requests. Please apply for an API key at https://blockchair.com/api/plans',
  404: 'Unknown endpoint',
  429: 'You have exceeded the limit of 30 requests per minute',
  430: 'Your IP address is temporary blacklisted due to exceeding usage of API resources. Please apply for an API key by contacting us at info@blockchair.com',
  435: 'You have exceeded the soft limit of 5 requests per second',
  436: 'The request is too complex',
  500: 'Server error, please try again later',
  503: 'Service is temporarily unavailable for your IP address',
};

/** `{"data":null,"context":{"code":430,"error":"…"}}`: no `state`, the code is the HTTP status. */
export function blockchairError(status: number, now: Date, text?: string): Record<string, unknown> {
  return { data: null, context: context(status, now, { error: text ?? ERRORS[status] ?? 'Unknown error' }) };
}

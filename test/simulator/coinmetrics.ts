import { assetsOf, metricsOf, restricted } from './coinmetrics/assets';
import { createWindow } from './limits';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import { dayMetrics } from './world/metrics';
import { dateText, dayNumber, HOUR_MS, SECOND_MS, DAY_MS } from './world/time';
import type { World } from './world/world';

/** 10 requests in any 6 seconds, per address. */
const REQUESTS = 10;
const WINDOW_MS = 6 * SECOND_MS;
const LONGEST_URI = 10_000;
/** Network metrics of a day come this long after its end; market cap and price are there at once. */
const PUBLISHED_AFTER_MS = 9 * HOUR_MS;
/** The formats that the service lists: no zone. */
const TIME = /^\d{4}-?\d\d-?\d\d(T\d\d:?\d\d:?\d\d(\.\d{3,9})?)?$/;

/** CoinMetrics' community API v4: daily metrics of assets. */
export function createCoinMetrics(world: World, options: { limited: boolean }): Upstream {
  const window = createWindow(REQUESTS, WINDOW_MS);
  return {
    source: 'coinmetrics',
    mounts: ['coinmetrics/v4'],
    errorBody,
    withoutRows: () => ({ data: [] }),
    answer(request) {
      const waitMs = options.limited ? window.take(request.client) : 0;
      if (waitMs > 0) return tooMany(waitMs);
      if (request.path !== '/timeseries/asset-metrics')
        return refuse(404, 'not_found', 'Requested resource is not found.');
      return assetMetrics(world, request);
    },
  };
}

function assetMetrics(world: World, { query, path }: UpstreamRequest): Answer {
  if (path.length + query.toString().length > LONGEST_URI) return refuse(414, 'bad_parameter', 'Request-URI Too Large');
  const known = assetsOf(world);
  const assets = (query.get('assets') ?? '').split(',');
  const unknown = assets.find((asset) => asset !== '*' && !known.has(asset));
  if (unknown !== undefined && query.get('ignore_unsupported_errors') !== 'true')
    return badParameter('assets', unknown);
  const wanted = assets[0] === '*' ? [...known.keys()] : assets.filter((asset) => known.has(asset));
  const metrics = (query.get('metrics') ?? '').split(',');
  const forbidden = metrics.find((metric) => restricted.has(metric));
  if (forbidden !== undefined && query.get('ignore_forbidden_errors') !== 'true') {
    const message = `Requested metric '${forbidden}' with frequency '1d' for asset '${wanted[0]}' is not available with supplied credentials.`;
    return refuse(403, 'forbidden', message);
  }
  const nowMs = world.now().getTime();
  for (const name of ['start_time', 'end_time']) {
    const text = query.get(name);
    if (text !== null && !TIME.test(text))
      return refuse(400, 'bad_parameter', `Bad parameter '${name}'. Incorrect time format '${text}'.`);
  }
  const first = dayOf(query.get('start_time') ?? '2009-01-03');
  const last = Math.min(dayOf(query.get('end_time') ?? dateText(nowMs)), dayNumber(nowMs) - 1);
  const rows = wanted.toSorted().flatMap((asset) =>
    Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index).flatMap((day) => {
      const row = rowOf(world, asset, day, metrics, nowMs);
      return row ? [row] : [];
    }),
  );
  return paged(rows, query);
}

function rowOf(
  world: World,
  asset: string,
  day: number,
  metrics: readonly string[],
  nowMs: number,
): object | undefined {
  const coin = assetsOf(world).get(asset)!;
  const figures = dayMetrics(world, coin, day);
  if (!figures) return undefined;
  const endMs = (day + 1) * DAY_MS;
  const isPublished = nowMs >= endMs + PUBLISHED_AFTER_MS;
  const supported = metricsOf(coin, figures);
  const values = metrics.flatMap((metric): [string, string | null][] => {
    const value = supported[metric];
    if (value === undefined || restricted.has(metric)) return [];
    const isThere = isPublished || metric === 'CapMrktCurUSD' || metric === 'PriceUSD';
    return [[metric, isThere ? value : null]];
  });
  if (values.length === 0) return undefined;
  const changed = world.metricChanges.get(`${asset}/${dateText(day * DAY_MS)}`);
  return { asset, time: `${dateText(day * DAY_MS)}T00:00:00.000000000Z`, ...Object.fromEntries(values), ...changed };
}

/** Pages from the start; the token is where the next one begins. The URL echoes what was asked, a key too. */
function paged(rows: object[], query: URLSearchParams): Answer {
  const size = Math.min(10_000, Number(query.get('page_size') ?? 100));
  const token = query.get('next_page_token');
  const from = token === null ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (Number.isNaN(from)) return badParameter('next_page_token', token ?? '');
  const to = query.get('paging_from') === 'start' ? from + size : rows.length - from;
  const page = query.get('paging_from') === 'start' ? rows.slice(from, to) : rows.slice(Math.max(0, to - size), to);
  if (from + size >= rows.length) return { status: 200, body: { data: page } };
  const next = Buffer.from(String(from + size)).toString('base64url');
  const url = new URL('https://community-api.coinmetrics.io/v4/timeseries/asset-metrics');
  for (const [name, value] of query) if (name !== 'next_page_token') url.searchParams.set(name, value);
  url.searchParams.set('next_page_token', next);
  return { status: 200, body: { data: page, next_page_token: next, next_page_url: url.toString() } };
}

function dayOf(text: string): number {
  const [, year, month, day] = /^(\d{4})-?(\d\d)-?(\d\d)/.exec(text) ?? [];
  return dayNumber(Date.parse(`${year}-${month}-${day}`));
}

function badParameter(name: string, value: string): Answer {
  return refuse(400, 'bad_parameter', `Bad parameter '${name}'. Value '${value}' is not supported.`);
}

function refuse(status: number, type: string, message: string): Answer {
  return { status, body: { error: { type, message } } };
}

function tooMany(waitMs: number): Answer {
  const answer = refuse(429, 'too_many_requests', 'Too many requests. Please try again later.');
  const seconds = String(Math.ceil(waitMs / 1000));
  const headers = { 'x-ratelimit-limit': String(REQUESTS), 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': seconds };
  return { ...answer, headers: { ...headers, 'x-ratelimit-plan': 'community' } };
}

function errorBody(status: number): unknown {
  if (status === 403)
    return { error: { type: 'forbidden', message: 'Requested metric is not available with supplied credentials.' } };
  if (status === 401) return { error: { type: 'unauthorized', message: 'Requested resource requires authorization.' } };
  return { error: { type: status >= 500 ? 'internal_error' : 'bad_parameter', message: 'The request failed.' } };
}

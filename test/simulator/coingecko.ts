import { createAccess, type Plan, PRO_MOUNT } from './coingecko/access';
import { chart } from './coingecko/charts';
import { coinDetails, coinHistory, marketRow, ranked } from './coingecko/coins';
import { CURRENCIES } from './coingecko/currencies';
import { beyondHistory, bodyOf, planError, plainError } from './coingecko/errors';
import { isObject } from './json';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import type { Coin } from './world/coins';
import { DAY_MS, MINUTE_MS } from './world/time';
import type { World } from './world/world';

/** A day's snapshot is published some time after midnight. */
const PUBLISHED_AFTER_MS = 35 * MINUTE_MS;
/** Plans without payment look back this far. */
const FREE_HISTORY_MS = 365 * DAY_MS;

/** CoinGecko's API v3 on its two hosts: free (keyless, demo) and paid. */
export function createCoinGecko(
  world: World,
  options: { demoKeys: readonly string[]; proKeys: readonly string[]; limited: boolean },
): Upstream {
  const admit = createAccess(options);
  return {
    source: 'coingecko',
    mounts: ['coingecko/api/v3', PRO_MOUNT],
    errorBody: bodyOf,
    withoutRows,
    answer(request) {
      const admitted = admit(request);
      return admitted.refusal ?? route(world, admitted.plan, request);
    },
  };
}

function route(world: World, plan: Plan, request: UpstreamRequest): Answer {
  const [area = '', id = '', kind = '', detail = ''] = request.path.split('/').slice(1);
  if (area === 'ping') return ok({ gecko_says: '(V3) To the Moon!' });
  if (area === 'key') return plan === 'pro' ? ok(keyUsage()) : notOnPlan(world);
  if (area === 'simple' && id === 'supported_vs_currencies') return ok(CURRENCIES);
  if (area !== 'coins') return plainError(404, 'Incorrect path. Please check https://www.coingecko.com/api/');
  if (id === 'list' && kind === '') return ok(coinsList(world, request.query));
  if (id === 'markets' && kind === '') return coinsMarkets(world, request.query);
  const coin = world.coins.find((known) => known.id === id);
  if (!coin) return plainError(404, 'coin not found');
  switch (`${kind}/${detail}`) {
    case '/':
      return details(world, coin, request.query);
    case 'history/':
      return history(world, plan, coin, request.query);
    case 'market_chart/':
      return marketChart(world, plan, coin, request.query);
    case 'market_chart/range':
      return marketChartRange(world, plan, coin, request.query);
    default:
      return plainError(404, 'Incorrect path. Please check https://www.coingecko.com/api/');
  }
}

function coinsList(world: World, query: URLSearchParams): unknown {
  const platforms = query.get('include_platform') === 'true' ? { platforms: {} } : {};
  return world.coins.map(({ id, symbol, name }) => ({ id, symbol, name, ...platforms }));
}

function coinsMarkets(world: World, query: URLSearchParams): Answer {
  const currency = currencyOf(query);
  if (typeof currency !== 'string') return currency;
  // Ids are compared as they are: with spaces after the commas only the first one is known, as upstream.
  const wanted = query.get('ids')?.split(',');
  const perPage = Math.min(250, Math.max(1, Number(query.get('per_page') ?? 100) || 100));
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const rows = ranked(world)
    .filter(({ coin }) => wanted === undefined || wanted.includes(coin.id))
    .slice((page - 1) * perPage, page * perPage)
    .map(({ coin, rank }) => marketRow(world, coin, rank, currency));
  return ok(rows);
}

function details(world: World, coin: Coin, query: URLSearchParams): Answer {
  const included = (flag: string): boolean => query.get(flag) !== 'false';
  const rank = ranked(world).find((row) => row.coin.id === coin.id)?.rank ?? null;
  const include = {
    market: included('market_data'),
    community: included('community_data'),
    developer: included('developer_data'),
    tickers: included('tickers'),
    localization: included('localization'),
  };
  return ok(coinDetails(world, coin, rank, include));
}

function history(world: World, plan: Plan, coin: Coin, query: URLSearchParams): Answer {
  const text = query.get('date');
  if (text === null) return plainError(422, 'Missing parameter date');
  const [, day, month, year] = /^(\d{1,2})-(\d{1,2})-(\d{4})$/.exec(text) ?? [];
  const dayMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // Date.UTC carries the 31st of a short month into the next.
  if (Number.isNaN(dayMs) || new Date(dayMs).getUTCMonth() !== Number(month) - 1)
    return plainError(422, 'Invalid date');
  const nowMs = world.now().getTime();
  if (isBeyondPlan(world, plan, dayMs + DAY_MS)) return beyondHistory(world.now());
  const published = nowMs >= dayMs + PUBLISHED_AFTER_MS;
  const localization = query.get('localization') !== 'false';
  return ok(coinHistory(world, coin, published ? dayMs : undefined, localization));
}

function marketChart(world: World, plan: Plan, coin: Coin, query: URLSearchParams): Answer {
  const currency = currencyOf(query);
  if (typeof currency !== 'string') return currency;
  const text = query.get('days');
  if (text === null) return plainError(422, 'Missing parameter days');
  const nowMs = world.now().getTime();
  const fromMs = text === 'max' ? Date.parse(coin.listed) : nowMs - Number(text) * DAY_MS;
  if (Number.isNaN(fromMs)) return plainError(422, 'Invalid days');
  if (text === 'max' ? plan !== 'pro' : isBeyondPlan(world, plan, fromMs)) return beyondHistory(world.now());
  return ok(chart(world, coin, currency, { fromMs, toMs: nowMs, daily: query.get('interval') === 'daily' }));
}

function marketChartRange(world: World, plan: Plan, coin: Coin, query: URLSearchParams): Answer {
  const currency = currencyOf(query);
  if (typeof currency !== 'string') return currency;
  for (const name of ['from', 'to']) {
    if (!query.has(name)) return plainError(422, `Missing parameter ${name}`);
  }
  const [fromMs, toMs] = [Number(query.get('from')) * 1000, Number(query.get('to')) * 1000];
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) return plainError(422, 'Invalid from or to');
  if (isBeyondPlan(world, plan, fromMs)) return beyondHistory(world.now());
  return ok(chart(world, coin, currency, { fromMs, toMs, daily: query.get('interval') === 'daily' }));
}

function isBeyondPlan(world: World, plan: Plan, ms: number): boolean {
  return plan !== 'pro' && ms < world.now().getTime() - FREE_HISTORY_MS;
}

function currencyOf(query: URLSearchParams): string | Answer {
  const currency = query.get('vs_currency')?.toLowerCase();
  if (currency === undefined) return plainError(422, 'Missing parameter vs_currency');
  return CURRENCIES.includes(currency) ? currency : plainError(422, 'invalid vs_currency');
}

function keyUsage(): unknown {
  return {
    plan: 'Analyst',
    rate_limit_request_per_minute: 500,
    monthly_call_credit: 500_000,
    current_total_monthly_calls: 0,
    current_remaining_monthly_calls: 500_000,
    api_key_rate_limit_request_per_minute: 500,
    api_key_monthly_call_credit: 500_000,
    api_key_current_total_monthly_calls: 0,
  };
}

function notOnPlan(world: World): Answer {
  return planError(401, 10005, 'This request is limited to PRO API subscribers.', world.now());
}

function ok(body: unknown): Answer {
  return { status: 200, body, headers: { 'cache-control': 'max-age=30, public, must-revalidate, s-maxage=60' } };
}

/** Lists and series become empty, a snapshot loses its market data. */
function withoutRows(body: unknown): unknown {
  if (Array.isArray(body)) return [];
  if (!isObject(body)) return body;
  if ('prices' in body) return { prices: [], market_caps: [], total_volumes: [] };
  const { market_data: _market, community_data: _community, developer_data: _developer, ...rest } = body;
  return rest;
}

import { balancesCost, blockchairError, context, dashboardCost, tableCost } from './blockchair/context';
import { addressDashboard, addressesDashboard, addressOf } from './blockchair/dashboards';
import { parseTableQuery, QueryError } from './blockchair/query';
import { chainStats } from './blockchair/stats';
import { queryTable } from './blockchair/table';
import { isObject } from './json';
import { createDailyPoints, createWindow } from './limits';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import type { ChainTables, TableName } from './world/tables';
import { dateText, MINUTE_MS, SECOND_MS } from './world/time';
import type { World } from './world/world';

/** Documented: 30 requests a minute and 1,440 points a UTC day without a key; 5 a second for everybody. */
const KEYLESS_PER_MINUTE = 30;
const KEYLESS_POINTS_PER_DAY = 1440;
const PER_SECOND = 5;

/** What an endpoint found, before the context is added; a null `data` with another code is an error body. */
interface Found {
  code: number;
  data: unknown;
  cost: number;
  own: Record<string, unknown>;
}

/** Blockchair's REST API: tables, dashboards of addresses, stats. */
export function createBlockchair(
  world: World,
  options: { keys: readonly string[]; limited: boolean; rowsPerPage?: number },
): Upstream {
  const perMinute = createWindow(KEYLESS_PER_MINUTE, MINUTE_MS);
  const perSecond = createWindow(PER_SECOND, SECOND_MS);
  const points = createDailyPoints(KEYLESS_POINTS_PER_DAY);

  return {
    source: 'blockchair',
    mounts: ['blockchair'],
    errorBody: (status) => blockchairError(status, world.now()),
    withoutRows,
    answer(request) {
      const refuse = (status: number, text?: string): Answer => ({
        status,
        body: blockchairError(status, world.now(), text),
      });
      const key = request.query.get('key');
      if (key !== null && !options.keys.includes(key)) return refuse(402, 'Your API key is not valid');
      const caller = key ?? request.client;
      if (options.limited && perSecond.take(caller) > 0) return refuse(435);
      if (options.limited && key === null && perMinute.take(caller) > 0) return refuse(429);
      try {
        const found = route(world, request, options.rowsPerPage);
        if (!found) return refuse(404);
        if (options.limited && key === null && !points.spend(caller, dateText(world.now().getTime()), found.cost)) {
          return refuse(402);
        }
        if (found.data === null) return refuse(found.code, String(found.own['error']));
        const own = { ...found.own, request_cost: found.cost };
        return { status: found.code, body: { data: found.data, context: context(found.code, world.now(), own) } };
      } catch (error) {
        if (error instanceof QueryError) return refuse(400, error.message);
        throw error;
      }
    },
  };
}

function route(world: World, request: UpstreamRequest, rowsPerPage?: number): Found | undefined {
  const [slug = '', area = '', kind = '', argument = ''] = request.path.split('/').slice(1);
  if (slug === 'stats' && area === '') return allStats(world);
  const chain = world.chains.get(slug);
  if (!chain) return undefined;
  if (area === 'stats' && kind === '') {
    return { code: 200, data: chainStats(world, chain), cost: 1, own: stateOf(world, chain) };
  }
  if ((area === 'blocks' || area === 'transactions') && kind === '')
    return table(world, chain, area, request, rowsPerPage);
  if (area === 'dashboards' && kind === 'address') return oneAddress(world, chain, argument, request);
  const likeBitcoin = chain.coin.chain.family === 'bitcoin-like';
  if (area === 'dashboards' && kind === 'addresses' && likeBitcoin) {
    return manyAddresses(world, chain, argument.split(','), request);
  }
  if (area === 'addresses' && kind === 'balances' && likeBitcoin) return balances(world, chain, request);
  return undefined;
}

function allStats(world: World): Found {
  const data = Object.fromEntries([...world.chains].map(([slug, chain]) => [slug, { data: chainStats(world, chain) }]));
  const cross = { tether: { data: null }, 'usd-coin': { data: null }, 'binance-usd': { data: null } };
  return { code: 200, data: { ...data, 'cross-chain': cross }, cost: 1, own: {} };
}

function table(
  world: World,
  chain: ChainTables,
  name: TableName,
  request: UpstreamRequest,
  rowsPerPage?: number,
): Found {
  const best = chain.timeline.slot(Math.max(0, chain.timeline.lastAt(world.now().getTime())));
  const columns = Object.keys((best && chain.rows(name, best)[0]) ?? {});
  const asked = parseTableQuery(request.query, columns);
  const query = { ...asked, limit: rowsPerPage ?? asked.limit };
  const { rows, totalRows } = queryTable(chain, name, query, world.now().getTime());
  const aggregates = query.aggregates.length > 0;
  return {
    code: 200,
    data: rows,
    cost: tableCost(name, query.filters.length, query.aggregates.length, query.limit),
    own: {
      limit: aggregates ? 10_000 : query.limit,
      offset: aggregates ? null : query.offset,
      rows: rows.length,
      ...(aggregates ? { pre_rows: rows.length } : {}),
      total_rows: totalRows,
      ...stateOf(world, chain),
    },
  };
}

function oneAddress(world: World, chain: ChainTables, address: string, request: UpstreamRequest): Found {
  const limit = firstNumber(request.query.get('limit'), 100);
  const details = request.query.get('transaction_details') === 'true';
  const dashboard = addressDashboard(world, chain, address, { limit, details });
  const ether = chain.coin.chain.family === 'ethereum';
  const own = { limit: ether ? limit : `${limit},${limit}`, offset: ether ? 0 : '0,0', results: 1 };
  if (!dashboard) return { code: 404, data: null, cost: 1, own: { error: `'${address}' is not an address` } };
  return { code: 200, data: { [address]: dashboard }, cost: 1, own: { ...own, ...stateOf(world, chain) } };
}

function manyAddresses(world: World, chain: ChainTables, addresses: string[], request: UpstreamRequest): Found {
  if (addresses.length > 100) throw new QueryError(`at most 100 addresses, ${addresses.length} given`);
  const limit = firstNumber(request.query.get('limit'), 100);
  const data = addressesDashboard(world, chain, addresses, limit);
  const results = isObject(data['addresses']) ? Object.keys(data['addresses']).length : 0;
  const own = { limit: `${limit},${limit}`, offset: '0,0', results, ...stateOf(world, chain) };
  return { code: 200, data, cost: dashboardCost(addresses.length), own };
}

function balances(world: World, chain: ChainTables, request: UpstreamRequest): Found {
  const text = request.form.get('addresses') ?? request.query.get('addresses') ?? '';
  const addresses = text.split(',').filter((address) => address !== '');
  if (addresses.length === 0) throw new QueryError('addresses must be given');
  if (addresses.length > 25_000) throw new QueryError(`at most 25000 addresses, ${addresses.length} given`);
  // Zero balances are left out, as are texts that are no addresses.
  const known = addresses.flatMap((address) => {
    const balance = addressOf(world, chain, address)?.fields['balance'];
    return balance ? [[address, balance] as const] : [];
  });
  const own = { results: known.length, ...stateOf(world, chain) };
  return { code: 200, data: Object.fromEntries(known), cost: balancesCost(addresses.length), own };
}

function stateOf(world: World, chain: ChainTables): Record<string, unknown> {
  const nowMs = world.now().getTime();
  const state = chain.timeline.lastAt(nowMs);
  const price = world.market.fair(chain.coin, nowMs)?.price ?? 0;
  return chain.coin.chain.family === 'ethereum'
    ? { state, state_layer_2: Math.max(0, state - 10), market_price_usd: price }
    : { state, market_price_usd: price };
}

/** `limit=10` or `limit=10,50` (transactions, unspent outputs). */
function firstNumber(text: string | null, fallback: number): number {
  const number = Number((text ?? '').split(',')[0] || fallback);
  if (!Number.isInteger(number) || number < 0 || number > 10_000) throw new QueryError(`Bad limit '${text}'`);
  return number;
}

/** A table answer as of a day without rows: no rows, or an aggregation over none. Other answers stay as they are. */
function withoutRows(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body['data']) || !isObject(body['context'])) return body;
  const { data, context: own } = body;
  if (own['offset'] !== null) return { data: [], context: { ...own, rows: 0, total_rows: 0 } };
  const names = Object.keys((data[0] as Record<string, unknown> | undefined) ?? {});
  return { data: [Object.fromEntries(names.map((name) => [name, name === 'count()' ? 0 : null]))], context: own };
}

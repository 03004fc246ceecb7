import { createWindow } from './limits';
import { isObject } from './json';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import type { Coin } from './world/coins';
import { dayMetrics } from './world/metrics';
import { DAY_MS, MINUTE_MS, dayNumber } from './world/time';
import type { World } from './world/world';

/** Only `/q` states a limit, one request in ten seconds; it stands for all. */
const PER_MINUTE = 6;

/** blockchain.info: Bitcoin's statistics and charts. */
export function createBlockchainInfo(world: World, options: { limited: boolean }): Upstream {
  const minute = createWindow(PER_MINUTE, MINUTE_MS);
  return {
    source: 'blockchaininfo',
    mounts: ['blockchaininfo'],
    errorBody,
    withoutRows: (body) => (isObject(body) && 'values' in body ? { ...body, values: [] } : body),
    answer(request) {
      if (options.limited && minute.take(request.client) > 0) return tooMany;
      if (request.path === '/stats') return { status: 200, body: stats(world) };
      const [, name] = /^\/charts\/([a-z-]+)$/.exec(request.path) ?? [];
      return name === undefined ? { status: 404, body: errorBody(404) } : chartAnswer(world, name, request);
    },
  };
}

const bitcoinOf = (world: World): Coin => world.coins.find(({ id }) => id === 'bitcoin')!;

/**
 * Upstream the figures of a day are those of the 24 hours before; here they are those of the last whole day, so that
 * they can be compared with the charts. Names lie about units, as upstream.
 */
function stats(world: World): unknown {
  const nowMs = world.now().getTime();
  const coin = bitcoinOf(world);
  const day = dayNumber(nowMs) - 1;
  const figures = dayMetrics(world, coin, day)!;
  const price = world.market.fair(coin, nowMs)!.price;
  const blocks = world.chains.get('bitcoin')!.timeline;
  const mined = blocks.blocksPerDay;
  const fees = 1_240_000_000;
  const satoshi = 312_500_000 * mined;
  return {
    timestamp: Math.floor(nowMs / 1000) * 1000,
    market_price_usd: price,
    hash_rate: figures.hashesPerSecond! / 1e9,
    total_fees_btc: fees,
    n_btc_mined: satoshi,
    n_tx: figures.transactions,
    n_blocks_mined: mined,
    minutes_between_blocks: Number((1440 / mined).toFixed(4)),
    totalbc: figures.supply * 100_000_000,
    n_blocks_total: blocks.lastAt(nowMs),
    estimated_transaction_volume_usd: figures.transferUsd,
    blocks_size: 248_000_000,
    miners_revenue_usd: ((satoshi + fees) / 1e8) * price,
    nextretarget: (Math.floor(blocks.lastAt(nowMs) / 2016) + 1) * 2016 - 1,
    difficulty: Math.round(figures.difficulty!),
    estimated_btc_sent: Math.round((figures.transferUsd / price) * 1e8),
    miners_revenue_btc: Math.floor((satoshi + fees) / 1e8),
    total_btc_sent: Math.round((figures.transferUsd / price) * 3e8),
    trade_volume_btc: 21_597.09,
    trade_volume_usd: 21_597.09 * price,
  };
}

interface Chart {
  title: string;
  unit: string;
  /** Of a day that is over: its figure, stamped with its start; of a moment: so it was then. */
  of: 'day' | 'moment';
  value(world: World, coin: Coin, day: number): number | undefined;
}

const CHARTS: Readonly<Record<string, Chart>> = {
  'hash-rate': {
    ...{ title: 'Hash Rate', unit: 'Hash Rate TH/s', of: 'day' },
    value: (world, coin, day) => (dayMetrics(world, coin, day)?.hashesPerSecond ?? 0) / 1e12,
  },
  difficulty: {
    ...{ title: 'Difficulty', unit: 'Difficulty', of: 'day' },
    value: (world, coin, day) => Math.round(dayMetrics(world, coin, day)?.difficulty ?? 0),
  },
  'n-transactions': {
    ...{ title: 'Confirmed Transactions Per Day', unit: 'Transactions', of: 'day' },
    value: (world, coin, day) => dayMetrics(world, coin, day)?.transactions,
  },
  'estimated-transaction-volume-usd': {
    ...{ title: 'Estimated Transaction Value (USD)', unit: 'USD', of: 'day' },
    value: (world, coin, day) => dayMetrics(world, coin, day)?.transferUsd,
  },
  'total-bitcoins': {
    ...{ title: 'Bitcoins in circulation', unit: 'BTC', of: 'moment' },
    value: (world, coin, day) => world.market.supplyAt(coin, day * DAY_MS),
  },
};

const SPAN_DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30, year: 365 };
/** Without `sampled=false` no answer has more points than this: days are left out without a word. */
const SAMPLED_POINTS = 1_500;

function chartAnswer(world: World, name: string, { query }: UpstreamRequest): Answer {
  const chart = CHARTS[name];
  if (!chart) return { status: 404, body: { status: 'not-found', error: 'Resource not found.' } };
  const nowMs = world.now().getTime();
  const coin = bitcoinOf(world);
  // a day's figure is there when the day is over
  const lastDay = dayNumber(nowMs) - (chart.of === 'day' ? 1 : 0);
  const days = spanDays(query.get('timespan') ?? '1year');
  const start = query.get('start');
  const first = start === null ? lastDay - days + 1 : dayNumber(Date.parse(start));
  if (Number.isNaN(first) || Number.isNaN(days))
    return { status: 400, body: { status: 'error', error: 'bad argument' } };
  const last = Math.min(lastDay, first + days - 1);
  const all = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  const step = query.get('sampled') === 'false' ? 1 : Math.ceil(all.length / SAMPLED_POINTS);
  const values = all
    .filter((_, index) => index % Math.max(1, step) === 0)
    .flatMap((day) => {
      const y = chart.value(world, coin, day);
      return y === undefined ? [] : [{ x: (day * DAY_MS) / 1000, y }];
    });
  const description = `${chart.title} of the simulated world.`;
  return {
    status: 200,
    body: { status: 'ok', name: chart.title, unit: chart.unit, period: 'day', description, values },
  };
}

/** `3days`, `5weeks`, `1year`, `all`. */
function spanDays(text: string): number {
  if (text === 'all') return 100_000;
  const [, many, unit = ''] = /^(\d+)(day|week|month|year)s?$/.exec(text) ?? [];
  return Number(many) * (SPAN_DAYS[unit] ?? Number.NaN);
}

const tooMany: Answer = {
  status: 429,
  body: Buffer.from(
    '<html><body>Maximum concurrent requests for this endpoint reached. Please try again shortly.</body></html>',
  ),
  headers: { 'content-type': 'text/html; charset=UTF-8' },
};

function errorBody(status: number): unknown {
  if (status === 404) return { status: 'not-found', error: 'Resource not found.' };
  return { status: 'error', error: status === 429 ? 'Too many requests' : 'Internal Server Error' };
}

import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import { compareDecimals, rawText } from '../numbers';
import type { Page, PageContext, RangeContext, Reject, Row, SourceHttp } from '../source';
import { history, range } from './schema';

const dayMs = 86_400_000;

/** Above 90 days the API answers with daily points at 00:00 UTC, the snapshot that a date's price is. */
const dailyPointsFromDays = 92;

/**
 * Price, volume and market cap in USD at the 00:00 UTC snapshot that begins the date: one call, one row.
 * Throws NotAvailable for a day before the coin was listed.
 */
export async function fetchPrice(http: SourceHttp, { coin, date }: PageContext): Promise<Page> {
  const [year, month, day] = date.split('-');
  const body = await http.getJson({
    path: `/coins/${encodeURIComponent(coin.sourceId)}/history`,
    query: { date: `${day}-${month}-${year}`, localization: 'false' },
  });
  const answer = history.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko history', answer.error.issues, body);
  const { market_data: data } = answer.data;
  if (!data)
    throw new SourceFailure('NotAvailable', `coingecko has no price of ${coin.coinId} on ${date}: not listed then`);
  return split(
    [priceRow(coin.coinId, date, data.current_price.usd, data.total_volume.usd, data.market_cap.usd)],
    body,
    1,
  );
}

/**
 * The same for every date of a range with one call. A date without its 00:00 point is left out: the caller sees which.
 * The window is widened to more than 90 days, within what the plan sees, so that the points are the daily ones.
 */
export async function fetchPriceRange(http: SourceHttp, { coin, from, to, today, plan }: RangeContext): Promise<Page> {
  const first = Date.parse(from);
  const last = Date.parse(to);
  const oldest = plan.historyDays === undefined ? 0 : Date.parse(today) - (plan.historyDays - 1) * dayMs;
  const start = Math.min(first, Math.max(oldest, last - dailyPointsFromDays * dayMs));
  const end = Math.max(last, start + dailyPointsFromDays * dayMs);
  const body = await http.getJson({
    path: `/coins/${encodeURIComponent(coin.sourceId)}/market_chart/range`,
    query: { vs_currency: 'usd', from: start / 1_000, to: end / 1_000 },
  });
  const answer = range.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko market chart', answer.error.issues, body);
  const volumes = new Map(answer.data.total_volumes);
  const caps = new Map(answer.data.market_caps);
  // a map, since the last point can repeat the last day
  const rows = [...new Map(answer.data.prices)]
    .filter(([ms]) => ms % dayMs === 0 && ms >= first && ms <= last)
    .map(([ms, price]) =>
      priceRow(coin.coinId, new Date(ms).toISOString().slice(0, 10), price, volumes.get(ms), caps.get(ms)),
    );
  return split(rows, undefined, rows.length);
}

interface PriceRow extends Row {
  coin_id: string;
  price_date: string;
  price_usd: string | null;
  volume_usd: string | null;
  market_cap_usd: string | null;
}

function priceRow(
  coin_id: string,
  price_date: string,
  price?: string | null,
  volume?: string | null,
  cap?: string | null,
): PriceRow {
  // CoinGecko writes 0 for an unknown market cap (SOURCES b): unknown is NULL
  const market_cap_usd = cap === undefined || cap === '0' ? null : cap;
  return { coin_id, price_date, price_usd: price ?? null, volume_usd: volume ?? null, market_cap_usd };
}

function split(candidates: readonly PriceRow[], body: unknown, expected: number): Page {
  const rows: Row[] = [];
  const rejects: Reject[] = [];
  for (const row of candidates) {
    const problem = priceProblem(row);
    if (problem) rejects.push({ key: `${row.coin_id} ${row.price_date}`, ...problem, raw: rawText(body ?? row) });
    else rows.push(row);
  }
  return { rows, rejects, next: null, resume: null, expected };
}

function priceProblem(row: PriceRow): { field: string; reason: string } | undefined {
  if (row.price_usd === null) return { field: 'price_usd', reason: 'the price is missing' };
  if (compareDecimals(row.price_usd, '0') <= 0)
    return { field: 'price_usd', reason: `price ${row.price_usd} is not above 0` };
  for (const field of ['volume_usd', 'market_cap_usd'] as const) {
    const value = row[field];
    if (value !== null && compareDecimals(value, '0') < 0) return { field, reason: `${field} ${value} is negative` };
  }
  return undefined;
}

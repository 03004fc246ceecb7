import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import type { Observation } from '../observation';
import { count, rawText } from '../numbers';
import { readFields } from '../observed';
import type { Page, PageContext, RangeContext, Reject, SourceCoin, SourceHttp } from '../source';
import { capChart } from './schema';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/**
 * How old a capitalisation may be. Past days have a point an hour, stamped up to five minutes late: less would leave
 * slots of the past without one.
 */
export const capMaxAgeMinutes = 75;

/** Up to 90 days the points are hourly, beyond that daily: a range never asks for more. */
const hourlyDays = 90;

/** Capitalisation of one coin over one date, from what the date's first slot may still use to the date's end. */
export async function fetchCapPage(http: SourceHttp, { coin, date }: PageContext): Promise<Page> {
  const end = Date.parse(date) + dayMs - 1;
  const page = await fetchCaps(http, coin, Date.parse(date) - capMaxAgeMinutes * minuteMs, end);
  if (page.observations.length === 0 && page.rejects.length === 0)
    throw new SourceFailure('NotAvailable', `coingecko has no market cap of ${coin.coinId} on ${date}`);
  return page;
}

/**
 * The same for many dates with one call. Of exactly 90 dates the first slot finds nothing from before; of more, the
 * source has a point a day only.
 */
export async function fetchCapRange(http: SourceHttp, { coin, from, to, today, plan }: RangeContext): Promise<Page> {
  const end = Date.parse(to) + dayMs - 1;
  const first = Date.parse(from);
  const oldest = plan.historyDays === undefined ? 0 : Date.parse(today) - (plan.historyDays - 1) * dayMs;
  const hourlyFrom = end - hourlyDays * dayMs;
  const before = Math.max(first - capMaxAgeMinutes * minuteMs, oldest);
  return fetchCaps(http, coin, hourlyFrom <= first ? Math.max(before, hourlyFrom) : before, end);
}

async function fetchCaps(
  http: SourceHttp,
  coin: SourceCoin,
  startMs: number,
  endMs: number,
): Promise<Page & { observations: readonly Observation[] }> {
  const body = await http.getJson({
    path: `/coins/${encodeURIComponent(coin.sourceId)}/market_chart/range`,
    query: { vs_currency: 'usd', from: Math.ceil(startMs / 1_000), to: Math.floor(endMs / 1_000) },
  });
  const answer = capChart.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko market chart', answer.error.issues, body);
  // a map, since the last point can repeat the last day
  const observations = new Map<number, Observation>();
  const rejects: Reject[] = [];
  for (const point of answer.data.market_caps) {
    const [at, cap] = Array.isArray(point) ? (point as unknown[]) : [];
    const ms = count.safeParse(at);
    if (!ms.success) {
      rejects.push({
        key: coin.coinId,
        field: 'market_caps',
        reason: 'market_caps: expected a time',
        raw: rawText(point),
      });
      continue;
    }
    if (ms.data < startMs || ms.data > endMs) continue;
    const read = readFields(coin.coinId, { cap }, { market_cap: { key: 'cap', zeroIsUnknown: true } });
    const asOf = new Date(ms.data).toISOString();
    rejects.push(...read.rejects.map((reject) => ({ ...reject, key: `${coin.coinId} ${asOf.slice(0, 10)}` })));
    if (read.fields.market_cap) observations.set(ms.data, { coinId: coin.coinId, asOf, fields: read.fields });
  }
  return { rows: [], rejects, next: null, resume: null, observations: [...observations.values()] };
}

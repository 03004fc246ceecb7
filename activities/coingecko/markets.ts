import { schemaMismatch } from '../http';
import type { Observation, ReadingAnswer, ReadingContext } from '../observation';
import { instant, readFields, type FieldReaders } from '../observed';
import { rawText } from '../numbers';
import type { Reject, SourceHttp } from '../source';
import { markets, withId } from './schema';

/** The documented maximum of one page. */
export const marketsBatch = 250;

// a 0 of these is a coin of which nothing is known (SOURCES b)
export const marketFields = {
  circulating_supply: { key: 'circulating_supply', zeroIsUnknown: true },
  total_supply: { key: 'total_supply', zeroIsUnknown: true },
  // null: there is no limit, or none is known
  max_supply: { key: 'max_supply', zeroIsUnknown: true },
  market_cap: { key: 'market_cap', zeroIsUnknown: true },
} as const satisfies FieldReaders;

/** Supply and capitalisation of up to 250 coins with one call. Coins that the source no longer knows are simply absent. */
export async function fetchMarkets(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const body = await http.getJson({
    path: '/coins/markets',
    // with a space behind the comma only the first id would be known
    query: { vs_currency: 'usd', ids: assets.map((asset) => asset.sourceId).join(','), per_page: marketsBatch },
  });
  const answer = markets.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko markets', answer.error.issues, body);
  const coinIds = new Map(assets.map((asset) => [asset.sourceId, asset.coinId]));
  const observations: Observation[] = [];
  const rejects: Reject[] = [];
  for (const raw of answer.data) {
    const row = withId.safeParse(raw).data;
    const coinId = row && coinIds.get(row.id);
    if (!row) rejects.push({ key: null, field: 'id', reason: 'id: a row without an id', raw: rawText(raw) });
    if (!row || coinId === undefined) continue;
    // a dead coin: listed, without a time and without values that anyone still measures
    if (row.last_updated === null) continue;
    const asOf = instant(row.last_updated);
    if (asOf === undefined) {
      const reason = 'last_updated: expected a time';
      rejects.push({ key: coinId, field: 'last_updated', reason, raw: rawText(row.last_updated) });
      continue;
    }
    const read = readFields(coinId, row, marketFields);
    observations.push({ coinId, asOf, fields: read.fields });
    rejects.push(...read.rejects);
  }
  return { observations, rejects };
}

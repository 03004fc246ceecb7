import { schemaMismatch } from '../http';
import { rawText } from '../numbers';
import type { Page, PageContext, SourceHttp } from '../source';
import { market, markets, withId } from './schema';

/** The documented maximum of one page. */
const batchSize = 250;

/**
 * Name, ticker and rank of the known coins and assets, 250 a call. An id that the source leaves out, it lists no more:
 * its row has nothing but the id.
 */
export async function fetchCoins(http: SourceHttp, { coins, cursor }: PageContext): Promise<Page> {
  const ids = coins.map((coin) => coin.sourceId).toSorted();
  const left = ids.filter((id) => cursor === null || id > cursor);
  const batch = left.slice(0, batchSize);
  const body = await http.getJson({
    path: '/coins/markets',
    query: { vs_currency: 'usd', ids: batch.join(','), per_page: batchSize },
  });
  const answer = markets.safeParse(body);
  if (!answer.success) throw schemaMismatch('coingecko markets', answer.error.issues, body);
  const items = answer.data.map((raw) => ({ raw, parsed: market.safeParse(raw) }));
  const rows = items.flatMap(({ parsed }) =>
    parsed.success
      ? [
          {
            coingecko_id: parsed.data.id,
            symbol: parsed.data.symbol.toUpperCase(),
            name: parsed.data.name,
            market_cap_rank: parsed.data.market_cap_rank,
          },
        ]
      : [],
  );
  const answered = new Set(items.map(({ raw }) => withId.safeParse(raw).data?.id));
  // an item without id could be any of them
  const absent = answered.has(undefined) ? [] : batch.filter((id) => !answered.has(id));
  const gone = absent.map((id) => ({ coingecko_id: id, symbol: null, name: null, market_cap_rank: null }));
  const rejects = items.flatMap(({ raw, parsed }) => {
    if (parsed.success) return [];
    const issue = parsed.error.issues[0]!;
    const field = issue.path.map(String).join('.') || null;
    const key = withId.safeParse(raw).data?.id ?? null;
    return [{ key, field, reason: `${field ?? 'row'}: ${issue.message}`, raw: rawText(raw) }];
  });
  return {
    rows: [...rows, ...gone],
    rejects,
    next: left.length > batch.length ? batch.at(-1)! : null,
    resume: null,
    expected: left.length,
  };
}

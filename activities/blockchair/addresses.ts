import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import type { Page, PageContext, SourceHttp } from '../source';
import { addressProblem, addressRow, isEthereum, sort } from './rows';
import { addressAnswer, addressesAnswer, bitcoinAddress, ethereumAddress } from './schema';

/** The documented maximum of one batch is 100. */
const batchSize = 100;

/**
 * The present state of the given addresses, in alphabetical batches: one dashboard call for up to 100 on Bitcoin-like
 * chains, one call each on Ethereum, which has no batch. The cursor is the last address that was asked for.
 */
export async function fetchAddresses(http: SourceHttp, { coin, cursor, addresses }: PageContext): Promise<Page> {
  const left = addresses.filter((address) => cursor === null || address > cursor);
  const batch = left.slice(0, isEthereum(coin) ? 1 : batchSize);
  if (batch.length === 0) return { rows: [], rejects: [], next: null };
  const next = left.length > batch.length ? batch.at(-1)! : null;
  const found = isEthereum(coin)
    ? await fetchAccount(http, coin.sourceId, batch[0]!)
    : await fetchBatch(http, coin.sourceId, batch);
  const items = found.map(({ address, raw }) => {
    const parsed = (isEthereum(coin) ? ethereumAddress : bitcoinAddress).safeParse(raw);
    return {
      raw: { address, ...(raw as object) },
      parsed: parsed.success ? { success: true as const, data: { address, item: parsed.data } } : parsed,
    };
  });
  const split = sort(
    items,
    ['address'],
    ({ item }) => addressProblem(item),
    ({ address, item }) => addressRow(coin, address, item),
  );
  const missing = batch
    .filter((address) => !found.some((each) => each.address === address))
    .map((address) => ({
      key: address,
      field: null,
      reason: 'the source does not know this address',
      raw: address,
      absent: true,
    }));
  return { rows: split.rows, rejects: [...split.rejects, ...missing], next, resume: null, expected: left.length };
}

interface Found {
  address: string;
  raw: unknown;
}

async function fetchBatch(http: SourceHttp, chain: string, batch: readonly string[]): Promise<Found[]> {
  const body = await http.getJson({
    path: `/${chain}/dashboards/addresses/${batch.map(encodeURIComponent).join(',')}`,
    query: { limit: '0,0' },
    cost: 1 + 0.1 * (batch.length - 1),
  });
  const answer = addressesAnswer.safeParse(body);
  if (!answer.success) throw schemaMismatch('blockchair addresses', answer.error.issues, body);
  const { data } = answer.data;
  return data === null || Array.isArray(data)
    ? []
    : Object.entries(data.addresses).map(([address, raw]) => ({ address, raw }));
}

async function fetchAccount(http: SourceHttp, chain: string, address: string): Promise<Found[]> {
  const body = await http
    .getJson({ path: `/${chain}/dashboards/address/${encodeURIComponent(address)}`, query: { limit: 0 }, cost: 1 })
    .catch((error: unknown) => {
      // 404 is about this one address: the others of the run go on
      if (error instanceof SourceFailure && error.type === 'NotAvailable') return { data: null };
      throw error;
    });
  const answer = addressAnswer.safeParse(body);
  if (!answer.success) throw schemaMismatch('blockchair address', answer.error.issues, body);
  const { data } = answer.data;
  return data === null || Array.isArray(data)
    ? []
    : Object.values(data).map((each) => ({ address, raw: each.address }));
}

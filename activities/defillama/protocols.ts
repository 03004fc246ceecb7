import { schemaMismatch } from '../http';
import { amount, compareDecimals, rawText } from '../numbers';
import type { ReadingAnswer, ReadingContext } from '../observation';
import type { Reject, SourceHttp } from '../source';
import { chainNames } from './names';
import { protocol, protocols } from './schema';

/** Smaller ones are not counted. */
const leastTvlUsd = '100000';

/** Listed beside the protocols, but no DeFi: exchanges' reserves, and chains' own bridges. DeFiLlama's totals leave both out. */
const noProtocols: ReadonlySet<string> = new Set(['CEX', 'Chain']);

/**
 * How many protocols have more than 100,000 USD on a chain. Counted is what DeFiLlama lists as a protocol: the versions
 * of one project (aave-v2, aave-v3) are several, the project above them (`parentProtocol`) is none. What is merely
 * staked, borrowed, vested or in a pool of the own token (`Ethereum-staking`, `pool2`) does not count. About 10 MB.
 */
export async function fetchProtocols(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const body = await http.getJson({ path: '/protocols' });
  const answer = protocols.safeParse(body);
  if (!answer.success) throw schemaMismatch('defillama protocols', answer.error.issues, body);
  const counts = assets.map((asset) => ({
    coinId: asset.coinId,
    names: chainNames(asset),
    isKnown: false,
    count: 0,
  }));
  const rejects: Reject[] = [];
  for (const raw of answer.data) {
    const row = protocol.safeParse(raw);
    if (!row.success) {
      const { path, message } = row.error.issues[0]!;
      rejects.push({ key: null, field: path.join('.') || null, reason: `protocol: ${message}`, raw: rawText(raw) });
      continue;
    }
    const { name, category, chainTvls } = row.data;
    if (!chainTvls || noProtocols.has(category ?? '')) continue;
    for (const chain of counts) {
      for (const chainName of chain.names) {
        const tvl = chainTvls[chainName];
        if (tvl === undefined || tvl === null) continue;
        const usd = amount.safeParse(tvl);
        if (!usd.success) {
          const reason = `${name}: ${usd.error.issues[0]!.message}`;
          rejects.push({ key: chain.coinId, field: 'chainTvls', reason, raw: rawText(tvl) });
          continue;
        }
        chain.isKnown = true;
        if (compareDecimals(usd.data, leastTvlUsd) <= 0) continue;
        chain.count += 1;
        // a protocol counts once, whatever its chain is called
        break;
      }
    }
  }
  return {
    // of a chain that no protocol names nothing is known
    observations: counts
      .filter(({ isKnown }) => isKnown)
      .map(({ coinId, count }) => ({ coinId, asOf: null, fields: { defi_protocols_count: { value: String(count) } } })),
    rejects,
  };
}

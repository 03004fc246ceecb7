import { z } from 'zod';
import { configuredSource, type ActivityDeps } from '../../activities/deps';
import { httpFor } from '../../activities/ask-source';
import { findDataset, sources } from '../../activities/registry';
import { listAssets } from '../../db/queries/assets';
import { addAsset, addCoin, correctCoin, listCoinRows, listCoins, type CoinWords } from '../../db/queries/coins';
import { ensureBudgets } from './budgets';
import { changeWithLog } from './changes';
import { UsageError, type Action, type Answer, type Call } from './command';
import type { Connections } from './connections';

const networkTypes = ['pow', 'pos', 'hybrid', 'token'] as const;

export const add: Action = {
  says: 'add a coin, or correct one that is there',
  args: ['<coin>'],
  options: {
    symbol: { value: '<ticker>', says: 'BTC; looked up at CoinGecko when left out' },
    name: { value: '<name>', says: 'Bitcoin; looked up at CoinGecko when left out' },
    blockchair: { value: '<chain>', says: "the chain in Blockchair's paths (bitcoin-cash); without it prices only" },
    network: { value: '<type>', says: `${networkTypes.join(', ')}; token when left out` },
    'source-ids': { value: '<json>', says: "the sources' own ids; null removes one, others stay" },
    'collect-only': { says: 'collected every 15 minutes, but not ingested daily' },
  },
  notes: [
    '<coin> is the CoinGecko id, the name of the coin everywhere. What is given here stays as given: syncCoins does not overwrite it.',
  ],
  examples: [
    'coins add monero --network pow',
    `coins add sonic-3 --collect-only --network pos --source-ids '{"defillama":"Sonic"}'`,
    'coins add bitcoin-sv --symbol BSV --name "Bitcoin SV" --blockchair bitcoin-sv --network pow',
  ],
  async run(call, connections) {
    const coinId = call.arg('coin').toLowerCase();
    const said: CoinWords = {
      ...given('symbol', call.text('symbol')?.toUpperCase()),
      ...given('name', call.text('name')),
      ...given('blockchair_id', call.text('blockchair')),
      ...given('network_type', call.oneOf('network', networkTypes)),
      ...given('source_ids', sourceIds(call.text('source-ids'))),
    };
    const db = await connections.db();
    const known = await listCoins(db);
    const present = known.find((coin) => coin.coinId === coinId);
    if (present) return correct(call, connections, { ...present, isDaily: true }, said);
    const collectOnly = call.isSet('collect-only');
    const asset = (await listAssets(db)).find((each) => each.coinId === coinId);
    if (collectOnly && asset) return correct(call, connections, { ...asset, isDaily: false }, said);
    if (collectOnly && said.blockchair_id !== undefined)
      throw new UsageError('--blockchair is for chains that are ingested daily - leave it out, or --collect-only');

    const { symbol, name } =
      said.symbol && said.name
        ? { symbol: said.symbol, name: said.name }
        : { ...(await lookUp(await connections.deps(), coinId)), ...said };
    const owner = known.find((coin) => coin.symbol === symbol);
    if (owner && !collectOnly)
      throw new Error(
        `${coinId} cannot be added as ${symbol} - that is the ticker of ${owner.coinId}, and raw tables know a chain by its ticker - give another one with --symbol`,
      );
    const coin = {
      coinId,
      symbol,
      name,
      blockchairId: said.blockchair_id ?? null,
      networkType: said.network_type ?? 'token',
    };
    const done = await changeWithLog(db, { what: 'coins', coinId, coinSymbol: symbol }, async (trx) => {
      const type = await (collectOnly ? addAsset : addCoin)(trx, coin, said);
      const chain = collectOnly
        ? 'collected only'
        : coin.blockchairId === null
          ? 'prices only'
          : `chain ${coin.blockchairId}`;
      return { message: `added ${coinId} (${symbol}, ${name}, ${type}, ${chain})`, inserted: 1 };
    });
    const { document, lines } = await answer(connections, coinId, done.message);
    const others = networkTypes.filter((type) => type !== coin.networkType).join('|');
    const hint = `its network type is assumed; to correct it: npm run cli -- coins add ${coinId} --network ${others}`;
    return { document, lines: said.network_type === undefined ? [...lines, hint] : lines };
  },
};

async function correct(
  call: Call,
  connections: Connections,
  coin: { coinId: string; symbol: string; isDaily: boolean },
  said: CoinWords,
): Promise<Answer> {
  if (coin.isDaily && said.symbol !== undefined && said.symbol !== coin.symbol) {
    throw new Error(
      `the ticker of ${coin.coinId} stays ${coin.symbol} - the raw tables know its chain by it - leave out --symbol`,
    );
  }
  const words = Object.entries(said).map(([column, value]) => `${column} ${value}`);
  if (words.length === 0)
    throw new Error(
      `${call.arg('coin')} is there already - nothing was given to correct - to ingest it again: npm run cli -- coins enable ${coin.coinId}`,
    );
  const done = await changeWithLog(
    await connections.db(),
    { what: 'coins', coinId: coin.coinId, coinSymbol: coin.symbol },
    async (trx) => {
      await correctCoin(trx, coin.coinId, said);
      return { message: `corrected ${coin.coinId}: ${words.join(', ')}`, updated: 1 };
    },
  );
  return answer(connections, coin.coinId, done.message);
}

export async function answer(connections: Connections, coinId: string, message: string): Promise<Answer> {
  const rows = await listCoinRows(await connections.db());
  const coin = rows.find((row) => row.coingecko_id === coinId);
  const asset = (await listAssets(await connections.db())).find((each) => each.coinId === coinId);
  return { document: { done: message, coin: coin ?? null, asset: asset ?? null }, lines: [message] };
}

function given<K extends keyof CoinWords>(column: K, value: CoinWords[K]): Pick<CoinWords, K> | undefined {
  return value === undefined ? undefined : ({ [column]: value } as Pick<CoinWords, K>);
}

/** The ids as given. Throws UsageError unless they are an object of texts by source. */
function sourceIds(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const names = sources.flatMap(({ name, observe }) => (observe ? [name] : []));
  const parsed = idsShape.safeParse(parsedJson(text));
  const unknown = parsed.success ? Object.keys(parsed.data).find((name) => !names.includes(name)) : undefined;
  if (parsed.success && unknown === undefined) return JSON.stringify(parsed.data);
  const problem = unknown === undefined ? 'is not right' : `names a source ${unknown}, which there is not`;
  throw new UsageError(
    `--source-ids ${text} ${problem} - it has to be JSON like '{"github":["bitcoin/bitcoin"]}', with ids by source (${names.join(', ')}) - correct it`,
  );
}

const id = z.string().min(1);
const idsShape = z.record(z.string(), z.union([id, z.array(id).min(1), z.null()]));

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One request to the source that names coins. Throws where it does not know the id. */
async function lookUp(deps: ActivityDeps, coinId: string): Promise<{ symbol: string; name: string }> {
  await ensureBudgets(deps);
  const named = findDataset('coingecko.coins');
  const coin = { coinId, symbol: '', sourceId: coinId };
  const page = await named.dataset.fetchPage(httpFor(deps, named, 'live', new AbortController().signal), {
    coin,
    coins: [coin],
    assets: [],
    date: new Date().toISOString().slice(0, 10),
    cursor: null,
    addresses: [],
    plan: configuredSource(deps, named.source.name).plan,
  });
  const row = page.rows.find((each) => each.coingecko_id === coinId && each.name !== null);
  if (!row)
    throw new Error(
      `CoinGecko does not know a coin "${coinId}" - it wants its own id, not a ticker - take it from the coin's page, or give --symbol and --name`,
    );
  return { symbol: String(row.symbol), name: String(row.name) };
}

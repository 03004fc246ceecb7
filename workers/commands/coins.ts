import { resolveCoin } from '../../activities/coins';
import { configuredSource, type ActivityDeps } from '../../activities/deps';
import { httpFor } from '../../activities/ask-source';
import { findDataset } from '../../activities/registry';
import { addCoin, correctCoin, listCoinRows, listCoins, setCoinEnabled, type CoinWords } from '../../db/queries/coins';
import { table } from '../output';
import { ensureBudgets } from './budgets';
import { changeWithLog } from './changes';
import type { Action, Answer, Call, Command } from './command';
import type { Connections } from './connections';

const networkTypes = ['pow', 'pos', 'hybrid', 'token'] as const;

const add: Action = {
  says: 'add a coin, or correct one that is there',
  args: ['<coin>'],
  options: {
    symbol: { value: '<ticker>', says: 'BTC; looked up at CoinGecko when left out' },
    name: { value: '<name>', says: 'Bitcoin; looked up at CoinGecko when left out' },
    blockchair: { value: '<chain>', says: "the chain in Blockchair's paths (bitcoin-cash); without it prices only" },
    network: { value: '<type>', says: `${networkTypes.join(', ')}; token when left out` },
  },
  notes: [
    '<coin> is the CoinGecko id, the name of the coin everywhere. What is given here stays as given: syncCoins does not overwrite it.',
  ],
  examples: [
    'coins add monero --network pow',
    'coins add bitcoin-sv --symbol BSV --name "Bitcoin SV" --blockchair bitcoin-sv --network pow',
  ],
  async run(call, connections) {
    const coinId = call.arg('coin').toLowerCase();
    const said: CoinWords = {
      ...given('symbol', call.text('symbol')?.toUpperCase()),
      ...given('name', call.text('name')),
      ...given('blockchair_id', call.text('blockchair')),
      ...given('network_type', call.oneOf('network', networkTypes)),
    };
    const db = await connections.db();
    const known = await listCoins(db);
    const present = known.find((coin) => coin.coinId === coinId);
    if (present) return correct(call, connections, present, said);

    const { symbol, name } =
      said.symbol && said.name
        ? { symbol: said.symbol, name: said.name }
        : { ...(await lookUp(await connections.deps(), coinId)), ...said };
    const owner = known.find((coin) => coin.symbol === symbol);
    if (owner)
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
      const type = await addCoin(trx, coin, said);
      const chain = coin.blockchairId === null ? 'prices only' : `chain ${coin.blockchairId}`;
      return { message: `added ${coinId} (${symbol}, ${name}, ${type}, ${chain})`, inserted: 1 };
    });
    const { document, lines } = await answer(connections, coinId, done.message);
    const others = networkTypes.filter((type) => type !== coin.networkType).join('|');
    const hint = `its network type is assumed; to correct it: npm run cli -- coins add ${coinId} --network ${others}`;
    return { document, lines: said.network_type === undefined ? [...lines, hint] : lines };
  },
};

const list: Action = {
  says: 'all coins',
  examples: ['coins list', 'coins list --json'],
  async run(_call, connections) {
    const rows = await listCoinRows(await connections.db());
    const header = ['coin', 'ticker', 'name', 'rank', 'network', 'blockchair', 'enabled', 'last date'];
    const cells = rows.map((row) => [
      ...[row.coingecko_id, row.symbol, row.name, row.market_cap_rank, row.network_type, row.blockchair_id],
      Boolean(row.is_active && row.ingestion_enabled),
      row.last_ingested_date,
    ]);
    return { document: rows, lines: table(cells, { header }) };
  },
};

export const coins: Command = {
  name: 'coins',
  summary: 'which coins are ingested',
  actions: { add, list, enable: switchAction(true), disable: switchAction(false) },
};

function switchAction(enabled: boolean): Action {
  const word = enabled ? 'enable' : 'disable';
  return {
    says: enabled ? 'ingest the coin every day' : 'leave the coin out of daily ingestion; its rows stay',
    args: ['<coin>'],
    examples: [`coins ${word} dogecoin`],
    async run(call, connections) {
      const db = await connections.db();
      const coin = await resolveCoin(db, call.arg('coin'));
      const isSo = coin.ingestionEnabled === enabled && (coin.isActive || !enabled);
      const done = await changeWithLog(
        db,
        { what: 'coins', coinId: coin.coinId, coinSymbol: coin.symbol },
        async (trx) => {
          await setCoinEnabled(trx, coin.coinId, enabled);
          return {
            message: `${word}d ${coin.coinId}${isSo ? ', which it was already' : ''}`,
            ...(isSo ? { unchanged: 1 } : { updated: 1 }),
          };
        },
      );
      return answer(connections, coin.coinId, done.message);
    },
  };
}

async function correct(
  call: Call,
  connections: Connections,
  coin: { coinId: string; symbol: string },
  said: CoinWords,
): Promise<Answer> {
  const { symbol, ...others } = said;
  if (symbol !== undefined && symbol !== coin.symbol) {
    throw new Error(
      `the ticker of ${coin.coinId} stays ${coin.symbol} - the raw tables know its chain by it - leave out --symbol`,
    );
  }
  const words = Object.entries(others).map(([column, value]) => `${column} ${value}`);
  if (words.length === 0)
    throw new Error(
      `${call.arg('coin')} is there already - nothing was given to correct - to ingest it again: npm run cli -- coins enable ${coin.coinId}`,
    );
  const done = await changeWithLog(
    await connections.db(),
    { what: 'coins', coinId: coin.coinId, coinSymbol: coin.symbol },
    async (trx) => {
      await correctCoin(trx, coin.coinId, others);
      return { message: `corrected ${coin.coinId}: ${words.join(', ')}`, updated: 1 };
    },
  );
  return answer(connections, coin.coinId, done.message);
}

async function answer(connections: Connections, coinId: string, message: string): Promise<Answer> {
  const rows = await listCoinRows(await connections.db());
  return { document: { done: message, coin: rows.find((row) => row.coingecko_id === coinId) }, lines: [message] };
}

function given<K extends keyof CoinWords>(column: K, value: CoinWords[K]): Pick<CoinWords, K> | undefined {
  return value === undefined ? undefined : ({ [column]: value } as Pick<CoinWords, K>);
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
  const row = page.rows.find((each) => each.coingecko_id === coinId);
  if (!row)
    throw new Error(
      `CoinGecko does not know a coin "${coinId}" - it wants its own id, not a ticker - take it from the coin's page, or give --symbol and --name`,
    );
  return { symbol: String(row.symbol), name: String(row.name) };
}

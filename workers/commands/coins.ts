import type { Kysely } from 'kysely';
import { findAsset } from '../../activities/assets';
import { findCoin } from '../../activities/coins';
import { listAssets } from '../../db/queries/assets';
import { listProposals } from '../../db/queries/coin-proposals';
import { listCoinRows, listCoins, setCoinEnabled } from '../../db/queries/coins';
import type { Schema } from '../../db/schema';
import { table } from '../output';
import { changeWithLog } from './changes';
import type { Action, Command } from './command';
import type { Connections } from './connections';
import { add, answer } from './coins-add';

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
    return { document: rows, lines: [...table(cells, { header }), ...(await proposalLines(connections))] };
  },
};

const assets: Action = {
  says: "all assets that are collected, with the sources' own ids, and what CoinGecko says differently",
  examples: ['coins assets', 'coins assets --json'],
  async run(_call, connections) {
    const db = await connections.db();
    const [rows, proposals] = await Promise.all([listAssets(db), listProposals(db)]);
    const cells = rows.map(({ coinId, symbol, name, kind, isActive, sourceIds }) => [
      ...[coinId, symbol, name, kind, isActive],
      // MySQL gives keys in an order of its own, MariaDB as they were written
      Object.entries(sourceIds)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([source, ids]) => `${source} ${[ids].flat().join('+')}`)
        .join(', '),
    ]);
    const header = ['coin', 'ticker', 'name', 'network', 'collected', "the sources' ids"];
    return {
      document: { assets: rows, proposals },
      lines: [...table(cells, { header }), ...(await proposalLines(connections))],
    };
  },
};

/** What syncCoins found and leaves to an operator, each with what to do about it. */
async function proposalLines(connections: Connections): Promise<string[]> {
  const proposals = await listProposals(await connections.db());
  const lines = proposals.map(({ coinId, kind, ours, theirs, isDaily }) => {
    const cli = 'npm run cli -- coins';
    if (kind === 'gone') return `${coinId}: CoinGecko lists it no more; to leave it out: ${cli} disable ${coinId}`;
    return isDaily
      ? `${coinId}: CoinGecko calls it ${theirs}; ${ours} stays, as raw tables know the chain by it; to say so: ${cli} add ${coinId} --symbol ${ours}`
      : `${coinId}: CoinGecko calls it ${theirs}, we ${ours}; to decide: ${cli} add ${coinId} --collect-only --symbol ${theirs}`;
  });
  return lines.length > 0 ? ['', ...lines] : [];
}

export const coins: Command = {
  name: 'coins',
  summary: 'which coins are ingested, and which assets are collected',
  actions: { add, list, assets, enable: switchAction(true), disable: switchAction(false) },
};

function switchAction(enabled: boolean): Action {
  const word = enabled ? 'enable' : 'disable';
  return {
    says: enabled
      ? 'ingest the coin every day, and collect it'
      : 'leave the coin out of daily ingestion and collection; its rows stay',
    args: ['<coin>'],
    examples: [`coins ${word} dogecoin`],
    async run(call, connections) {
      const db = await connections.db();
      const coin = await coinOrAsset(db, call.arg('coin'));
      const isSo = coin.isActive === enabled;
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

/** A coin that is ingested, else an asset that is only collected. Throws BadInput for an unknown name. */
async function coinOrAsset(
  db: Kysely<Schema>,
  name: string,
): Promise<{ coinId: string; symbol: string; isActive: boolean }> {
  const known = await listCoins(db);
  const asset = (await listAssets(db)).find(
    (each) => each.coinId === name.toLowerCase() || each.symbol === name.toUpperCase(),
  );
  const isCoin = known.some((coin) => coin.coinId === name.toLowerCase() || coin.symbol === name.toUpperCase());
  if (asset && !isCoin) return findAsset(await listAssets(db), name);
  const coin = findCoin(known, name);
  return { ...coin, isActive: coin.ingestionEnabled && coin.isActive };
}

import { resolveCoin } from '../../activities/coins';
import {
  addWatchedAddress,
  listWatchedAddresses,
  removeWatchedAddress,
  watchedAddresses,
} from '../../db/queries/watched-addresses';
import { table } from '../output';
import { changeWithLog } from './changes';
import { UsageError, type Action, type Call, type Command } from './command';

const add: Action = {
  says: 'read the address every day',
  args: ['<coin>', '<address>'],
  options: { label: { value: '<text>', says: 'what you call it' } },
  examples: ['addresses add bitcoin 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa --label genesis'],
  async run(call, connections) {
    const db = await connections.db();
    const coin = await resolveCoin(db, call.arg('coin'));
    const address = addressOf(call);
    const label = call.text('label') ?? null;
    const done = await changeWithLog(
      db,
      { what: 'addresses', coinId: coin.coinId, coinSymbol: coin.symbol },
      async (trx) => {
        const isThere = (await watchedAddresses(trx, coin.symbol)).includes(address);
        await addWatchedAddress(trx, coin.symbol, address, label);
        return {
          message: `watches ${coin.coinId} ${address}${label === null ? '' : ` (${label})`}`,
          ...(isThere ? { updated: 1 } : { inserted: 1 }),
        };
      },
    );
    return { document: { done: done.message, coin_symbol: coin.symbol, address, label }, lines: [done.message] };
  },
};

const list: Action = {
  says: 'the addresses that are read',
  examples: ['addresses list'],
  async run(_call, connections) {
    const rows = await listWatchedAddresses(await connections.db());
    const cells = rows.map((row) => [row.coin_symbol, row.address, row.label, row.created_at]);
    return {
      document: rows,
      lines:
        rows.length > 0 ? table(cells, { header: ['coin', 'address', 'label', 'since'] }) : ['no address is watched'],
    };
  },
};

const remove: Action = {
  says: 'read the address no more; what was stored stays',
  args: ['<coin>', '<address>'],
  examples: ['addresses remove bitcoin 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'],
  async run(call, connections) {
    const db = await connections.db();
    const coin = await resolveCoin(db, call.arg('coin'));
    const address = addressOf(call);
    const done = await changeWithLog(
      db,
      { what: 'addresses', coinId: coin.coinId, coinSymbol: coin.symbol },
      async (trx) => {
        if (await removeWatchedAddress(trx, coin.symbol, address))
          return { message: `watches ${coin.coinId} ${address} no more`, updated: 1 };
        throw new Error(
          `${coin.coinId} ${address} cannot be removed - it is not watched - see: npm run cli -- addresses list`,
        );
      },
    );
    return { document: { done: done.message, coin_symbol: coin.symbol, address }, lines: [done.message] };
  },
};

export const addresses: Command = {
  name: 'addresses',
  summary: 'which addresses are read',
  actions: { add, list, remove },
};

/** Letters, digits and the colon of prefixes (bitcoincash:q…): whatever else stands there is a slip. */
function addressOf(call: Call): string {
  const address = call.arg('address');
  if (!/^[0-9A-Za-z:_-]{1,128}$/.test(address))
    throw new UsageError(`"${address}" is not an address - it has to be letters and digits, at most 128 - correct it`);
  return address;
}

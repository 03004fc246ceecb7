import { defineSource } from '../source';
import { judge } from './client';
import { blockDumps, transactionDumps } from './dumps';
import { fetchAddresses } from './addresses';
import { fetchBlocks } from './blocks';
import { fetchTransactions } from './transactions';

const dumpsUrl = 'https://gz.blockchair.com';

export const source = defineSource({
  name: 'blockchair',
  label: 'Blockchair',
  docs: 'https://blockchair.com/api/docs',
  licence: 'Blockchair terms of use; attribution asked for',
  keyUrl: 'https://blockchair.com/api/plans',
  coinColumn: 'blockchair_id',
  plans: {
    // 30 a minute and 1,440 points a day are documented; staff speak of about 1,000 (Blockchair.Support issues 782, 1147)
    keyless: {
      baseUrl: 'https://api.blockchair.com',
      limits: { perMinute: 30, perDay: 1_440 },
      pagesPerRun: 5,
      says: 'a few coins: blocks, and transactions in part; may be refused at any time',
      // staff in Blockchair.Support issues 228 and 592; a second connection of the same address is refused with 402
      bulk: { baseUrl: dumpsUrl, limits: { perMinute: 30, connections: 1 }, bytesPerSecond: 10_000 },
    },
    // the soft limit of 5 a second holds for all; the daily quota depends on the plan that was bought
    key: {
      baseUrl: 'https://api.blockchair.com',
      limits: { perSecond: 5 },
      pagesPerRun: 50,
      key: { in: 'query', name: 'key' },
      says: 'blocks, transactions and addresses within the plan',
      bulk: { baseUrl: dumpsUrl, limits: { perSecond: 10 } },
    },
  },
  defaultPlan: { withoutKey: 'keyless', withKey: 'key' },
  judge,
  datasets: {
    blocks: {
      table: 'raw_blockchain_blocks',
      key: ['coin_symbol', 'block_id'],
      scope: 'coin',
      history: 'any',
      daily: true,
      rowName: 'blocks',
      fetchPage: fetchBlocks,
      bulk: blockDumps,
    },
    transactions: {
      table: 'raw_blockchain_transactions',
      key: ['coin_symbol', 'block_id', 'tx_hash', 'tx_time'],
      groupColumn: 'block_id',
      scope: 'coin',
      history: 'any',
      daily: true,
      rowName: 'transactions',
      fetchPage: fetchTransactions,
      bulk: transactionDumps,
    },
    addresses: {
      table: 'raw_blockchain_addresses',
      key: ['coin_symbol', 'address'],
      scope: 'coin',
      history: 'latest',
      daily: true,
      rowName: 'addresses',
      needs: 'addresses',
      fetchPage: fetchAddresses,
    },
  },
});

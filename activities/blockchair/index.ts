import { defineSource } from '../source';
import { judge } from './client';
import { fetchAddresses } from './addresses';
import { fetchBlocks } from './blocks';
import { fetchTransactions } from './transactions';

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
    },
    // the soft limit of 5 a second holds for all; the daily quota depends on the plan that was bought
    key: {
      baseUrl: 'https://api.blockchair.com',
      limits: { perSecond: 5 },
      pagesPerRun: 50,
      key: { in: 'query', name: 'key' },
      says: 'blocks, transactions and addresses within the plan',
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

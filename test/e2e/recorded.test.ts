import { sql } from 'kysely';
import { addWatchedAddress } from '../../db/queries/watched-addresses';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databases } from '../databases';
import { describeRecorded, payloadsFolder } from '../payloads';
import { startProduct, type Product } from '../product';

// the same worker, workflows and tables as for the live services, fed with what those once answered
describeRecorded('recorded answers', () => {
  describe.each(databases())('of the real services, on $name', (server) => {
    let product: Product;
    beforeAll(async () => {
      product = await startProduct({
        server,
        simulator: { replayFolder: payloadsFolder },
        environment: { COINGECKO_PLAN: 'pro' },
      });
    });
    afterAll(async () => product?.stop());

    test('a whole day of Bitcoin: 9 January 2009', async () => {
      const input = { date: '2009-01-09', coins: ['bitcoin'], datasets: ['blocks', 'transactions'] };
      const result = await product.run<DagResult>('ingestBlockchair', input);
      expect(result).toMatchObject({ status: 'success', totals: { inserted: 28, rejected: 0 } });
      const { rows } = await sql`
        SELECT block.block_id, block_hash, block_time, transaction_count, block.size_bytes, difficulty, tx_hash, output_total_native, output_total_usd, is_coinbase
        FROM raw_blockchain_blocks block JOIN raw_blockchain_transactions USING (coin_symbol, block_id)
        WHERE block.coin_symbol = 'BTC' ORDER BY block.block_id LIMIT 1`.execute(product.db);
      expect(rows).toEqual([
        {
          block_id: 1,
          block_hash: '00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048',
          block_time: '2009-01-09 02:54:25.000000',
          transaction_count: 1,
          size_bytes: 215,
          difficulty: expect.stringMatching(/^1\.?0*$/),
          tx_hash: '0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098',
          output_total_native: '5000000000',
          output_total_usd: '0.500000000000',
          is_coinbase: 1,
        },
      ]);
      const again = await product.run<DagResult>('ingestBlockchair', input);
      expect(again.totals).toMatchObject({ unchanged: 28, inserted: 0, updated: 0 });
    });

    test('Ethereum: wei beyond 2^53, and a reward without hash', async () => {
      const result = await product.run<DagResult>('ingestBlockchair', {
        date: '2015-08-07',
        coins: ['ethereum'],
        datasets: ['transactions'],
      });
      expect(result).toMatchObject({ status: 'success', totals: { inserted: 2 } });
      const { rows } =
        await sql`SELECT tx_hash, fee_native, output_total_native, is_coinbase FROM raw_blockchain_transactions
        WHERE coin_symbol = 'ETH' ORDER BY is_coinbase`.execute(product.db);
      expect(rows).toEqual([
        {
          tx_hash: '5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060',
          fee_native: '1050000000000000000',
          output_total_native: '31337',
          is_coinbase: 0,
        },
        {
          tx_hash: expect.stringContaining('synthetic_coinbase:'),
          fee_native: null,
          output_total_native: '6050000000000000000',
          is_coinbase: 1,
        },
      ]);
    });

    test('addresses, from a batch of two', async () => {
      for (const address of ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '12c6DSiU4Rq3P4ZxziKxzrL5LmMBrzjrJX'])
        await addWatchedAddress(product.db, 'BTC', address, null);
      const result = await product.run<DagResult>('ingestBlockchair', { coins: ['bitcoin'], datasets: ['addresses'] });
      expect(result).toMatchObject({ status: 'success', totals: { inserted: 2 } });
      const { rows } =
        await sql`SELECT received_total_usd, spent_total_usd, transaction_count, first_seen_time FROM raw_blockchain_addresses ORDER BY address LIMIT 1`.execute(
          product.db,
        );
      expect(rows).toEqual([
        {
          received_total_usd: '1216.440200000000',
          spent_total_usd: '0.000000000000',
          transaction_count: null,
          first_seen_time: '2009-01-09 02:54:25.000000',
        },
      ]);
    });

    test('CoinGecko: the price of Ethereum at the beginning of 2024, with every digit', async () => {
      const result = await product.run<DagResult>('ingestCoinGecko', { date: '2024-01-01', coins: ['ethereum'] });
      expect(result).toMatchObject({ status: 'success', totals: { inserted: 1 } });
      const { rows } =
        await sql`SELECT price_usd FROM raw_market_prices_volumes WHERE coin_id = 'ethereum' AND price_date = '2024-01-01'`.execute(
          product.db,
        );
      expect(rows).toEqual([{ price_usd: '2279.941008568960600000' }]);
    });

    test('a day that the source does not have is skipped, not invented', async () => {
      const result = await product.run<DagResult>('ingestCoinGecko', { date: '2010-01-01', coins: ['bitcoin'] });
      expect(result).toMatchObject({ status: 'skipped', totals: { processed: 0 } });
    });
  });
});

import { sql } from 'kysely';
import { listRuns } from '../../db/queries/ingestion-logs';
import { findFile } from '../../db/queries/ingestion-files';
import type { RunResult } from '../../activities/runs';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databases } from '../databases';
import { rowProblems } from '../proof/faults/ledger';
import { startProduct, type Product } from '../product';

const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const coins = ['bitcoin', 'bitcoin-cash', 'litecoin', 'dogecoin', 'dash', 'zcash', 'ethereum'];
const world = { seed: 'dumps', transactionsPerDay: 600 };

describe.each(databases())('whole days from dumps, on $name', (server) => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server, dumps: 'dumps', simulator: world });
  });
  afterAll(() => product.stop());

  const ingest = (names = coins) =>
    product.run<DagResult>('ingestBlockchair', { date, coins: names, datasets: ['blocks', 'transactions'] });

  test('blocks and transactions of every chain are those of the API, and a reload changes nothing', async () => {
    const result = await ingest();
    expect(result).toMatchObject({ status: 'success', totals: { rejected: 0, updated: 0, unchanged: 0 } });
    expect(product.simulator.requests.every(({ source }) => source === 'blockchair-dumps')).toBe(true);
    const api = await startProduct({ server, simulator: world });
    try {
      await api.run('ingestBlockchair', { date, coins, datasets: ['blocks', 'transactions'] });
      expect(await rowProblems(product.db, api.db)).toEqual([]);
    } finally {
      await api.stop();
    }
    const before = await stamps();
    const again = await ingest();
    expect(again.totals).toMatchObject({ inserted: 0, updated: 0, unchanged: result.totals.inserted });
    expect(await stamps()).toEqual(before);
  });

  async function stamps(): Promise<unknown> {
    const { rows } = await sql`
      SELECT MAX(updated_at) AS last, MAX(log_id) AS log, COUNT(*) AS n FROM raw_blockchain_transactions`.execute(
      product.db,
    );
    return rows;
  }

  test('what differs is replaced, and only that', async () => {
    const { db, simulator } = product;
    const blocks = simulator.changeRow('bitcoin/blocks', String(await anyBlock()), { size: 4_242 });
    await sql`DELETE FROM raw_blockchain_transactions WHERE coin_symbol = 'BTC' ORDER BY block_id LIMIT 3`.execute(db);
    await sql`UPDATE raw_blockchain_transactions SET size_bytes = 1 WHERE coin_symbol = 'BTC' ORDER BY block_id DESC LIMIT 2`.execute(
      db,
    );
    await sql`INSERT INTO raw_blockchain_transactions (coin_symbol, block_id, tx_hash, tx_time, log_id)
      SELECT 'BTC', block_id, REPEAT('f', 64), tx_time, 1 FROM raw_blockchain_transactions WHERE coin_symbol = 'BTC' LIMIT 1`.execute(
      db,
    );
    const result = await ingest(['bitcoin']);
    const [ofBlocks, ofTransactions] = result.runs as [RunResult, RunResult];
    expect(ofBlocks.counts).toMatchObject({ inserted: 0, updated: 1, unchanged: 143 });
    expect(ofTransactions.counts).toMatchObject({ inserted: 3, updated: 2, unchanged: 595 });
    expect(ofTransactions.message).toContain('; 1 rows that it does not have were removed');
    blocks();
  });

  async function anyBlock(): Promise<number> {
    const { rows } = await sql<{ id: number }>`
      SELECT MIN(block_id) + 7 AS id FROM raw_blockchain_blocks WHERE coin_symbol = 'BTC'`.execute(product.db);
    return rows[0]!.id;
  }

  test('the log says which file it was', async () => {
    const [run] = await listRuns(product.db, { source: 'blockchair', coinId: 'bitcoin', status: 'success', limit: 1 });
    const file = await findFile(product.db, run!.id);
    expect(run!.message).toContain(file!.sha256);
    expect(file).toMatchObject({ name: expect.stringMatching(/^blockchair_bitcoin_.*\.tsv\.gz$/) as string });
  });
});

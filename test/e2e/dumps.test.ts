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
const world = { seed: 'dumps', transactionsPerDay: 600, blocksPerDay: 24 };

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
      // rewards without a hash, before the merge
      const old = { date: '2022-09-01', coins: ['ethereum'], datasets: ['transactions'] };
      await Promise.all([api, product].map((each) => each.run('ingestBlockchair', old)));
      await api.run('ingestBlockchair', { date, coins, datasets: ['blocks', 'transactions'] });
      expect(await rowProblems(product.db, api.db)).toEqual([]);
    } finally {
      await api.stop();
    }
    // also a column that the source has nothing for
    await sql`UPDATE raw_blockchain_transactions SET size_bytes = 1 WHERE coin_symbol = 'ETH' ORDER BY block_id DESC LIMIT 1`.execute(
      product.db,
    );
    expect((await ingest(['ethereum'])).totals).toMatchObject({ inserted: 0, updated: 1 });
    const before = await stamps();
    const again = await ingest(['bitcoin', 'ethereum']);
    expect(again.totals).toMatchObject({ inserted: 0, updated: 0, unchanged: again.totals.processed });
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
    expect(ofBlocks.counts).toMatchObject({ inserted: 0, updated: 1, unchanged: 23 });
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

  /** One run of Dogecoin's transactions of `date`; how it ended, as its log row says. */
  async function runOnce(dataset = 'blockchair.transactions') {
    const input = { dataset, coin: 'dogecoin', date };
    await product.run('ingestDataset', input, `ingest/${dataset}/dogecoin/${date}`).catch(() => undefined);
    const [run] = await listRuns(product.db, { source: 'blockchair', coinId: 'dogecoin', limit: 1 });
    return run!;
  }

  const dogecoinRows = async (): Promise<unknown[]> =>
    (
      await sql`SELECT * FROM raw_blockchain_transactions WHERE coin_symbol = 'DOGE' ORDER BY block_id, tx_hash`.execute(
        product.db,
      )
    ).rows;

  test('a file that is cut off, damaged or of another form changes nothing, and says so', async () => {
    const { db, simulator } = product;
    const before = await dogecoinRows();
    expect(before).toHaveLength(600);
    const route = 'blockchair-dumps /dogecoin/transactions';
    // a look for the file, its size, the file: the next attempt finds it whole
    for (const fault of [{ truncateTo: 9_000 }, { flipBit: 30_000 }, { flipBit: 700 }]) {
      simulator.fault(route, { ...fault, times: 3 });
      expect(await runOnce()).toMatchObject({ status: 'success', unchanged: 600, attempts: 1 });
    }
    const cut = simulator.fault(route, { cutAfter: 20_000, times: 3 });
    expect(await runOnce()).toMatchObject({ status: 'success', unchanged: 600 });
    cut();
    const { rows } = await sql<{ message: string }>`
      SELECT message FROM source_call_failures WHERE coin_id = 'dogecoin' ORDER BY id`.execute(db);
    expect(rows.map(({ message }) => message)).toEqual([
      expect.stringContaining('the file is damaged or cut off: unexpected end of file'),
      expect.stringContaining('the file is damaged or cut off: '),
      expect.stringContaining('the file is damaged or cut off: '),
      expect.stringContaining('aborted'),
    ]);
    // it went on where it was cut
    expect(simulator.requests.at(-1)).toMatchObject({ method: 'GET', status: 206 });
    expect(await dogecoinRows()).toEqual(before);
  });

  test('rows that do not pass are recorded with their line; too many of them, and nothing is visible', async () => {
    const { db, simulator } = product;
    const { rows } = await sql<{ tx_hash: string }>`
      SELECT tx_hash FROM raw_blockchain_transactions WHERE coin_symbol = 'DOGE' ORDER BY block_id, tx_hash LIMIT 40`.execute(
      db,
    );
    const spoil = (count: number) =>
      rows.slice(0, count).map(({ tx_hash }) => simulator.changeRow('dogecoin/transactions', tx_hash, { size: -1 }));
    const undo = spoil(3);
    expect(await runOnce()).toMatchObject({ status: 'success', rejected: 3, unchanged: 597, processed: 600 });
    const { rows: rejected } = await sql<{ line_number: number; reason: string }>`
      SELECT line_number, reason FROM rejected_records ORDER BY id`.execute(db);
    expect(rejected).toHaveLength(3);
    for (const { line_number, reason } of rejected) {
      expect(line_number).toBeGreaterThan(1);
      expect(reason).toBe('size: expected a whole number of at least 0');
    }
    for (const each of undo) each();
    expect(await runOnce()).toMatchObject({ status: 'success', inserted: 3, unchanged: 597 });
    const before = await dogecoinRows();
    for (const each of spoil(40)) undo.push(each);
    expect(await runOnce()).toMatchObject({ status: 'failed', errorType: 'SchemaMismatch', processed: 0 });
    expect(await dogecoinRows()).toEqual(before);
    for (const each of undo) each();
  });

  test('a transaction that moved to another block stands there alone', async () => {
    const { db, simulator } = product;
    const { rows } = await sql<{ tx_hash: string; block_id: number; other: number; time: string }>`
      SELECT tx_hash, block_id, block_id + 1 AS other, (SELECT block_time FROM raw_blockchain_blocks block
        WHERE block.coin_symbol = 'DOGE' AND block.block_id = tx.block_id) AS time
      FROM raw_blockchain_transactions tx WHERE coin_symbol = 'DOGE' AND is_coinbase = 0 ORDER BY block_id DESC, tx_hash LIMIT 1`.execute(
      db,
    );
    const moved = rows[0]!;
    // the last of its block in the file, so that the order of blocks stays
    await sql`UPDATE raw_blockchain_transactions SET block_id = block_id - 1
      WHERE coin_symbol = 'DOGE' AND tx_hash = ${moved.tx_hash}`.execute(db);
    const run = await runOnce();
    expect(run).toMatchObject({ status: 'success', inserted: 1, unchanged: 599 });
    expect(run.message).toContain('1 rows that it does not have were removed');
    const { rows: now } = await sql<{ block_id: number }>`
      SELECT block_id FROM raw_blockchain_transactions WHERE coin_symbol = 'DOGE' AND tx_hash = ${moved.tx_hash}`.execute(
      db,
    );
    expect(now).toEqual([{ block_id: moved.block_id }]);
    simulator.clearFaults();
  });

  // the private server of this test run: others keep their setting
  (server.name === 'mariadb' ? test : test.skip)(
    'a server that takes no files of its clients gets the same rows',
    async () => {
      const { db } = product;
      const before = await dogecoinRows();
      await sql`SET GLOBAL local_infile = 0`.execute(db);
      try {
        await sql`DELETE FROM raw_blockchain_transactions WHERE coin_symbol = 'DOGE'`.execute(db);
        expect(await runOnce()).toMatchObject({ status: 'success', inserted: 600 });
      } finally {
        await sql`SET GLOBAL local_infile = 1`.execute(db);
      }
      const unstamped = (rows: unknown[]) =>
        rows.map((row) => ({ ...(row as object), log_id: 0, created_at: '', updated_at: '' }));
      expect(unstamped(await dogecoinRows())).toEqual(unstamped(before));
    },
  );
});

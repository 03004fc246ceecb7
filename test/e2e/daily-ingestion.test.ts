import { sql } from 'kysely';
import { listRuns } from '../../db/queries/ingestion-logs';
import { addWatchedAddress } from '../../db/queries/watched-addresses';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databases } from '../databases';
import { failureOf, startProduct, type Product } from '../product';

const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const coins = ['bitcoin', 'ethereum'];

describe.each(databases())('the daily DAG on $name', (server) => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server });
    await addWatchedAddress(product.db, 'BTC', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', null);
    await addWatchedAddress(product.db, 'ETH', '0x3282791d6fd713f1e94f4bfd565eaa78b3a0599d', null);
  });
  afterAll(async () => product?.stop());

  const statuses = (result: DagResult) => result.runs.map((run) => `${run.dataset} ${run.coin} ${run.status}`);
  const stored = async (table: string) => {
    const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM ${sql.table(table)}`.execute(product.db);
    return Number(rows[0]!.n);
  };

  test('without input it ingests yesterday: every row of every dataset, one log row per run', async () => {
    const result = await product.run<DagResult>('dailyIngestion', { coins: ['BTC', 'ethereum'] });
    expect(result).toMatchObject({ date: yesterday, status: 'success' });
    expect(statuses(result)).toEqual([
      'blockchair.blocks bitcoin success',
      'blockchair.blocks ethereum success',
      'blockchair.transactions bitcoin success',
      'blockchair.transactions ethereum success',
      'blockchair.addresses bitcoin success',
      'blockchair.addresses ethereum success',
      'coingecko.prices bitcoin success',
      'coingecko.prices ethereum success',
    ]);
    expect(await stored('raw_blockchain_blocks')).toBe(288);
    expect(await stored('raw_blockchain_transactions')).toBe(
      result.runs[2]!.counts.inserted + result.runs[3]!.counts.inserted,
    );
    expect(await stored('raw_market_prices_volumes')).toBe(2);
    expect(result.totals).toMatchObject({ updated: 0, unchanged: 0, rejected: 0 });
    const logged = await listRuns(product.db, { limit: 100 });
    expect(logged).toHaveLength(8);
    for (const run of logged) expect(run).toMatchObject({ status: 'success', targetDate: yesterday, attempts: 1 });
    // the sum of transaction counts in the blocks is the number of transactions: nothing was lost in paging
    const { rows } = await sql<{ n: number }>`SELECT SUM(transaction_count) AS n FROM raw_blockchain_blocks`.execute(
      product.db,
    );
    expect(Number(rows[0]!.n)).toBe(await stored('raw_blockchain_transactions'));
  });

  test('its children carry speaking ids and the search attributes', async () => {
    const found: string[] = [];
    const query = `CryptoflowDataset = 'blockchair.blocks' AND CryptoflowStatus = 'success' AND CryptoflowLogicalDate BETWEEN '${yesterday}T00:00:00Z' AND '${yesterday}T23:59:59Z'`;
    for (let look = 0; look < 50 && found.length < 2; look += 1) {
      found.length = 0;
      for await (const each of product.client.workflow.list({ query })) found.push(each.workflowId);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(found.toSorted()).toEqual(coins.map((coin) => `ingest/blockchair.blocks/${coin}/${yesterday}`));
  });

  test('running it again changes nothing, and one changed upstream row is exactly one update', async () => {
    const before = await sql`SELECT * FROM raw_blockchain_blocks ORDER BY coin_symbol, block_id`.execute(product.db);
    const again = await product.run<DagResult>('dailyIngestion', { date: yesterday, coins });
    expect(again.totals).toMatchObject({ inserted: 0, updated: 0, rejected: 0 });
    expect(again.totals.unchanged).toBe(again.totals.processed);
    const after = await sql`SELECT * FROM raw_blockchain_blocks ORDER BY coin_symbol, block_id`.execute(product.db);
    expect(after.rows).toEqual(before.rows);

    const { rows } = await sql<{
      tx_hash: string;
    }>`SELECT tx_hash FROM raw_blockchain_transactions WHERE coin_symbol = 'BTC' LIMIT 1`.execute(product.db);
    const undo = product.simulator.changeRow('bitcoin/transactions', rows[0]!.tx_hash, { fee_usd: 12.345 });
    const changed = await product.run<DagResult>('ingestBlockchair', { date: yesterday, coins: ['bitcoin'] });
    undo();
    expect(changed.totals).toMatchObject({ inserted: 0, updated: 1 });
    expect(
      await sql`SELECT fee_usd FROM raw_blockchain_transactions WHERE tx_hash = ${rows[0]!.tx_hash}`.execute(
        product.db,
      ),
    ).toMatchObject({
      rows: [{ fee_usd: '12.345000000000' }],
    });
  });

  test('a transaction that a block has lost upstream goes', async () => {
    const { rows } = await sql<{ block_id: number; tx_time: string; log_id: number }>`
      SELECT block_id, tx_time, log_id FROM raw_blockchain_transactions WHERE coin_symbol = 'BTC' ORDER BY block_id LIMIT 1`.execute(
      product.db,
    );
    const { block_id, tx_time, log_id } = rows[0]!;
    const count = await stored('raw_blockchain_transactions');
    await sql`INSERT INTO raw_blockchain_transactions (coin_symbol, block_id, tx_hash, tx_time, is_coinbase, log_id)
      VALUES ('BTC', ${block_id}, 'orphan', ${tx_time}, 0, ${log_id})`.execute(product.db);
    const result = await product.run<DagResult>('ingestBlockchair', {
      date: yesterday,
      coins: ['bitcoin'],
      datasets: ['transactions'],
    });
    expect(result.status).toBe('success');
    expect(await stored('raw_blockchain_transactions')).toBe(count);
    expect(
      (await sql`SELECT 1 FROM raw_blockchain_transactions WHERE tx_hash = 'orphan'`.execute(product.db)).rows,
    ).toEqual([]);
  });

  test('one coin fails: its siblings finish, then the DAG fails and says which; only what failed runs again', async () => {
    const remove = product.simulator.fault('blockchair /bitcoin/blocks', { wrongType: { field: 'transaction_count' } });
    const failure = await failureOf(product.run('dailyIngestion', { date: yesterday, coins }));
    remove();
    expect(failure.type).toBe('RunsFailed');
    expect(failure.message).toContain(
      `1 of 8 runs for ${yesterday} failed: blockchair.blocks bitcoin (failed: SchemaMismatch`,
    );
    expect(failure.message).toContain(
      `By hand: start dailyIngestion {"date":"${yesterday}","coins":["bitcoin"],"datasets":["blockchair.blocks"]}`,
    );
    const [failed] = await listRuns(product.db, { status: 'failed', limit: 1 });
    expect(failed).toMatchObject({ dataType: 'blocks', coinId: 'bitcoin', errorType: 'SchemaMismatch' });
    const rejected = await sql<{
      reason: string;
      raw: string;
    }>`SELECT reason, raw FROM rejected_records WHERE log_id = ${failed!.id}`.execute(product.db);
    expect(rejected.rows).toHaveLength(100);
    expect(rejected.rows[0]!.reason).toContain('transaction_count');
    const mended = await product.run<DagResult>('dailyIngestion', {
      date: yesterday,
      coins: ['bitcoin'],
      datasets: ['blockchair.blocks'],
    });
    expect(statuses(mended)).toEqual(['blockchair.blocks bitcoin success']);
  });

  test('a source that fails twice is asked again; every failed attempt is kept', async () => {
    product.simulator.fault('coingecko /coins/bitcoin', { status: 503, times: 2 });
    const result = await product.run<DagResult>('ingestCoinGecko', { date: yesterday, coins: ['bitcoin'] });
    expect(result.status).toBe('success');
    const kept =
      await sql`SELECT error_type, http_status, attempt FROM source_call_failures WHERE source = 'coingecko' ORDER BY attempt`.execute(
        product.db,
      );
    expect(kept.rows).toEqual([
      { error_type: 'Unavailable', http_status: 503, attempt: 1 },
      { error_type: 'Unavailable', http_status: 503, attempt: 2 },
    ]);
  });

  test('two DAGs for the same date at once share their runs', async () => {
    const date = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
    const slow = product.simulator.fault('blockchair', { latencyMs: 300 });
    const input = { date, coins: ['bitcoin'], datasets: ['blocks', 'transactions'] };
    const [a, b] = await Promise.all([
      product.run<DagResult>('dailyIngestion', input),
      product.run<DagResult>('ingestBlockchair', input),
    ]);
    slow();
    expect(a.totals).toEqual(b.totals);
    expect(a.totals.inserted).toBe(a.totals.processed);
    expect(await listRuns(product.db, { date, limit: 10 })).toHaveLength(2);
  });

  test('cancelling a DAG stops its runs, and the log says so', async () => {
    const date = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
    const hang = product.simulator.fault('blockchair', { hang: true });
    const handle = await product.client.workflow.start('ingestBlockchair', {
      taskQueue: 'cryptoflow',
      workflowId: 'to-be-cancelled',
      args: [{ date, coins: ['bitcoin'], datasets: ['blocks'] }],
    });
    for (let look = 0; look < 100 && (await listRuns(product.db, { date, limit: 1 })).length === 0; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await handle.cancel();
    await failureOf(handle.result());
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    let [row] = await listRuns(product.db, { date, limit: 1 });
    for (let look = 0; look < 100 && row?.status === 'running'; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      [row] = await listRuns(product.db, { date, limit: 1 });
    }
    hang();
    expect(row).toMatchObject({ status: 'cancelled', errorType: 'Cancelled' });
  });
});

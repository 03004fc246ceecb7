import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { cli, cliHere, cliJson } from './run-cli';

const date = '2026-11-01';

interface Tried {
  rows: Record<string, unknown>[];
  rejects: { field: string; reason: string }[];
  next: string | null;
}

// a simulator and workers in this process, the commands in their own
describe('commands that make sources work', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server: databases()[0]! });
  });
  afterEach(() => product?.simulator.clearFaults());
  afterAll(() => product?.stop());

  test('try: one request, rows, nothing written', async () => {
    const before = product.simulator.requests.length;
    const { rows, rejects, next } = await cliJson<Tried>(
      ['try', 'blockchair.blocks', 'BTC', date],
      product.environment,
    );
    expect(product.simulator.requests.length - before).toBe(1);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows[0]).toMatchObject({
      coin_symbol: 'BTC',
      block_time: expect.stringMatching(/^2026-11-01T.*Z$/) as string,
    });
    expect(rejects).toEqual([]);
    const { stdout } = await cliHere(['try', 'blocks', 'bitcoin', date], product.environment);
    expect(stdout).toMatch(
      /^blockchair\.blocks {2}bitcoin {2}2026-11-01 {2}\d+ rows {2}0 rejects .* nothing was written\ncoin_symbol +block_id/,
    );
    if (next !== null) expect(stdout).toContain(`next page: --cursor ${next}`);
    for (const table of ['raw_blockchain_blocks', 'data_ingestion_logs', 'ingestion_pages'] as const)
      expect(await product.db.selectFrom(table).selectAll().execute()).toEqual([]);
  });

  test('try: shows what it would reject, and why', async () => {
    const undo = product.simulator.changeRow('prices/bitcoin', date, { price: -5 });
    const { code, stdout } = await cliHere(['try', 'prices', 'bitcoin', date], product.environment);
    undo();
    expect(code).toBe(0);
    expect(stdout).toContain('0 rows  1 reject');
    expect(stdout).toMatch(
      /rejects\nkey +field +reason +raw\nbitcoin 2026-11-01 +price_usd +price -5\S* is not above 0/,
    );
  });

  test('try: what a source says of an asset, now and of a date in the past', async () => {
    const before = product.simulator.requests.length;
    const { stdout } = await cliHere(['try', 'coinmetrics.metrics', 'BTC', date], product.environment);
    expect(stdout).toMatch(
      /^coinmetrics\.metrics {2}bitcoin {2}\d+ values {2}0 rejects {2}nothing was written\ncoin_id +field/,
    );
    expect(stdout).toMatch(/bitcoin +realized_cap +\d+\.\d+ +2026-11-01T15:00:00.000Z +CapMrktCurUSD .* ÷ CapMVRVCur/);
    const words = ['try', 'coingecko.history', 'bitcoin', date];
    const { rows, observations } = await cliJson<Tried & { observations: object[] }>(words, product.environment);
    expect(rows).toEqual([]);
    expect(observations[0]).toMatchObject({ coinId: 'bitcoin', fields: { market_cap: {} } });
    expect(product.simulator.requests.length - before).toBe(2);
    expect(await product.db.selectFrom('source_observations').selectAll().execute()).toEqual([]);
    const nobody = await cliHere(['try', 'defillama.chains', 'dash', date], product.environment);
    expect(nobody.stderr).toContain('defillama.chains: DeFiLlama does not have dash');
  });

  test('try: a source that refuses is a failure with its type', async () => {
    product.simulator.fault('blockchair /bitcoin/blocks', { status: 430 });
    const { code, stdout, stderr } = await cli(
      ['try', 'blockchair.blocks', 'bitcoin', date, '--json'],
      product.environment,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^blockchair 430 on \/.*bitcoin\/blocks: .* - RateLimited - lower the rate, or use a key\n$/,
    );
    const refused = await cliHere(['try', 'blockz', 'bitcoin', date], product.environment);
    expect(refused.stderr).toContain('dataset "blockz" is unknown; allowed: blockchair.blocks, ');
    expect((await cliHere(['try', 'addresses', 'bitcoin', date], product.environment)).stderr).toContain(
      'no address of bitcoin is watched - give some with --addresses',
    );
  });

  test('coins add asks CoinGecko for what is left out, with one request', async () => {
    const before = product.simulator.requests.length;
    const { stdout, stderr } = await cli(['coins', 'add', 'monero', '--network', 'pow'], product.environment);
    const unknown = await cliHere(['coins', 'add', 'no-such-coin'], product.environment);
    expect(unknown.stderr).toMatch(/^CoinGecko does not know a coin "no-such-coin" - /);
    expect(product.simulator.requests.length - before).toBe(2);
    expect({ stdout, stderr }).toEqual({ stdout: 'added monero (XMR, Monero, pow, prices only)\n', stderr: '' });
    const { stdout: assumed } = await cliHere(['coins', 'add', 'tether'], product.environment);
    expect(assumed).toMatch(
      /^added tether \(USDT, Tether, token, prices only\)\nits network type is assumed; to correct it: npm run cli -- coins add tether --network pow\|pos\|hybrid\n$/,
    );
  });

  test('run: starts, waits, prints the runs as a table', async () => {
    const started = await cliJson<{ workflowId: string; runId: string }>(
      ['run', 'dailyIngestion', '--date', date, '--coins', 'dogecoin', '--datasets', 'prices'],
      product.environment,
    );
    expect(started.workflowId).toMatch(/^dailyIngestion\/manual\/20\d\d-.*Z$/);
    expect(await product.client.workflow.getHandle(started.workflowId, started.runId).result()).toMatchObject({
      status: 'success',
    });

    const { code, stdout } = await cli(
      ['run', 'dailyIngestion', '--date', date, '--coins', 'DOGE,bitcoin', '--datasets', 'coingecko.prices', '--wait'],
      product.environment,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^dailyIngestion {2}dailyIngestion\/manual\/\S+ {2}started\nTemporal UI {2}\/namespaces\/test-\w+\/workflows\/dailyIngestion%2Fmanual%2F/,
    );
    expect(stdout).toMatch(/coingecko\.prices +dogecoin +2026-11-01 +success +1 row +1 unchanged\n/);
    expect(stdout).toMatch(/coingecko\.prices +bitcoin +2026-11-01 +success +1 row +1 new\n/);
  });

  test('run ingestDataset: the id is the lock of the run', async () => {
    const done = await cliJson<{ workflowId: string; status: string; result: { status: string } }>(
      ['run', 'ingestDataset', '--datasets', 'prices', '--coins', 'ethereum', '--date', date, '--wait'],
      product.environment,
    );
    expect(done).toMatchObject({
      workflowId: `ingest/coingecko.prices/ethereum/${date}`,
      status: 'completed',
      result: { status: 'success' },
    });
  });

  test('run: a failed workflow is exit code 1, with the failure on stderr and the document on stdout', async () => {
    const refused = await cli(
      ['run', 'dailyIngestion', '--input', '{"dat":1}', '--wait', '--json'],
      product.environment,
    );
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^dailyIngestion\/manual\/\S+ failed - BadInput: dailyIngestion cannot run with \{"dat":1\}/,
    );
    expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'failed', result: null, error: { type: 'BadInput' } });

    product.simulator.fault('coingecko', { status: 401 });
    const failed = await cliHere(
      ['run', 'ingestCoinGecko', '--date', '2026-11-02', '--coins', 'bitcoin', '--wait'],
      product.environment,
    );
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/coingecko\.prices +bitcoin +2026-11-02 +failed +0 rows/);
    expect(failed.stderr).toMatch(/failed - RunsFailed: 1 of 1 runs for 2026-11-02 failed/);
  });
});

import { sql } from 'kysely';
import type { DagResult } from '../../workflows/daily-ingestion';
import type { BackfillResult } from '../../workflows/backfill';
import { listRuns } from '../../db/queries/ingestion-logs';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

describe.each(databases())('days that need more than one run, and many days at once, on $name', (server) => {
  let product: Product;
  beforeAll(async () => {
    // a clock that stands still: ranks move with prices
    const now = new Date();
    const simulator = { now: () => now };
    product = await startProduct({ server, simulator, environment: { BLOCKCHAIR_PAGES_PER_RUN: '2' } });
  });
  afterAll(async () => product?.stop());

  test('a run that has used its requests is partial, says how far it came, and the next one goes on there', async () => {
    const date = daysAgo(1);
    const results: DagResult[] = [];
    for (let run = 0; run < 5 && results.at(-1)?.status !== 'success'; run += 1) {
      results.push(
        await product.run<DagResult>('ingestBlockchair', { date, coins: ['bitcoin'], datasets: ['transactions'] }),
      );
    }
    expect(results.map((each) => each.status)).toEqual(['partial', 'success']);
    expect(results[0]!.runs[0]!.message).toMatch(
      /^200 of 300 rows of the day are here: .* the next run for this date goes on from there$/,
    );
    // the block in which the first run stopped is read again as a whole
    expect(results[1]!.totals.processed).toBeLessThan(130);
    const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM raw_blockchain_transactions`.execute(
      product.db,
    );
    expect(Number(rows[0]!.n)).toBe(300);
    const asked = product.simulator.requests.filter((request) => request.path.includes('/bitcoin/transactions')).length;
    expect(asked).toBe(4);
  });

  test('a backfill of prices costs one request per coin, and every date has its log row', async () => {
    const before = product.simulator.requests.length;
    const coins = ['bitcoin', 'ethereum', 'dogecoin'];
    const result = await product.run<BackfillResult>('backfill', {
      workflow: 'ingestCoinGecko',
      from: daysAgo(90),
      to: daysAgo(1),
      coins,
    });
    expect(result).toMatchObject({ status: 'success', ranged: { rows: 270, ended: { success: 270, failed: 0 } } });
    expect(product.simulator.requests.length - before).toBe(3);
    const logged = await listRuns(product.db, { source: 'coingecko', limit: 1_000 });
    expect(logged).toHaveLength(270);
    expect(new Set(logged.map((row) => row.status))).toEqual(new Set(['success']));
    // a date's price is the same whichever way it came
    const single = await product.run<DagResult>('ingestCoinGecko', { date: daysAgo(40), coins });
    expect(single.totals).toMatchObject({ unchanged: 3, updated: 0, inserted: 0 });
  });

  test('what the plan cannot see is skipped with the reason', async () => {
    const result = await product.run<BackfillResult>('backfill', {
      workflow: 'ingestCoinGecko',
      from: daysAgo(370),
      to: daysAgo(361),
      coins: ['bitcoin'],
    });
    expect(result.status).toBe('success');
    expect(result.ranged.ended).toMatchObject({ success: 4, skipped: 6 });
    expect(result.ranged.problems[0]).toContain('plan demo sees only the last 365 days');
    const single = await product.run<DagResult>('ingestCoinGecko', { date: daysAgo(400), coins: ['bitcoin'] });
    expect(single.runs[0]).toMatchObject({ status: 'skipped' });
  });

  test('a backfill of the chain runs date by date, newest first, and reports once', async () => {
    const input = {
      workflow: 'ingestBlockchair',
      from: daysAgo(7),
      to: daysAgo(5),
      coins: ['dogecoin'],
      datasets: ['blocks'],
      concurrency: 2,
    };
    const result = await product.run<BackfillResult>('backfill', input, 'my-backfill');
    expect(result).toMatchObject({ status: 'success', dates: { ended: { success: 3 }, rows: 432 } });
    const logged = (await listRuns(product.db, { coinId: 'dogecoin', source: 'blockchair', limit: 10 })).toReversed();
    expect(logged.map((row) => row.targetDate)).toEqual(expect.arrayContaining([daysAgo(7), daysAgo(6), daysAgo(5)]));
    expect(logged.at(-1)!.targetDate).toBe(daysAgo(7));
    expect(new Set(logged.map((row) => row.triggeredBy))).toEqual(new Set(['my-backfill']));
  });

  test('syncCoins refreshes names and ranks and leaves alone what an operator set', async () => {
    await sql`UPDATE coin_metadata SET name = 'Our Bitcoin', operator_set = '["name"]' WHERE symbol = 'BTC'`.execute(
      product.db,
    );
    await sql`UPDATE coin_metadata SET name = 'wrong' WHERE symbol = 'ETH'`.execute(product.db);
    await product.run('syncCoins');
    const { rows } = await sql<{
      symbol: string;
      name: string;
      market_cap_rank: number;
    }>`SELECT symbol, name, market_cap_rank FROM coin_metadata WHERE symbol IN ('BTC', 'ETH') ORDER BY symbol`.execute(
      product.db,
    );
    expect(rows[0]).toMatchObject({ symbol: 'BTC', name: 'Our Bitcoin' });
    expect(rows[1]).toMatchObject({ symbol: 'ETH', name: 'Ethereum' });
    expect(rows[0]!.market_cap_rank).toBeGreaterThan(0);
    // assets that are only collected too
    const solana = (await listRanks()).find(({ coin_id }) => coin_id === 'solana');
    expect(solana!.market_cap_rank).toBeGreaterThan(0);
    const again = await product.run<{ counts: { unchanged: number; updated: number } }>('syncCoins');
    expect(again.counts.updated).toBe(0);
    expect(again.counts.unchanged).toBe((await listRanks()).length);
  });

  const listRanks = () => product.db.selectFrom('crypto_assets').select(['coin_id', 'market_cap_rank']).execute();
});

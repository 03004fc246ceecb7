import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { cliHere } from './run-cli';

const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

describe('how long a range of dumps takes', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({
      server: databases()[0]!,
      dumps: 'dumps',
      simulator: { transactionsPerDay: 300, blocksPerDay: 24 },
      environment: { BLOCKCHAIR_DUMPS_KB_PER_SECOND: '1' },
    });
  });
  afterAll(() => product?.stop());

  const backfill = (from: string, ...more: string[]) =>
    cliHere(
      ['run', 'backfill', '--from', from, '--to', day(1), '--coins', 'bitcoin', '--datasets', 'transactions', ...more],
      product.environment,
    );

  test('is said before it begins', async () => {
    const { code, stdout } = await backfill(day(3));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^downloads take about 2 min: 3 files, 1 MB at 1 kB\/s\nbackfill .* started\n/);
  });

  test('is asked for above a day: nobody is there to answer, so nothing begins without --yes', async () => {
    const long = await backfill(day(3_800));
    expect(long).toMatchObject({ code: 1, stdout: '' });
    expect(long.stderr).toMatch(
      /not started - downloads take about \S+ \w+: 3800 files, .* more than a day - .* --yes/,
    );
    // that of the test before; lists are a little behind
    let started = 0;
    while (started === 0) ({ count: started } = await product.client.workflow.count(`WorkflowType = 'backfill'`));
    expect(started).toBe(1);
  });
});

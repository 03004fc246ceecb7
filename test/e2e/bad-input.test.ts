import { databases } from '../databases';
import { failureOf, startProduct, type Product } from '../product';

// input is checked before any database differs: one server is enough
describe('bad input fails at once and says what is allowed', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server: databases()[0]! });
  });
  afterAll(async () => product?.stop());

  const today = new Date().toISOString().slice(0, 10);

  test.each([
    ['dailyIngestion', { date: '2026-02-30' }, 'date: "2026-02-30" is not a day; give a UTC day like 2026-11-21'],
    ['dailyIngestion', { date: today }, `date: ${today} is not over yet (UTC)`],
    ['dailyIngestion', { date: '2999-01-01' }, 'date: 2999-01-01 is not over yet (UTC)'],
    ['dailyIngestion', { dat: '2026-11-01' }, 'Unrecognized key: "dat". Allowed: {"date":"2026-11-21"'],
    ['dailyIngestion', { coins: 'bitcoin' }, 'coins: '],
    ['dailyIngestion', { coins: [] }, 'coins: is empty: leave it out for the default'],
    ['dailyIngestion', [], 'dailyIngestion cannot run with []'],
    ['dailyIngestion', 'yesterday', 'dailyIngestion cannot run with "yesterday"'],
    ['dailyIngestion', { coins: ['bitcoinn'] }, 'coin "bitcoinn" is unknown; known: bitcoin, bitcoin-cash, '],
    ['dailyIngestion', { datasets: ['blockz'] }, 'dataset "blockz" is unknown; allowed: blockchair.blocks, '],
    [
      'dailyIngestion',
      { coins: ['bitcoin', 'ethereum'], addresses: ['1A1z'] },
      'addresses belong to one chain: give exactly one coin',
    ],
    [
      'ingestKraken',
      {},
      'workflow type "ingestKraken" is unknown; known: dailyIngestion, collectOnchainAndSentiment, ingestBlockchair, ingestCoinGecko, ingestDataset, backfill, checkHealth, syncCoins, pauseSource, applyRetention, backupDatabase, collectSlot, collectDay',
    ],
    [
      'ingestDataset',
      { dataset: 'blocks', coin: 'bitcoin', date: '2026-11-01' },
      'start this ingestDataset as "ingest/blockchair.blocks/bitcoin/2026-11-01"',
    ],
    ['ingestDataset', { dataset: 'blocks' }, 'date: '],
    ['backfill', { from: '2026-11-02', to: '2026-11-01' }, 'from: 2026-11-02 is after "to" 2026-11-01'],
    ['backfill', { from: '2026-11-01', to: '2026-11-02', concurrency: 0 }, 'concurrency: '],
    [
      'backfill',
      { from: '2026-11-01', to: '2026-11-02', workflow: 'ingestKraken' },
      'workflow type "ingestKraken" is unknown',
    ],
    ['checkHealth', { date: '2026-11-01' }, 'Unrecognized key: "date". Allowed: {}'],
    ['syncCoins', { coins: ['bitcoin'] }, 'Unrecognized key: "coins"'],
  ])('%s %j', async (workflow, input, expected) => {
    const failure = await failureOf(product.run(workflow, input));
    expect(failure.type).toBe('BadInput');
    expect(failure.message).toContain(expected);
  });

  test('a refused run leaves no row in the log', async () => {
    expect(await product.db.selectFrom('data_ingestion_logs').selectAll().execute()).toEqual([]);
  });
});

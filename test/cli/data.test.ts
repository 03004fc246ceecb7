import { randomUUID } from 'node:crypto';
import { endRun, insertRun } from '../../db/queries/ingestion-logs';
import { refreshCoins } from '../../db/queries/coins';
import { databases, freshDatabase } from '../databases';
import { cli, cliHere, cliJson } from './run-cli';

interface LogRow {
  source: string;
  data_type: string;
  coin_id: string | null;
  status: string;
  records_processed: number;
  records_inserted: number;
  started_at: string;
  error_message: string | null;
  workflow_id: string;
  run_id: string;
  triggered_by: string;
}

// no Temporal is given: these commands have to do without
describe.each(databases())('commands that need a database only, on $name', (server) => {
  let db: Awaited<ReturnType<typeof freshDatabase>>['db'];
  let environment: Record<string, string>;

  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    environment = { DATABASE_URL: database.url, TEMPORAL_ADDRESS: '127.0.0.1:1' };
  });

  const here = async <T>(...words: string[]): Promise<T> => {
    const { code, stdout, stderr } = await cliHere([...words, '--json'], environment);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return JSON.parse(stdout) as T;
  };

  test('migrate says what it applied, and nothing the second time', async () => {
    const before = await cli(['logs', '--json'], environment);
    expect(before).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/schema .* - .* - Run: npm run cli -- migrate/) as string,
    });
    const first = await cliJson<{ applied: string[]; state: string }>(['migrate'], environment);
    expect(first.applied[0]).toBe('0001_01_coin_metadata');
    expect(first.state).toContain('the schema is current');
    expect(await cliJson(['migrate'], environment)).toMatchObject({ applied: [] });
    expect((await cli(['migrate'], environment)).stdout).toMatch(/^the schema is current \(\d{4}_\d\d_\w+\)\.\n$/);
  });

  test('coins: add, list, disable, enable, correct; each change is a log row', async () => {
    const added = await cliJson<{ done: string }>(
      ['coins', 'add', 'monero', '--symbol', 'xmr', '--name', 'Monero', '--network', 'pow'],
      environment,
    );
    expect(added.done).toBe('added monero (XMR, Monero, pow, prices only)');
    expect(await here('coins', 'disable', 'XMR')).toMatchObject({ done: 'disabled monero' });
    expect(await here('coins', 'disable', 'monero')).toMatchObject({ done: 'disabled monero, which it was already' });
    expect(await here('coins', 'enable', 'monero')).toMatchObject({ done: 'enabled monero' });
    expect(await here('coins', 'add', 'monero', '--blockchair', 'monero')).toMatchObject({
      done: 'corrected monero: blockchair_id monero',
    });

    const coins = await here<{ coingecko_id: string }[]>('coins', 'list');
    expect(coins).toHaveLength(8);
    expect(coins.find((coin) => coin.coingecko_id === 'monero')).toMatchObject({
      symbol: 'XMR',
      blockchair_id: 'monero',
      network_type: 'pow',
      is_active: true,
      ingestion_enabled: true,
      operator_set: ['blockchair_id', 'ingestion_enabled', 'is_active', 'name', 'symbol'],
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
    });
    expect((await cliHere(['coins', 'list'], environment)).stdout).toMatch(
      /^coin +ticker +name +rank .*\nbitcoin +BTC +Bitcoin +- +pow +bitcoin +yes +-\n/,
    );

    const rows = await here<LogRow[]>('logs', '--source', 'cryptoflow', '--coin', 'monero');
    expect(
      rows.map((row) => [row.data_type, row.status, row.records_processed, row.records_inserted, row.error_message]),
    ).toEqual([
      ['cli.coins', 'success', 1, 0, 'corrected monero: blockchair_id monero'],
      ['cli.coins', 'success', 1, 0, 'enabled monero'],
      ['cli.coins', 'success', 1, 0, 'disabled monero, which it was already'],
      ['cli.coins', 'success', 1, 0, 'disabled monero'],
      ['cli.coins', 'success', 1, 1, 'added monero (XMR, Monero, pow, prices only)'],
    ]);
    expect(rows[0]!.workflow_id).toBe(`cli/${rows[0]!.run_id}`);
    expect(rows[0]!.triggered_by).toMatch(/^cli .+@.+$/);
  });

  test('coins: what is refused changes nothing', async () => {
    const count = async () => (await here<LogRow[]>('logs')).length;
    const before = await count();
    for (const [words, expected] of [
      [
        ['coins', 'add', 'bitcoin-fake', '--symbol', 'BTC', '--name', 'Fake'],
        'cannot be added as BTC - that is the ticker of bitcoin',
      ],
      [['coins', 'add', 'bitcoin'], 'bitcoin is there already'],
      [['coins', 'add', 'bitcoin', '--symbol', 'XBT'], 'the ticker of bitcoin stays BTC'],
      [['coins', 'disable', 'bitcoinn'], 'coin "bitcoinn" is unknown; known: bitcoin, '],
      [['addresses', 'remove', 'bitcoin', '1Nobody'], 'bitcoin 1Nobody cannot be removed - it is not watched'],
    ] as const) {
      const { code, stdout, stderr } = await cliHere([...words, '--json'], environment);
      expect(stderr).toContain(expected);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    }
    expect((await cliHere(['addresses', 'add', 'bitcoin', 'not an address'], environment)).code).toBe(2);
    expect(await count()).toBe(before);
  });

  test('what an operator set is left alone when sources say otherwise', async () => {
    await here('coins', 'add', 'dash', '--name', 'Digital Cash');
    const news = [
      { coinId: 'dash', symbol: 'DASH', name: 'Dash!', rank: 90 },
      { coinId: 'zcash', symbol: 'ZEC', name: 'Zcash!', rank: 60 },
      { coinId: 'unknown', symbol: 'UNK', name: 'Unknown', rank: 1 },
    ];
    const refresh = () => db.transaction().execute((trx) => refreshCoins(trx, news));
    expect(await refresh()).toEqual({ updated: 2, unchanged: 1 });
    expect(await refresh()).toEqual({ updated: 0, unchanged: 3 });
    for (const table of ['coin_metadata', 'crypto_assets'] as const) {
      const rows = await db
        .selectFrom(table)
        .select(['symbol', 'name', 'market_cap_rank', 'operator_set'])
        .where('symbol', 'in', ['DASH', 'ZEC'])
        .orderBy('symbol')
        .execute();
      expect(rows).toEqual([
        { symbol: 'DASH', name: 'Digital Cash', market_cap_rank: 90, operator_set: '["name"]' },
        { symbol: 'ZEC', name: 'Zcash!', market_cap_rank: 60, operator_set: null },
      ]);
    }
  });

  test('coins: an asset that is only collected, with ids of its own, needs no code and no daily ingestion', async () => {
    const ids = '{"github":["0xsoniclabs/sonic"],"cosmos":["x","ux","6"]}';
    const sonic = ['coins', 'add', 'sonic-3', '--collect-only'];
    expect(await here(...sonic, '--network', 'hybrid', '--source-ids', ids)).toMatchObject({
      done: `corrected sonic-3: network_type hybrid, source_ids ${ids}`,
      coin: null,
      asset: {
        kind: 'hybrid',
        sourceIds: { defillama: 'Sonic', github: ['0xsoniclabs/sonic'], cosmos: ['x', 'ux', '6'] },
      },
    });
    expect(await here(...sonic, '--symbol', 's2', '--source-ids', '{"cosmos":null}')).toMatchObject({
      asset: { symbol: 'S2', sourceIds: { defillama: 'Sonic', github: ['0xsoniclabs/sonic'] } },
    });
    const other = ['coins', 'add', 'new-asset', '--symbol', 'BTC', '--name', 'New', '--collect-only'];
    expect(await here(...other)).toMatchObject({
      done: 'added new-asset (BTC, New, token, collected only)',
      coin: null,
    });
    expect(await here('coins', 'disable', 'sonic-3')).toMatchObject({ asset: { isActive: false } });
    const { assets } = await here<{ assets: { coinId: string }[] }>('coins', 'assets');
    expect(assets.length).toBeGreaterThan(60);
    expect((await cliHere(['coins', 'assets'], environment)).stdout).toMatch(
      /\nsonic-3 +S2 +Sonic +hybrid +no +defillama Sonic, github 0xsoniclabs\/sonic\n/,
    );
    for (const [given, expected] of [
      ['{"githubb":["a/b"]}', 'names a source githubb, which there is not'],
      ['{"github":7}', 'is not right'],
      ['github', 'is not right'],
    ] as const) {
      const { code, stderr } = await cliHere(['coins', 'add', 'solana', '--source-ids', given], environment);
      expect(stderr).toContain(expected);
      expect(code).toBe(2);
    }
  });

  test('coins: what CoinGecko sees differently is listed with what to do, until an operator decides', async () => {
    const pol = { coinId: 'polygon-ecosystem-token', symbol: 'NEW', name: 'POL', rank: 40 };
    const zec = { coinId: 'zcash', symbol: 'ZECK', name: 'Zcash', rank: 60 };
    const refresh = () => db.transaction().execute((trx) => refreshCoins(trx, [pol, zec], ['kaspa']));
    await refresh();
    const lines = (await cliHere(['coins', 'list'], environment)).stdout.trimEnd().split('\n').slice(-3);
    expect(lines).toEqual([
      'kaspa: CoinGecko lists it no more; to leave it out: npm run cli -- coins disable kaspa',
      'polygon-ecosystem-token: CoinGecko calls it NEW, we POL; to decide: npm run cli -- coins add polygon-ecosystem-token --collect-only --symbol NEW',
      'zcash: CoinGecko calls it ZECK; ZEC stays, as raw tables know the chain by it; to say so: npm run cli -- coins add zcash --symbol ZEC',
    ]);
    await here('coins', 'disable', 'kaspa');
    await here('coins', 'add', 'polygon-ecosystem-token', '--collect-only', '--symbol', 'NEW');
    await here('coins', 'add', 'zcash', '--symbol', 'ZEC');
    expect(await here<{ proposals: unknown[] }>('coins', 'assets')).toMatchObject({ proposals: [] });
    await refresh();
    expect(await here<{ proposals: unknown[] }>('coins', 'assets')).toMatchObject({ proposals: [{ coinId: 'kaspa' }] });
  });

  test('addresses: add, list, remove; each change is a log row', async () => {
    const address = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
    expect(await cliJson(['addresses', 'add', 'BTC', address, '--label', 'genesis'], environment)).toMatchObject({
      done: `watches bitcoin ${address} (genesis)`,
      coin_symbol: 'BTC',
    });
    expect((await cliHere(['addresses', 'list'], environment)).stdout).toMatch(
      new RegExp(`^coin +address +label +since\nBTC +${address} +genesis +\\d{4}-.*Z\n$`),
    );
    await here('addresses', 'remove', 'bitcoin', address);
    expect(await here('addresses', 'list')).toEqual([]);
    const rows = await here<LogRow[]>('logs', '--coin', 'bitcoin', '--source', 'cryptoflow');
    expect(rows.map((row) => row.error_message)).toEqual([
      `watches bitcoin ${address} no more`,
      `watches bitcoin ${address} (genesis)`,
    ]);
  });

  test('logs: one line per run, and why where it is not success', async () => {
    const run = async (dataType: string, date: string, status: 'success' | 'failed', message: string | null) => {
      const runId = randomUUID();
      const run = {
        source: 'blockchair',
        dataType,
        coinId: 'litecoin',
        coinSymbol: 'LTC',
        targetDate: date,
        runKey: `blockchair.${dataType}/litecoin/${date}`,
        workflowId: runId,
      };
      const logId = await insertRun(db, {
        ...run,
        firstExecutionRunId: runId,
        runId,
        triggeredBy: 'test',
        expected: null,
      });
      await endRun(db, logId, runId, { status, message, errorType: message && 'Unauthorized' });
    };
    await run('blocks', '2026-11-20', 'success', null);
    await run('blocks', '2026-11-21', 'failed', 'the key\nis wrong');
    const { stdout } = await cli(['logs', '--coin', 'LTC'], environment);
    expect(stdout.replaceAll(/\d+ ms( +|$)/gm, (_, gap: string) => (gap ? 'N ms  ' : 'N ms'))).toBe(
      'blockchair.blocks  litecoin  2026-11-21  failed   0 rows  N ms  Unauthorized: the key is wrong\n' +
        'blockchair.blocks  litecoin  2026-11-20  success  0 rows  N ms\n',
    );
    expect(await here('logs', '--coin', 'litecoin', '--status', 'failed')).toMatchObject([
      { target_date: '2026-11-21', error_type: 'Unauthorized', started_at: expect.stringMatching(/Z$/) as string },
    ]);
    expect(await here('logs', '--coin', 'litecoin', '--date', '2026-11-20')).toHaveLength(1);
    expect(await here('logs', '--limit', '1')).toHaveLength(1);
    expect((await cliHere(['logs', '--date', '2001-01-01'], environment)).stdout).toBe('no run\n');
  });

  describe('show', () => {
    beforeAll(async () => {
      await db
        .insertInto('onchain_data')
        .values({
          symbol: 'BTC',
          coin_id: 'bitcoin',
          timestamp_iso: new Date(),
          difficulty: '123456789012345678.5',
          data_quality_score: '0.95',
          log_id: 1,
        })
        .execute();
    });

    test.each([
      [['ingestion_state', '--coin', 'LTC', '--days', '30000'], ['log_id', 'status', 'records_processed'], 2],
      [['onchain_latest'], ['coin_id', 'timestamp_iso', 'difficulty', 'hash_rate'], 1],
      [['onchain_latest', '--coin', 'eth', '--days', '1'], [], 0],
      [['sentiment_latest'], [], 0],
      // collected, but not ingested daily
      [['onchain_latest', '--coin', 'SOL'], [], 0],
      [['network_metrics_daily', '--coin', 'tether'], [], 0],
      [['data_quality_24h', '--coin', 'solana'], [], 0],
      [['data_quality_24h', '--coin', 'bitcoin'], ['avg_quality', 'high_records'], 1],
      [['schema_coverage_24h', '--limit', '100'], ['table_name', 'field', 'percentage'], 35],
      [['network_metrics_daily', '--coin', 'bitcoin', '--days', '2'], ['date', 'avg_transactions'], 1],
      [['network_metrics_daily', '--coin', 'bitcoin'], ['date', 'avg_transactions'], 1],
      [['network_metrics_daily', '--days', '2'], ['date', 'avg_transactions'], 1],
      [['database_stats', '--limit', '100'], ['table_name', 'size_mb'], undefined],
      [['blocks', '--coin', 'bitcoin'], [], 0],
      [['transactions', '--coin', 'bitcoin', '--days', '1'], [], 0],
      [['addresses'], [], 0],
      [['prices', '--days', '3'], [], 0],
    ])('%j', async (words, columns, count) => {
      const rows = await here<Record<string, unknown>[]>('show', ...words);
      if (count !== undefined) expect(rows).toHaveLength(count);
      for (const column of columns) expect(Object.keys(rows[0]!)).toContain(column);
      const { code, stdout } = await cliHere(['show', ...words], environment);
      expect(code).toBe(0);
      expect(stdout.split('\n')[0]).toMatch(columns.length > 0 ? /^\w+( +\w+)*$/ : /^no row$/);
    });

    test('amounts are strings, times ISO, flags booleans; people see no empty column, and that there is more', async () => {
      const [row] = await here<Record<string, unknown>[]>('show', 'onchain_latest');
      expect(row).toMatchObject({
        difficulty: expect.stringMatching(/^123456789012345678\.50*$/) as string,
        is_active: true,
        timestamp_iso: expect.stringMatching(/T.*Z$/) as string,
        hash_rate: null,
      });
      expect((await cliHere(['show', 'onchain_latest'], environment)).stdout).not.toContain('hash_rate');
      expect((await cliHere(['show', 'schema_coverage_24h', '--limit', '2'], environment)).stdout).toMatch(
        /… and more: --limit 4\n$/,
      );
    });
  });
});

import { randomUUID } from 'node:crypto';
import { slotRunKey } from '../../activities/collect/slot-runs';
import { slotColumn } from '../../activities/collect/slots';
import { storedJson, type StoredObservation } from '../../activities/collect/stored';
import { writeSlots } from '../../activities/collect/write';
import type { FieldName } from '../../activities/fields';
import { migrateToLatest } from '../../db/migrate';
import { listAssets } from '../../db/queries/assets';
import { endRun, insertRun } from '../../db/queries/ingestion-logs';
import { writeObservations } from '../../db/queries/observations';
import { sql } from 'kysely';
import { databases, freshDatabase } from '../databases';
import { cliHere } from './run-cli';

interface Explained {
  coin_id: string;
  slot: string;
  unit: string;
  value: string | null;
  formula: string | null;
  not_applicable: string | null;
  observations: number;
  stored: { value: string | null; is_what_observations_say: boolean | null; log_id: number; run: object | null } | null;
  fields: {
    field: string;
    value: string | null;
    said: { source: string; is_used: boolean; reason: string | null }[];
  }[];
}

const slot = '2026-11-21T10:15:00.000Z';
const before = '2026-11-21T10:00:00.000Z';
const midnight = '2026-11-21T00:00:00.000Z';
const said = (at: string, values: Partial<Record<FieldName, string | [string, string]>>): StoredObservation => ({
  values: Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      [typeof value === 'string' ? { value, at } : { value: value[0], from: value[1], at }],
    ]),
  ) as StoredObservation['values'],
  asked: {},
});

describe.each(databases())('commands about slots, on $name', (server) => {
  let db: Awaited<ReturnType<typeof freshDatabase>>['db'];
  let environment: Record<string, string>;
  let logId: number;

  const here = async <T>(...words: string[]): Promise<T> => {
    const { code, stdout, stderr } = await cliHere([...words, '--json'], environment);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return JSON.parse(stdout) as T;
  };
  const lines = async (...words: string[]): Promise<string[]> => {
    const { stdout, stderr } = await cliHere(words, environment);
    expect(stderr).toBe('');
    return stdout.trimEnd().split('\n');
  };
  const run = async (source: string, dataType: string, of: string, message: string | null = null) => {
    const runId = randomUUID();
    const id = await insertRun(db, {
      ...{ source, dataType, coinId: null, coinSymbol: null, targetDate: null, slot: slotColumn(of), expected: null },
      ...{ runKey: slotRunKey(source, dataType, of), workflowId: `collect/${of.slice(0, 16)}Z`, runId },
      ...{ firstExecutionRunId: runId, triggeredBy: 'schedule collect-onchain-and-sentiment' },
    });
    await endRun(db, id, runId, { status: message === null ? 'success' : 'failed', message });
    return id;
  };

  beforeAll(async () => {
    const database = await freshDatabase(server);
    db = database.db;
    environment = { DATABASE_URL: database.url, TEMPORAL_ADDRESS: '127.0.0.1:1' };
    await migrateToLatest(db);
    await run('cryptoflow', 'onchain_data', before);
    logId = await run('cryptoflow', 'onchain_data', slot);
    await run('coinmetrics', 'observations', slot, 'coinmetrics 503');
    const observed: [string, string, StoredObservation][] = [
      ['bitcoin', 'coinmetrics', said(midnight, { active_addresses: '623145', transaction_volume: '8000000000.12' })],
      [
        'bitcoin',
        'blockchaininfo',
        said('2026-11-21T10:14:30.000Z', {
          hash_rate: ['1070667.944', '1070667944 GH/s ÷ 1000'],
          transaction_volume: '4000000000',
        }),
      ],
      ['bitcoin', 'coingecko', { ...said('2026-11-21T10:15:04.000Z', { market_cap: '1' }), asked: { markets: slot } }],
      ['bitcoin', 'coingecko.history', said('2026-11-21T09:50:00.000Z', { market_cap: '1600000000000' })],
      ['bitcoin', 'defillama', { values: {}, asked: { chains: slot, protocols: before } }],
      ['solana', 'coingecko', said('2026-11-21T10:10:00.000Z', { total_supply: '610', circulating_supply: '-5' })],
    ];
    const rows = observed.map(([coinId, source, stored]) => {
      return { slot: slotColumn(slot), coinId, source, fields: storedJson(stored) };
    });
    const assets = (await listAssets(db)).filter(({ coinId }) => ['bitcoin', 'solana', 'tether'].includes(coinId));
    await db.transaction().execute(async (trx) => {
      await writeObservations(trx, rows, logId);
      await writeSlots(trx, [slot], assets, { onchain: logId, sentiment: logId });
    });
  });

  test('explain: what every source said, what is used and why not the others', async () => {
    expect(await lines('explain', 'BTC', 'transaction_volume', '--slot', '2026-11-21T10:15Z')).toEqual([
      'bitcoin  transaction_volume  2026-11-21T10:15Z  8000000000.12  USD a day',
      '',
      "source                  value  value's time              age          used                               before conversion",
      'coinmetrics     8000000000.12  2026-11-21T00:00:00.000Z  10 h 15 min  yes                                -',
      'blockchaininfo     4000000000  2026-11-21T10:14:30.000Z  30.0 s       no: coinmetrics is believed first  -',
      'the sources differ by more than 25 %',
      '',
      'stored   8000000000.12 in onchain_data',
      `row      run ${logId}  cryptoflow.onchain_data  success  collect/2026-11-21T10:15Z  (schedule collect-onchain-and-sentiment)`,
    ]);
    expect((await lines('explain', 'bitcoin', 'hash_rate')).slice(3, 5)).toEqual([
      'coinmetrics               -  -                         -       no: gave no value yet  -',
      'blockchaininfo  1070667.944  2026-11-21T10:14:30.000Z  30.0 s  yes                    1070667944 GH/s ÷ 1000',
    ]);
  });

  test('explain: our own columns with their formula, and inputs; a value after the slot is not used', async () => {
    const ratio = await here<Explained>('explain', 'bitcoin', 'network_value_to_transactions');
    expect(ratio).toMatchObject({
      ...{ coin_id: 'bitcoin', slot, value: '200', observations: 5 },
      formula: 'market capitalisation ÷ transaction_volume of a day',
      stored: { is_what_observations_say: true, log_id: logId, run: { data_type: 'onchain_data', status: 'success' } },
      fields: [
        { field: 'market_cap', value: '1600000000000' },
        { field: 'transaction_volume', value: '8000000000.12' },
      ],
    });
    expect(ratio.fields[0]!.said.map(({ source, reason }) => [source, reason])).toEqual([
      ['coinmetrics', 'gave no value yet'],
      ['coingecko', null],
    ]);
    const cap = await here<Explained>('explain', 'bitcoin', 'market_cap');
    expect(cap).toMatchObject({ value: '1600000000000', stored: null, formula: null });
    expect((await lines('explain', 'bitcoin', 'market_cap')).at(-1)).toBe(
      'no column: it is an input of our own columns',
    );
  });

  test('explain: why nothing is there', async () => {
    const why = async (asset: string, field: string) => {
      const { stored, value, not_applicable: always, fields } = await here<Explained>('explain', asset, field);
      expect(value).toBeNull();
      return [stored?.value, always, ...fields.flatMap(({ said: all }) => all.map((each) => each.reason))];
    };
    expect(await why('bitcoin', 'defi_protocols_count')).toEqual([
      null,
      null,
      'no value that is young enough; its last answer was in the slot 2026-11-21T10:00Z',
    ]);
    expect(await why('bitcoin', 'twitter_followers')).toEqual([undefined, 'no source has it']);
    expect((await why('bitcoin', 'staking_yield'))[1]).toMatch(/^no source (has it|gives it for pow)$/);
    expect((await why('solana', 'circulating_supply')).slice(0, 5)).toEqual([
      null,
      null,
      '-5 is negative',
      'does not know solana',
      'does not apply to pos',
    ]);
    expect(await why('solana', 'reddit_subscribers')).toEqual([undefined, null, 'gave no value yet']);
    expect((await lines('explain', 'solana', 'reddit_subscribers', '--slot', '2026-11-21T10:15Z')).at(-1)).toBe(
      'stored   no row in crypto_sentiment_data: no source gave anything that belongs into it',
    );
  });

  test('explain: a row without observations, and one that is no longer what they say', async () => {
    expect(await here('explain', 'tether', 'total_supply')).toMatchObject({ observations: 0, stored: { value: null } });
    expect(await lines('explain', 'tether', 'total_supply')).toContain(
      'no observation of this slot is stored: the value cannot be traced further than to its run',
    );
    await sql`UPDATE onchain_data SET total_supply = 600, log_id = 999 WHERE coin_id = 'solana'`.execute(db);
    expect((await lines('explain', 'SOL', 'total_supply')).slice(-2)).toEqual([
      'stored   600 in onchain_data; the observations now say 610: an observation or the asset has changed since, a rerun of the slot makes them agree',
      'row      run 999  no longer in the log',
    ]);
  });

  test('explain: what cannot be explained is refused with what to do', async () => {
    for (const [words, expected, exit] of [
      [['explain', 'bitcoin', 'price'], 'there is no field "price" - known: active_addresses, ', 2],
      [['explain', 'bitcoin', 'hash_rate', '--slot', '2026-11-21T10:05Z'], 'a quarter-hour of UTC like', 2],
      [['explain', 'nobody', 'hash_rate'], 'asset "nobody" is unknown; known: ', 1],
      [['explain', 'dogecoin', 'hash_rate'], 'dogecoin has no row in onchain_data', 1],
      [
        ['explain', 'bitcoin', 'hash_rate', '--slot', '2026-11-21T10:30Z'],
        'start collectOnchainAndSentiment {"slot":"2026-11-21T10:30Z"}',
        1,
      ],
    ] as const) {
      const { code, stdout, stderr } = await cliHere(words, environment);
      expect(stderr).toContain(expected);
      expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    }
  });

  test('logs: the slot of a run, and the runs of a slot', async () => {
    const all = (await lines('logs')).map((line) => line.replaceAll(/\d+ ms/g, 'N ms'));
    expect(all).toEqual([
      'coinmetrics.observations  all  2026-11-21T10:15Z  failed   0 rows  N ms  coinmetrics 503',
      'cryptoflow.onchain_data   all  2026-11-21T10:15Z  success  0 rows  N ms',
      'cryptoflow.onchain_data   all  2026-11-21T10:00Z  success  0 rows  N ms',
    ]);
    expect(await here('logs', '--slot', '2026-11-21T10:00Z')).toMatchObject([
      { data_type: 'onchain_data', slot: '2026-11-21T10:00:00.000000Z', target_date: null },
    ]);
    expect(await here('logs', '--slot', '2026-11-21T10:15:00Z', '--status', 'failed')).toHaveLength(1);
    expect(await lines('logs', '--slot', '2026-11-21T10:30Z')).toEqual(['no run']);
  });
});

import { sql, type Kysely } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { upsertRows, type SqlRow, type Upsert } from '../../db/upsert';
import { databases, freshDatabase } from '../databases';

describe.each(databases())('upsertRows on $name', (server) => {
  let db: Kysely<Schema>;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
  });

  const write = (upsert: Upsert) => db.transaction().execute((trx) => upsertRows(trx, upsert));
  const writePrices = (rows: SqlRow[], logId: number) =>
    write({ table: 'raw_market_prices_volumes', key: ['coin_id', 'price_date'], rows, logId });
  const prices = (coin: string) =>
    db.selectFrom('raw_market_prices_volumes').selectAll().where('coin_id', '=', coin).orderBy('price_date').execute();
  const price = (coin: string, day: number, usd: string): SqlRow => ({
    coin_id: coin,
    price_date: `2026-11-${String(day).padStart(2, '0')}`,
    price_usd: usd,
    volume_usd: day % 2 ? '12345678901234567890.123456789012345678' : null,
    market_cap_usd: null,
  });

  it.each([1, 2, 30])('counts %i rows exactly, and leaves equal ones alone', async (count) => {
    const coin = `coin-${count}`;
    const rows = Array.from({ length: count }, (_, index) => price(coin, index + 1, `0.00000000000${index + 1}`));
    expect(await writePrices(rows, 1)).toEqual({ inserted: count, updated: 0, unchanged: 0 });
    const before = await prices(coin);
    expect(before[0]).toMatchObject({
      price_usd: '0.000000000001000000',
      volume_usd: '12345678901234567890.123456789012345678',
    });
    expect(await writePrices(rows, 2)).toEqual({ inserted: 0, updated: 0, unchanged: count });
    expect(await prices(coin)).toEqual(before);

    rows[count - 1] = price(coin, count, '0.1');
    rows.push(price('other', count, '7'));
    expect(await writePrices(rows, 3 + count)).toEqual({ inserted: 1, updated: 1, unchanged: count - 1 });
    const after = await prices(coin);
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.at(-1)).toMatchObject({
      price_usd: '0.100000000000000000',
      log_id: 3 + count,
      created_at: before.at(-1)!.created_at,
    });
    expect(after.at(-1)!.updated_at > before.at(-1)!.updated_at).toBe(true);
  });

  it('sees a change to and from NULL, and one in the last place of a number', async () => {
    const row = price('null', 2, '1.000000000000000000');
    await writePrices([row], 1);
    expect(await writePrices([{ ...row, volume_usd: '0' }], 2)).toEqual({ inserted: 0, updated: 1, unchanged: 0 });
    expect(await writePrices([{ ...row, volume_usd: null }], 3)).toEqual({ inserted: 0, updated: 1, unchanged: 0 });
    expect(await writePrices([{ ...row, price_usd: '1' }], 4)).toEqual({ inserted: 0, updated: 0, unchanged: 1 });
    expect(await writePrices([{ ...row, price_usd: '1.000000000000000001' }], 5)).toEqual({
      inserted: 0,
      updated: 1,
      unchanged: 0,
    });
    expect(await prices('null')).toMatchObject([{ log_id: 5, price_usd: '1.000000000000000001' }]);
  });

  it('compares JSON', async () => {
    const row = {
      slot: '2026-11-21 10:15:00.000000',
      coin_id: 'bitcoin',
      source: 'x',
      fields: '{"difficulty": {"value": "1e3", "as_of": "2026-11-21T10:14:59Z"}}',
    };
    const observe = (fields: string, logId: number) =>
      write({ table: 'source_observations', key: ['slot', 'coin_id', 'source'], rows: [{ ...row, fields }], logId });
    expect(await observe(row.fields, 1)).toEqual({ inserted: 1, updated: 0, unchanged: 0 });
    expect(await observe(row.fields, 2)).toEqual({ inserted: 0, updated: 0, unchanged: 1 });
    expect(await observe(row.fields.replace('1e3', '1e4'), 3)).toEqual({ inserted: 0, updated: 1, unchanged: 0 });
    const stored = await db
      .selectFrom('source_observations')
      .select(['fields', 'log_id', 'slot'])
      .executeTakeFirstOrThrow();
    expect(stored).toMatchObject({ log_id: 3, slot: row.slot });
    expect(JSON.parse(stored.fields)).toEqual({ difficulty: { value: '1e4', as_of: '2026-11-21T10:14:59Z' } });
  });

  it('writes partitioned rows of more than one statement, in one transaction', async () => {
    const rows = Array.from({ length: 2_500 }, (_, index) => ({
      coin_symbol: 'BTC',
      block_id: Math.floor(index / 100),
      tx_hash: `${index}`.padStart(64, 'a'),
      tx_time: new Date(Date.UTC(2026, 10, 21, 0, 0, index)),
      fee_usd: '0.01',
      is_coinbase: index % 100 === 0,
    }));
    const key = ['coin_symbol', 'block_id', 'tx_hash', 'tx_time'];
    const load = (logId: number) => write({ table: 'raw_blockchain_transactions', key, rows, logId });
    expect(await load(1)).toEqual({ inserted: 2_500, updated: 0, unchanged: 0 });
    rows[7]!.fee_usd = '0.02';
    rows[2_001]!.is_coinbase = true;
    expect(await load(2)).toEqual({ inserted: 0, updated: 2, unchanged: 2_498 });
    const changed = db
      .selectFrom('raw_blockchain_transactions')
      .select(['tx_time', 'fee_usd', 'is_coinbase'])
      .where('log_id', '=', 2);
    expect(await changed.orderBy('tx_time').execute()).toEqual([
      { tx_time: '2026-11-21 00:00:07.000000', fee_usd: '0.020000000000', is_coinbase: 0 },
      { tx_time: '2026-11-21 00:33:21.000000', fee_usd: '0.010000000000', is_coinbase: 1 },
    ]);
    await expect(
      write({
        table: 'raw_blockchain_transactions',
        key,
        logId: 3,
        rows: [...rows, { ...rows[0]!, block_id: 99, fee_usd: 'much' }],
      }),
    ).rejects.toThrow(/fee_usd/);
    expect(
      await db.selectFrom('raw_blockchain_transactions').select('log_id').where('log_id', '=', 3).execute(),
    ).toEqual([]);
  });

  it('moves a block whose hash came at another height, and refuses two blocks of one hash', async () => {
    const block = (block_id: number, block_hash: string) => ({
      coin_symbol: 'BTC',
      block_id,
      block_hash,
      block_time: '2026-11-21 00:00:00',
      difficulty: '0.000244140625',
    });
    const load = (logId: number, ...rows: SqlRow[]) =>
      write({ table: 'raw_blockchain_blocks', key: ['coin_symbol', 'block_id'], rows, logId });
    expect(await load(1, block(1, 'aa'), block(2, 'bb'))).toEqual({ inserted: 2, updated: 0, unchanged: 0 });
    expect(await load(2, block(3, 'bb'))).toEqual({ inserted: 0, updated: 1, unchanged: 0 });
    await expect(load(3, block(1, 'bb'))).rejects.toThrow(/Duplicate entry/);
    const blocks = await db
      .selectFrom('raw_blockchain_blocks')
      .select(['block_id', 'block_hash', 'log_id', 'difficulty'])
      .orderBy('block_id')
      .execute();
    expect(blocks).toEqual([
      { block_id: 1, block_hash: 'aa', log_id: 1, difficulty: '0.000244140625000' },
      { block_id: 3, block_hash: 'bb', log_id: 2, difficulty: '0.000244140625000' },
    ]);
  });

  it('keeps insert-only columns, works without log_id, and refuses what is missing', async () => {
    const watched = { coin_symbol: 'BTC', address: '1A', label: 'genesis', is_active: true };
    const watch = (row: SqlRow) =>
      write({ table: 'watched_addresses', key: ['coin_symbol', 'address'], rows: [row], insertOnly: ['label'] });
    expect(await watch(watched)).toEqual({ inserted: 1, updated: 0, unchanged: 0 });
    expect(await watch({ ...watched, label: 'other' })).toEqual({ inserted: 0, updated: 0, unchanged: 1 });
    expect(await watch({ ...watched, label: 'other', is_active: false })).toEqual({
      inserted: 0,
      updated: 1,
      unchanged: 0,
    });
    expect(await db.selectFrom('watched_addresses').select(['label', 'is_active']).execute()).toEqual([
      { label: 'genesis', is_active: 0 },
    ]);
    expect(await write({ table: 'watched_addresses', key: ['address'], rows: [] })).toEqual({
      inserted: 0,
      updated: 0,
      unchanged: 0,
    });
    await expect(writePrices([price('x', 1, '1'), { coin_id: 'x', price_date: '2026-11-02' }], 1)).rejects.toThrow(
      'lacks the column price_usd',
    );
    await expect(
      write({ table: 'watched_addresses', key: ['coin_symbol'], rows: [{ address: '1B' }] }),
    ).rejects.toThrow('lack the key column coin_symbol');
  });

  it('keeps big integers, quotes and emoji as they are', async () => {
    await sql`INSERT INTO retention_ledger (table_name, coin_id, day, slots_low, slots_high) VALUES ('t', 'c', '2026-11-21', ${18446744073709551615n}, 5)`.execute(
      db,
    );
    const ledger = await db
      .selectFrom('retention_ledger')
      .select(['slots_low', 'slots_high', 'day'])
      .executeTakeFirstOrThrow();
    expect(ledger).toEqual({ slots_low: '18446744073709551615', slots_high: 5, day: '2026-11-21' });
    const label = `it's "\\N" \\' 🙂\n\t`;
    await write({
      table: 'watched_addresses',
      key: ['coin_symbol', 'address'],
      rows: [{ coin_symbol: 'LTC', address: 'q', label }],
    });
    expect(await db.selectFrom('watched_addresses').select('label').where('coin_symbol', '=', 'LTC').execute()).toEqual(
      [{ label }],
    );
  });
});

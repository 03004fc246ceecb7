import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { sql, type Kysely, type Transaction } from 'kysely';
import { createFolderStore } from '../../activities/backup/folder-store';
import { readManifest } from '../../activities/backup/read-backup';
import { countMarks, noteChangedUnits, unitsOf, type Unit } from '../../db/queries/changed-units';
import { listBackups } from '../../db/queries/backups';
import type { Schema } from '../../db/schema';
import { upsertRows } from '../../db/upsert';
import { databases, freshDatabase } from '../databases';
import { contentOf, newFolder, startRig, type Rig } from './rig';

type Row = Readonly<Record<string, string | number | null>>;

/** What writers do: rows and their marks in one transaction. */
async function write(trx: Transaction<Schema>, table: string, key: string[], rows: Row[]): Promise<void> {
  await upsertRows(trx, { table, key, rows, logId: 1 });
  await noteChangedUnits(trx, unitsOf(table, rows));
}
const prices = (trx: Transaction<Schema>, coin: string, days: string[], price: string) =>
  write(
    trx,
    'raw_market_prices_volumes',
    ['coin_id', 'price_date'],
    days.map((day) => ({ coin_id: coin, price_date: day, price_usd: price })),
  );
const blocks = (trx: Transaction<Schema>, from: number, count: number, time: string) =>
  write(
    trx,
    'raw_blockchain_blocks',
    ['coin_symbol', 'block_id'],
    Array.from({ length: count }, (_, index) => ({
      ...{ coin_symbol: 'BTC', block_id: from + index, block_hash: `h${from + index}`, block_time: time },
    })),
  );
const inTransaction = (db: Kysely<Schema>, work: (trx: Transaction<Schema>) => Promise<unknown>) =>
  db.transaction().execute(work);

describe.each(databases())('incremental backups on $name', (server) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig(server);
  });
  const unitsIn = async (id: string) =>
    (await readManifest(rig.store, id)).manifest.files.flatMap(({ table, parts }) =>
      parts.flatMap(({ coin, day, rows }) => (coin === null ? [] : [`${table} ${coin || 'all'} ${day} ${rows}`])),
    );
  const expectRestored = async (id: string) => {
    const { database } = await rig.restore(id);
    expect(await contentOf(database.url)).toEqual(await contentOf(rig.url));
    return database;
  };

  test('hold what was written since, whatever its date; restored they replace, deletes included', async () => {
    const { db } = rig;
    await inTransaction(db, (trx) => prices(trx, 'bitcoin', ['2024-02-29', '2026-11-20', '2026-11-21'], '1'));
    await inTransaction(db, (trx) => blocks(trx, 100, 50, '2026-11-20 12:00:00'));
    // the first one has nothing to continue
    const full = await rig.backup('incremental');
    expect(full).toMatchObject({ kind: 'full', insteadBecause: 'there is no backup yet', units: 0 });
    expect(await countMarks(db)).toBe(0);

    // an old day comes late, another is replaced and loses rows, a block moves over midnight, a coin's day goes
    await inTransaction(db, (trx) => prices(trx, 'ethereum', ['2023-12-31'], '2'));
    await inTransaction(db, (trx) => prices(trx, 'bitcoin', ['2024-02-29'], '3'));
    await inTransaction(db, async (trx) => {
      await sql`DELETE FROM raw_blockchain_blocks WHERE block_id >= 130`.execute(trx);
      await blocks(trx, 149, 2, '2026-11-21 00:00:01');
      await noteChangedUnits(trx, [{ table: 'raw_blockchain_blocks', coin: 'BTC', day: '2026-11-20' }]);
    });
    await inTransaction(db, async (trx) => {
      await sql`DELETE FROM raw_market_prices_volumes WHERE price_date = '2026-11-20'`.execute(trx);
      await noteChangedUnits(trx, [{ table: 'raw_market_prices_volumes', coin: '', day: '2026-11-20' }]);
    });
    await sql`UPDATE coin_metadata SET name = 'Renamed' WHERE symbol = 'BTC'`.execute(db);
    const first = await rig.backup('incremental');
    expect(first).toMatchObject({ kind: 'incremental', insteadBecause: null });
    expect(await unitsIn(first.id)).toEqual([
      'raw_blockchain_blocks BTC 2026-11-20 30',
      'raw_blockchain_blocks BTC 2026-11-21 2',
      'raw_market_prices_volumes ethereum 2023-12-31 1',
      'raw_market_prices_volumes bitcoin 2024-02-29 1',
      'raw_market_prices_volumes all 2026-11-20 0',
    ]);
    await expectRestored(first.id);

    // a rollback changed nothing, and marks nothing
    await expect(
      inTransaction(db, async (trx) => {
        await prices(trx, 'bitcoin', ['2020-01-01'], '9');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await inTransaction(db, (trx) => prices(trx, 'bitcoin', ['2026-11-20'], '4'));
    const second = await rig.backup('incremental');
    expect(await unitsIn(second.id)).toEqual(['raw_market_prices_volumes bitcoin 2026-11-20 1']);
    const restored = await expectRestored(second.id);
    // a restored database is one of its own: its first backup is full
    expect(await listBackups(restored.db)).toEqual([]);
    expect(await countMarks(restored.db)).toBe(0);
  });

  test('a transaction that goes on while the snapshot is taken is in this backup or in the next', async () => {
    const before = await rig.backup('full');
    let commit = () => {};
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    let hasWritten = () => {};
    const written = new Promise<void>((resolve) => (hasWritten = resolve));
    const open = inTransaction(rig.db, async (trx) => {
      await prices(trx, 'dogecoin', ['2026-11-01'], '1');
      hasWritten();
      await mayCommit;
    });
    await written;
    await inTransaction(rig.db, (trx) => prices(trx, 'dogecoin', ['2026-11-02'], '1'));
    const during = await rig.backup('incremental');
    commit();
    await open;
    const after = await rig.backup('incremental');
    expect(await unitsIn(during.id)).toEqual(['raw_market_prices_volumes dogecoin 2026-11-02 1']);
    expect(await unitsIn(after.id)).toEqual(['raw_market_prices_volumes dogecoin 2026-11-01 1']);
    expect(before.id < during.id).toBe(true);
    await expectRestored(after.id);
  });

  test('a unit that is written again after the snapshot stays marked', async () => {
    await inTransaction(rig.db, (trx) => prices(trx, 'bitcoin', ['2026-11-03'], '1'));
    const store = createFolderStore(rig.folder);
    // the snapshot is taken when the first file is written
    let once: Promise<unknown> | undefined;
    const slow = {
      ...store,
      write: async (...args: Parameters<typeof store.write>) => {
        await (once ??= inTransaction(rig.db, (trx) => prices(trx, 'bitcoin', ['2026-11-03', '2026-11-04'], '2')));
        return store.write(...args);
      },
    };
    const first = await rig.backup('incremental', slow);
    expect(await unitsIn(first.id)).toEqual(['raw_market_prices_volumes bitcoin 2026-11-03 1']);
    const second = await rig.backup('incremental');
    expect(await unitsIn(second.id)).toEqual([
      'raw_market_prices_volumes bitcoin 2026-11-03 1',
      'raw_market_prices_volumes bitcoin 2026-11-04 1',
    ]);
    await expectRestored(second.id);
  });

  test('two at a time: one waits for the other, and neither loses a mark', async () => {
    await inTransaction(rig.db, (trx) => prices(trx, 'bitcoin', ['2026-11-05'], '1'));
    const both = await Promise.all([rig.backup('incremental'), rig.backup('incremental')]);
    expect((await Promise.all(both.map(({ id }) => unitsIn(id)))).flat()).toEqual([
      'raw_market_prices_volumes bitcoin 2026-11-05 1',
    ]);
    await expectRestored(both.map(({ id }) => id).toSorted()[1]!);
  });

  test('a backup that fails half-way keeps every mark, removes its files and touches no other', async () => {
    await inTransaction(rig.db, (trx) => prices(trx, 'bitcoin', ['2026-11-06'], '1'));
    const before = await rig.store.list();
    let files = 0;
    const failing = {
      ...rig.store,
      write: async (...args: Parameters<typeof rig.store.write>) => {
        files += 1;
        if (files === 3) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        return rig.store.write(...args);
      },
    };
    await expect(rig.backup('incremental', failing)).rejects.toThrow('no space left');
    expect(await rig.store.list()).toEqual(before);
    expect((await listBackups(rig.db)).at(-1)).toMatchObject({ status: 'failed', message: 'no space left on device' });
    const next = await rig.backup('incremental');
    expect(await unitsIn(next.id)).toEqual(['raw_market_prices_volumes bitcoin 2026-11-06 1']);
    await expectRestored(next.id);
  });

  test('a chain that is not whole is not continued', async () => {
    const [newest] = (await rig.store.list()).toReversed();
    writeFileSync(path.join(rig.folder, newest!, 'manifest.json'), '{}');
    const full = await rig.backup('incremental');
    expect(full).toMatchObject({
      kind: 'full',
      insteadBecause: expect.stringContaining('is not what was written (SHA-256)') as string,
    });
    const elsewhere = await rig.backup('incremental', createFolderStore(newFolder()));
    expect(elsewhere).toMatchObject({
      kind: 'full',
      insteadBecause: expect.stringContaining('lies in another place') as string,
    });
  });

  test('a stranger restores a full backup and its incremental with the stock client alone', async () => {
    const full = await rig.backup('full');
    await inTransaction(rig.db, async (trx) => {
      await prices(trx, 'bitcoin', ['2026-11-07'], '0.000000000001');
      await sql`DELETE FROM raw_blockchain_blocks WHERE block_id < 110`.execute(trx);
      await noteChangedUnits(trx, [{ table: 'raw_blockchain_blocks', coin: '', day: '2026-11-20' }] satisfies Unit[]);
    });
    const increment = await rig.backup('incremental');
    const target = await freshDatabase(server);
    const { hostname, port, username, password, pathname } = new URL(target.url);
    const database = pathname.slice(1);
    // the commands of readme.txt, with this server's address
    for (const { location } of [full, increment]) {
      const readme = spawnSync('cat', ['readme.txt'], { cwd: location, encoding: 'utf8' }).stdout;
      const commands = readme
        .split('\n')
        .filter((line) => /^ {2}(sha256sum|gunzip|for )/.test(line))
        .map((line) =>
          line.trim().replace('-h HOST -u USER -p restored', `-h ${hostname} -P ${port} -u ${username} ${database}`),
        );
      expect(commands.length).toBe(location === full.location ? 3 : 2);
      for (const command of commands) {
        const result = spawnSync('bash', ['--norc', '-o', 'pipefail', '-ec', command], {
          cwd: location,
          encoding: 'utf8',
          env: { PATH: process.env.PATH, MYSQL_PWD: decodeURIComponent(password) },
        });
        expect({ command, status: result.status, stderr: result.stderr }).toEqual({ command, status: 0, stderr: '' });
      }
    }
    expect(await contentOf(target.url)).toEqual(await contentOf(rig.url));
  });
});

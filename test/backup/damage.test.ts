import { createHash, randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { drillBackup } from '../../activities/backup/drill';
import { createFolderStore } from '../../activities/backup/folder-store';
import type { RowsFile } from '../../activities/backup/manifest';
import { noReader, readManifest, readRowsFile } from '../../activities/backup/read-backup';
import { readShapes } from '../../activities/backup/shapes';
import { sumsText } from '../../activities/backup/store';
import { storeFailure } from '../../activities/backup/store-failure';
import { databaseOpener } from '../../workers/context';
import { databases } from '../databases';
import { damageEach, verdictOn } from './damage';
import { newFolder, startRig, type Rig } from './rig';
import { mountSmallDisk } from './small-disk';

const here = databases()[0]!;
let rig: Rig;
let id: string;
beforeAll(async () => {
  rig = await startRig(here);
  id = (await rig.backup('full')).id;
});

test('a bit or the end of any file: always found, by the files alone', async () => {
  expect(await verdictOn(rig.store, id)).toBeUndefined();
  const damages = await damageEach(rig.store, id, 30);
  expect(damages).toHaveLength(60);
  expect(damages.filter(({ found }) => found === undefined)).toEqual([]);
  expect(await verdictOn(rig.store, id)).toBeUndefined();
});

describe('a forged backup, with every hash made anew, runs nothing', () => {
  /** Rewrites a file's SQL and whatever speaks of it, as somebody would who can write where backups lie. */
  async function forge(change: (sql: string) => string, more: (file: RowsFile) => void = () => undefined) {
    const manifest = structuredClone((await readManifest(rig.store, id)).manifest);
    const forged = createFolderStore(newFolder());
    cpSync(rig.store.locationOf(id), forged.locationOf(id), { recursive: true });
    const file = manifest.files.find(({ table }) => table === 'coin_metadata')!;
    const original = path.join(rig.store.locationOf(id), file.name);
    const packed = gzipSync(change(gunzipSync(readFileSync(original)).toString('latin1')));
    writeFileSync(path.join(forged.locationOf(id), file.name), packed);
    Object.assign(file, { sizeBytes: packed.length, sha256: createHash('sha256').update(packed).digest('hex') });
    more(file);
    const text = JSON.stringify(manifest);
    writeFileSync(path.join(forged.locationOf(id), 'manifest.json'), text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    writeFileSync(path.join(forged.locationOf(id), 'SHA256SUMS'), sumsText(manifest, sha256));
    expect(await verdictOn(forged, id)).toBeUndefined();
    return { store: forged, manifest, file };
  }

  test.each<[string, (sql: string) => string, RegExp]>([
    ['nothing else', (sql) => sql, /^read to its end$/],
    ['a statement more', (sql) => `${sql}DROP TABLE crypto_assets;\n`, /nothing more is expected/],
    [
      'one in between',
      (sql) => sql.replace('INSERT', 'DROP TABLE crypto_assets;\nINSERT'),
      /line 4: part 1 has 0 rows/,
    ],
    [
      'another table',
      (sql) => sql.replaceAll('`coin_metadata`', '`crypto_assets`'),
      /line 3: "DELETE FROM `coin_metadata`;" is expected/,
    ],
    ['an expression', (sql) => sql.replace("'Bitcoin'", '(SELECT 1)'), /line 6: not a row of this table: no value at/],
    ['a value more', (sql) => sql.replace("('BTC',", "('BTC','x',"), /line 6: not a row of this table/],
    ['another value', (sql) => sql.replace("'Bitcoin'", "'Bitcoim'"), /part 1 has 7 rows instead of 7, or other ones/],
    ['a row less', (sql) => sql.replace(/^\('BTC'.*\n/m, ''), /part 1 has 6 rows instead of 7/],
    [
      'a huge line',
      (sql) => sql.replace("'Bitcoin'", `'${'x'.repeat(9_000_000)}'`),
      /a line of more than 8388608 bytes/,
    ],
    ['half a line', (sql) => sql.slice(0, -3), /ends within/],
    ['an empty file', () => '', /line 1: "-- cryptoflow backup/],
  ])('%s', async (_what, change, expected) => {
    const { store, manifest, file } = await forge(change);
    const connection = await rig.pool.getConnection();
    const kinds = (await readShapes(connection)).get('coin_metadata')!.columns.map(({ kind }) => kind);
    connection.release();
    const verdict = await readRowsFile(store, manifest, file, kinds, noReader).then(
      () => 'read to its end',
      (error: Error) => error.message,
    );
    expect(verdict).toMatch(expected);
  });

  test.each<[string, (file: RowsFile) => void, string]>([
    ['a table', (file) => (file.table = 'mysql_user'), 'holds a table mysql_user, which is none of this schema'],
    ['columns', (file) => file.columns.pop(), 'the columns of coin_metadata are'],
  ])('%s that is none of ours', async (_what, more, expected) => {
    const { store } = await forge((sql) => sql, more);
    await expect(rig.restore(id, here, store)).rejects.toThrow(expected);
  });
});

test('two drills at a time wait for each other', async () => {
  const open = databaseOpener({ databaseUrl: rig.url });
  const database = `${new URL(rig.url).pathname.slice(1)}_drill`;
  const signal = new AbortController().signal;
  const drill = () => drillBackup({ store: rig.store, open, database, id, signal });
  const both = await Promise.all([drill(), drill()]);
  expect(both[0]).toEqual(both[1]);
});

test('a disk that fills up: a clear failure, no other backup touched, the next one good', async () => {
  const disk = mountSmallDisk(1);
  if (!disk) return;
  try {
    const store = createFolderStore(path.join(disk.folder, 'backups'));
    const first = await rig.backup('full', store);
    await rig.db
      .insertInto('rejected_records')
      .values(
        Array.from({ length: 30 }, () => ({
          ...{ log_id: 1, source: 'test', data_type: 'blocks', reason: 'none' },
          raw: randomBytes(48_000).toString('base64'),
        })),
      )
      .execute();
    const error = await rig.backup('full', store).catch((failed: unknown) => failed);
    expect(storeFailure(error, (text) => text, 1)).toMatchObject({
      type: 'Unavailable',
      message: expect.stringMatching(
        /^the backup could not be written: no space is left .*ENOSPC.*tries again/,
      ) as string,
    });
    expect(await store.list()).toEqual([first.id]);
    expect(await verdictOn(store, first.id)).toBeUndefined();
    disk.resize(20);
    const next = await rig.backup('incremental', store);
    expect(next.kind).toBe('incremental');
    expect(await verdictOn(store, next.id)).toBeUndefined();
  } finally {
    disk.unmount();
  }
});

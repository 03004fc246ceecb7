import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'kysely';
import type { BackupResult } from '../../workflows/backup-database';
import { listBackups } from '../../db/queries/backups';
import { countMarks } from '../../db/queries/changed-units';
import { listRuns } from '../../db/queries/ingestion-logs';
import { openDatabase } from '../../db/connect';
import { families, familyOf } from '../../db/families';
import { contentOf, newFolder } from '../backup/rig';
import { cli, cliJson } from '../cli/run-cli';
import { databases, freshDatabase } from '../databases';
import { failureOf, startProduct, type Product } from '../product';
import { fillDetail } from '../retention/detail-rows';

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

describe.each(databases())('backupDatabase on $name', (server) => {
  let product: Product;
  let folder: string;
  beforeAll(async () => {
    folder = newFolder();
    product = await startProduct({
      server,
      simulator: { transactionsPerDay: 120 },
      environment: {
        CRYPTOFLOW_BACKUP_TO: folder,
        CRYPTOFLOW_BACKUP_KEEP_DAILY: '1',
        CRYPTOFLOW_BACKUP_KEEP_WEEKLY: '1',
      },
    });
  });
  afterAll(async () => product?.stop());

  const drillDatabase = () => `${new URL(product.databaseUrl).pathname.slice(1)}_drill`;
  /** Days of detail that live on as daily values. */
  const archivedDays = async () =>
    Promise.all(
      families.map(async ({ detail, aggregated }) => {
        const { rows } = await sql<{
          n: number;
        }>`SELECT COUNT(DISTINCT day) AS n FROM ${sql.table(aggregated)}`.execute(product.db);
        return `${detail} ${rows[0]!.n}`;
      }),
    );
  const logged = async (dataType: string) => {
    const runs = await listRuns(product.db, { source: 'cryptoflow', limit: 50 });
    return runs.filter((run) => run.dataType === dataType).map(({ status, processed }) => ({ status, processed }));
  };

  test('a full one with its drill, then what old dates, reruns and retention wrote; restored they are equal', async () => {
    const coins = ['bitcoin'];
    await product.run('dailyIngestion', { date: daysAgo(2), coins });
    // detail on both sides of what two days' retention archives
    for (const { detail, days } of [
      { detail: 'onchain_data', days: [400, 93, 91, 90, 89] },
      { detail: 'crypto_sentiment_data', days: [400, 33, 31, 30, 29] },
    ] as const)
      await fillDetail(product.db, familyOf(detail), {
        coins: ['bitcoin', 'ethereum'],
        days: days.map(daysAgo),
        everyNth: 8,
        sources: ['coingecko'],
      });
    // a stranger's table is said to be left out, and does no harm
    await sql`CREATE TABLE Strange (d DATETIME NOT NULL, f FLOAT) PARTITION BY RANGE COLUMNS (d) (PARTITION \`p-1\` VALUES LESS THAN (MAXVALUE))`.execute(
      product.db,
    );
    const first = await product.run<BackupResult>('backupDatabase');
    expect(first).toMatchObject({
      status: 'success',
      backup: {
        kind: 'full',
        location: path.join(folder, first.backup!.id),
        leftOut: [expect.stringMatching(/^strange$/i)],
      },
      removed: [],
    });
    expect(first.drilledRows).toBe(first.backup!.rows);
    expect(await logged('backup')).toEqual([{ status: 'success', processed: first.backup!.rows }]);
    expect(await logged('backup_drill')).toEqual([{ status: 'success', processed: first.drilledRows }]);
    expect(await listBackups(product.db)).toMatchObject([
      {
        id: first.backup!.id,
        status: 'success',
        verifyResult: expect.stringMatching(/^restored for a trial: \d+ tables, \d+ rows, all equal$/) as string,
      },
    ]);

    // a day months back by request and by range, and the same day once more, which changes nothing
    await product.run('dailyIngestion', { date: daysAgo(100), coins });
    await product.run('backfill', { workflow: 'ingestCoinGecko', from: daysAgo(60), to: daysAgo(51), coins });
    await product.run('dailyIngestion', { date: daysAgo(2), coins });
    expect(await countMarks(product.db)).toBe(3 + 10);
    const second = await product.run<BackupResult>('backupDatabase', { kind: 'incremental' });
    expect(second).toMatchObject({
      backup: { kind: 'incremental', units: 13, insteadBecause: null },
      drilledRows: null,
    });
    expect(await countMarks(product.db)).toBe(0);

    // a day that was replaced at its source, and retention
    const { rows } = await sql<{ tx_hash: string }>`SELECT tx_hash FROM raw_blockchain_transactions
      WHERE tx_time < ${daysAgo(99)} LIMIT 1`.execute(product.db);
    const undo = product.simulator.changeRow('bitcoin/transactions', rows[0]!.tx_hash, { fee_usd: 12.345 });
    await product.run('ingestBlockchair', { date: daysAgo(100), coins });
    undo();
    await product.run('applyRetention', { date: daysAgo(3) });
    const third = await product.run<BackupResult>('backupDatabase', { kind: 'incremental' });
    expect(await archivedDays()).toEqual(['onchain_data 1', 'crypto_sentiment_data 1']);
    await product.run('applyRetention');
    expect(await archivedDays()).toEqual(['onchain_data 2', 'crypto_sentiment_data 2']);
    const fourth = await product.run<BackupResult>('backupDatabase', { kind: 'incremental' });
    for (const { backup } of [third, fourth]) expect(backup!.units).toBeGreaterThan(0);

    await sql`DROP TABLE Strange`.execute(product.db);
    const before = await contentOf(product.databaseUrl);
    const target = await freshDatabase(server);
    const into = new URL(target.url).pathname.slice(1);
    const made = [first, second, third, fourth];
    const restored = await cliJson<{ backups: string[] }>(['restore', 'latest', '--into', into], product.environment);
    expect(restored.backups).toEqual(made.map(({ backup }) => backup!.id));
    const after = await contentOf(target.url);
    // the run that made the backup is in it as running
    for (const content of [before, after]) {
      delete content.data_ingestion_logs;
      delete content.ingestion_pages;
    }
    expect(after).toEqual(before);

    const again = await cli(['restore', 'latest', '--into', into], product.environment);
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`${into} is not empty`) as string,
    });
    expect(again.stderr).toContain(`add --overwrite ${into}`);
    const overwritten = await cli(
      ['restore', first.backup!.id, '--into', into, '--overwrite', into],
      product.environment,
    );
    expect(overwritten).toMatchObject({ code: 0, stderr: '' });
    expect(overwritten.stdout).toContain(`${into}  `);

    const verified = await cli(['backup', 'verify', 'latest'], product.environment);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).join(' '))).toEqual([
      ...[...made.map(({ backup }) => `${backup!.id} good`), ''],
    ]);
  });

  test('a file that is not what was written is refused before anything is; the next backup is a full one', async () => {
    const newest = (await listBackups(product.db)).at(-1);
    writeFileSync(path.join(newest!.location!, 'coin_metadata.sql.gz'), 'x');
    const into = `${drillDatabase()}_none`;
    const refused = await cli(['restore', 'latest', '--into', into], product.environment);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/coin_metadata\.sql\.gz has 1 bytes instead of \d+/);
    const { pool, close } = openDatabase(server.url, { poolSize: 1 });
    const [found] = await pool.query('SHOW DATABASES LIKE ?', [into]);
    await close();
    expect(found).toEqual([]);
    const checked = await cli(['backup', 'verify', 'latest'], product.environment);
    expect(checked).toMatchObject({ code: 1 });
    // nothing continues what is known to be damaged
    expect((await listBackups(product.db)).at(-1)!.verifyResult).toMatch(
      /^failed: .*coin_metadata\.sql\.gz has 1 bytes/,
    );
    const next = await product.run<BackupResult>('backupDatabase', { kind: 'incremental', drill: false });
    expect(next.backup).toMatchObject({
      kind: 'full',
      insteadBecause: expect.stringContaining('is not good') as string,
    });
  });

  test('with CLI: a full one by hand; what is older than is to be kept goes, after the drill', async () => {
    const made = await cliJson<{ result: BackupResult }>(['backup', 'now', '--kind', 'full'], product.environment);
    expect(made.result).toMatchObject({
      status: 'success',
      backup: { kind: 'full' },
      drilledRows: made.result.backup!.rows,
    });
    expect(made.result.removed).toHaveLength(1);
    const listed = await cliJson<{ id: string; status: string }[]>(['backup', 'list'], product.environment);
    expect(listed.map(({ id, status }) => [id, status])).toEqual([[made.result.backup!.id, 'success']]);
    mkdirSync(path.join(folder, '2020-01-01-000000-full'));
    const { stdout } = await cli(['backup', 'list'], product.environment);
    expect(stdout).toMatch(/^2020-01-01-000000-full +not known here/m);
  });

  test('a scratch database that is not of a drill is refused and left alone, and nothing is removed', async () => {
    const { pool, close } = openDatabase(server.url, { poolSize: 1 });
    await pool.query(`CREATE DATABASE ${drillDatabase()}`);
    await pool.query(`CREATE TABLE ${drillDatabase()}.precious (id INT)`);
    const before = await listBackups(product.db);
    const failure = await failureOf(product.run('backupDatabase', { kind: 'full' }));
    expect(failure).toMatchObject({ type: 'RestoreFailed' });
    expect(failure.message).toContain(`${drillDatabase()} is there already and holds 1 tables that no drill made`);
    const [found] = await pool.query(`SHOW TABLES IN ${drillDatabase()}`);
    expect(found).toHaveLength(1);
    expect((await listBackups(product.db)).filter(({ status }) => status === 'success')).toHaveLength(2);
    expect((await logged('backup_drill'))[0]).toMatchObject({ status: 'failed' });
    expect(before.filter(({ status }) => status === 'success')).toHaveLength(1);

    // what a drill that was killed has left is its own
    await pool.query(`RENAME TABLE ${drillDatabase()}.precious TO ${drillDatabase()}.cryptoflow_drill`);
    const next = await product.run<BackupResult>('backupDatabase', { kind: 'incremental' });
    expect(next).toMatchObject({
      status: 'success',
      backup: { kind: 'full', insteadBecause: expect.stringContaining('is not good: failed: ') as string },
    });
    expect(next.drilledRows).toBeGreaterThan(0);
    const [left] = await pool.query('SHOW DATABASES LIKE ?', [drillDatabase()]);
    expect(left).toEqual([]);
    await close();
  });
});

test('without a place it is skipped, and says what to set; a wrong one fails at once and says so', async () => {
  const product = await startProduct({ server: databases()[0]! });
  try {
    const skipped = await product.run<BackupResult>('backupDatabase');
    expect(skipped).toMatchObject({
      status: 'skipped',
      message: expect.stringContaining('CRYPTOFLOW_BACKUP_TO') as string,
    });
    expect(await listRuns(product.db, { source: 'cryptoflow', limit: 5 })).toMatchObject([{ status: 'skipped' }]);
    expect(await failureOf(product.run('backupDatabase', { kind: 'weekly' }))).toMatchObject({ type: 'BadInput' });
  } finally {
    await product.stop();
  }
});

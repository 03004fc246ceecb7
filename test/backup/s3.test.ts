import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../../activities/backup/open-store';
import { readChain, verifyFiles } from '../../activities/backup/read-backup';
import { restoreChain } from '../../activities/backup/restore';
import type { BackupStore } from '../../activities/backup/store';
import { storeFailure } from '../../activities/backup/store-failure';
import { createRedact } from '../../activities/failures';
import { readConfig } from '../../workers/config';
import { databases, freshDatabase } from '../databases';
import { startS3, type S3Server } from './moto';
import { contentOf, startRig, type Rig } from './rig';

const secret = 'secret-of-the-bucket-4711';
const signal = new AbortController().signal;

describe('backups in a bucket', () => {
  let s3: S3Server | undefined;
  let rig: Rig;
  let store: BackupStore;
  let client: S3Client;
  beforeAll(async () => {
    s3 = await startS3();
    if (!s3) return;
    rig = await startRig(databases()[0]!);
    Object.assign(process.env, {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'key-of-the-bucket',
      AWS_SECRET_ACCESS_KEY: secret,
    });
    const { settings, secrets } = readConfig({
      ...process.env,
      DATABASE_URL: rig.url,
      CRYPTOFLOW_BACKUP_TO: 's3://backups/of/cryptoflow',
      CRYPTOFLOW_BACKUP_S3_ENDPOINT: s3.endpoint,
    });
    expect(secrets).toContain(secret);
    store = await openStore(settings.backup);
    client = new S3Client({ endpoint: s3.endpoint, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: 'backups' }));
    // 14 MB when packed: two parts
    for (let index = 0; index < 10; index += 1)
      await rig.db
        .insertInto('rejected_records')
        .values(
          Array.from({ length: 30 }, () => ({
            ...{ log_id: 1, source: 'test', data_type: 'blocks', reason: 'none' },
            raw: randomBytes(48_000).toString('base64'),
          })),
        )
        .execute();
  });
  afterAll(async () => {
    client?.destroy();
    store?.close();
    await s3?.close();
  });
  const keys = async () =>
    ((await client.send(new ListObjectsV2Command({ Bucket: 'backups' }))).Contents ?? []).map(({ Key }) => Key!);

  test('written in parts, listed, verified, restored, removed', async () => {
    if (!s3) return;
    const made = await rig.backup('full', store);
    expect(made.location).toBe(`s3://backups/of/cryptoflow/${made.id}`);
    expect(made.sizeBytes).toBeGreaterThan(12_000_000);
    expect(s3.requests.filter((each) => /^PUT .*rejected_records.*partNumber=/.test(each)).length).toBeGreaterThan(1);
    const increment = await rig.backup('incremental', store);
    expect(await store.list()).toEqual([made.id, increment.id]);

    const chain = await readChain(store, increment.id);
    expect(chain.map(({ manifest }) => manifest.id)).toEqual([made.id, increment.id]);
    for (const { manifest } of chain) await verifyFiles(store, manifest);
    const target = await freshDatabase(databases()[0]!);
    const nothing = async () => undefined;
    await restoreChain({ store, chain, target, prepare: nothing, signal, say: () => undefined });
    expect(await contentOf(target.url)).toEqual(await contentOf(rig.url));

    await store.remove(increment.id);
    expect(await store.list()).toEqual([made.id]);
    await expect(readChain(store, increment.id)).rejects.toThrow('is not there');
  });

  test('a service that fails half-way: a clear failure without secrets, nothing else touched, the next is good', async () => {
    if (!s3) return;
    const before = await keys();
    s3.fail((method, url) => method === 'PUT' && /rejected_records.*partNumber=2/.test(url));
    const error = await rig.backup('full', store).then(
      () => undefined,
      (failed: unknown) => failed,
    );
    s3.fail(undefined);
    const failure = storeFailure(error, createRedact([secret]), 1);
    expect(failure).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    expect(failure!.message).toMatch(
      /^the backup could not be written: S3 says ServiceUnavailable \(503\).*tries again in 5 s.*no other backup was touched/,
    );
    expect(await keys()).toEqual(before);
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket: 'backups' }))).Uploads ?? []).toEqual([]);
    const next = await rig.backup('full', store);
    await verifyFiles(store, (await readChain(store, next.id))[0]!.manifest);
  });

  test('a bucket that is not there is not asked again', async () => {
    if (!s3) return;
    const elsewhere = await openStore({
      ...{ to: 's3://nowhere', keepDaily: 1, keepWeekly: 1, drillDatabase: 'x' },
      s3Endpoint: s3.endpoint,
    });
    const error = await rig.backup('full', elsewhere).catch((failed: unknown) => failed);
    elsewhere.close();
    const failure = storeFailure(error, createRedact([secret]), 1);
    expect(failure).toMatchObject({ type: 'Unauthorized', nonRetryable: true });
    expect(failure!.message).toContain('NoSuchBucket (404)');
  });
});

test('the SDK is not loaded where no bucket is configured', () => {
  const build = path.join(__dirname, '..', '..', '.build');
  const script = `
    require('./workers/cli.js');
    const { openStore } = require('./activities/backup/open-store.js');
    openStore({ to: '/tmp', s3Endpoint: null }).then(() =>
      console.log(Object.keys(require.cache).filter((file) => file.includes('@aws-sdk')).length));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: build, encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: '0\n', stderr: '' });
});

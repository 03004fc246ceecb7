import { Readable } from 'node:stream';
import { backupIdShape } from './manifest';
import { MissingFile, assertBackupId, manifestFile, type BackupStore } from './store';

// Parts of 8 MB, two at a time: 16 MB of memory whatever the size, and 80 GB at most (10,000 parts).
const partSize = 8 * 1024 * 1024;
const partsAtOnce = 2;

/** Any S3-compatible service. `to` is s3://bucket/prefix. The SDK is loaded here: where no bucket is configured, never. */
export async function createS3Store(to: string, endpoint: string | null): Promise<BackupStore> {
  const { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, S3Client } =
    await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  const [, bucket, rest = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(to) ?? [];
  if (bucket === undefined) throw new Error(`${to} is not of the form s3://bucket/prefix`);
  const prefix = rest === '' || rest.endsWith('/') ? rest : `${rest}/`;
  const client = new S3Client({
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    // what AWS added in 2025 is unknown to many other services
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 4,
  });
  const keyOf = (id: string, name: string): string => {
    assertBackupId(id);
    return `${prefix}${id}/${name}`;
  };
  const keysOf = async (id: string): Promise<string[]> => {
    const keys: string[] = [];
    for (let token: string | undefined, more = true; more;) {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: keyOf(id, ''), ContinuationToken: token }),
      );
      keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
      token = page.NextContinuationToken;
      more = token !== undefined;
    }
    return keys;
  };
  const removeKeys = async (keys: readonly string[]): Promise<void> => {
    for (let from = 0; from < keys.length; from += 1_000) {
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: keys.slice(from, from + 1_000).map((Key) => ({ Key })), Quiet: true },
        }),
      );
      if (Errors[0]) throw new Error(`${Errors[0].Key}: ${Errors[0].Code} ${Errors[0].Message}`);
    }
  };
  return {
    locationOf: (id) => `s3://${bucket}/${prefix}${id}`,
    async write(id, name, content, signal) {
      const upload = new Upload({
        client,
        params: { Bucket: bucket, Key: keyOf(id, name), Body: content },
        partSize,
        queueSize: partsAtOnce,
        // parts of an upload that failed are paid for, and seen by nobody
        leavePartsOnError: false,
      });
      const abort = () => void upload.abort();
      signal?.addEventListener('abort', abort);
      try {
        await upload.done();
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },
    async read(id, name) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(id, name) }));
        if (!(Body instanceof Readable)) throw new Error(`${keyOf(id, name)} came without content`);
        return Body;
      } catch (error) {
        if (error instanceof NoSuchKey) throw new MissingFile(`s3://${bucket}/${keyOf(id, name)}`, { cause: error });
        throw error;
      }
    },
    async list() {
      const ids: string[] = [];
      for (let token: string | undefined, more = true; more;) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token }),
        );
        ids.push(
          ...(page.CommonPrefixes ?? []).flatMap(({ Prefix = '' }) => [Prefix.slice(prefix.length).replace(/\/$/, '')]),
        );
        token = page.NextContinuationToken;
        more = token !== undefined;
      }
      return ids.filter((id) => backupIdShape.test(id)).toSorted();
    },
    isComplete: async (id) => (await keysOf(id)).includes(keyOf(id, manifestFile)),
    async remove(id) {
      await removeKeys([keyOf(id, manifestFile)]);
      await removeKeys(await keysOf(id));
    },
    close: () => client.destroy(),
  };
}

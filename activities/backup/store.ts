import { createHash } from 'node:crypto';
import { PassThrough, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { backupIdShape, type Manifest } from './manifest';

/** Where backups lie: a folder, or a bucket. A backup is a folder `<id>/` of files; one without manifest.json is none. */
export interface BackupStore {
  /** for people, without secrets */
  locationOf(id: string): string;
  /** Writes the whole stream or fails; a file that failed half-way is not there. */
  write(id: string, name: string, content: Readable, signal?: AbortSignal): Promise<void>;
  /** Throws MissingFile where there is none. */
  read(id: string, name: string): Promise<Readable>;
  /** ids of all folders, oldest first, with or without a manifest; only those that can be ours */
  list(): Promise<string[]>;
  /** whether there is a manifest: it is written last */
  isComplete(id: string): Promise<boolean>;
  /** Removes a backup, its manifest first. Nothing happens where there is none. */
  remove(id: string): Promise<void>;
  close(): void;
}

export class MissingFile extends Error {
  override readonly name = 'MissingFile';

  constructor(where: string, options?: ErrorOptions) {
    super(`${where} is not there`, options);
  }
}

export interface BackupSettings {
  /** absolute path of a folder, or s3://bucket/prefix; null: no backups */
  to: string | null;
  /** of a service other than AWS; region and keys are found by the SDK (AWS_*, profile, role of the machine) */
  s3Endpoint: string | null;
  keepDaily: number;
  keepWeekly: number;
  /** scratch database of the drill: the database's own name and _drill */
  drillDatabase: string;
}

export const manifestFile = 'manifest.json';

/** Writes a file and says how large it became and what its SHA-256 is. */
export async function writeHashed(
  store: BackupStore,
  { id, name }: { id: string; name: string },
  content: Readable,
  signal?: AbortSignal,
): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const counted = new PassThrough({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  const outcomes = await Promise.allSettled([
    store.write(id, name, counted, signal).catch((error: unknown) => {
      counted.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }),
    pipeline(content, counted, { signal }),
  ]);
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  // whichever fails tears the other down, which then says no more than that
  if (errors.length > 0) throw errors.find((error) => !isTornDown(error)) ?? errors[0];
  return { sizeBytes, sha256: hash.digest('hex') };
}

function isTornDown(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code === 'ABORT_ERR' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** A stream that fails at its end where size or SHA-256 are not those that are expected, or as soon as it is too long. */
export function hashCheck(where: string, expected: { sizeBytes: number; sha256: string }): Transform {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > expected.sizeBytes) done(new DamagedFile(`${where} is longer than ${expected.sizeBytes} bytes`));
      else done(null, chunk);
    },
    flush(done) {
      if (sizeBytes !== expected.sizeBytes)
        done(new DamagedFile(`${where} has ${sizeBytes} bytes instead of ${expected.sizeBytes}`));
      else if (hash.digest('hex') !== expected.sha256)
        done(new DamagedFile(`${where} is not what was written (SHA-256)`));
      else done();
    },
  });
}

/** A file is not what its manifest says. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile';
}

/** The whole of a small file. Throws where it is longer than that. */
export async function readSmall(store: BackupStore, id: string, name: string, longest: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of await store.read(id, name)) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > longest) throw new DamagedFile(`${store.locationOf(id)}/${name} is longer than ${longest} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

export function assertBackupId(id: string): void {
  if (!backupIdShape.test(id))
    throw new Error(`"${id.slice(0, 80)}" is no id of a backup; it looks like 2026-11-22-040012-full`);
}

export const sumsFile = 'SHA256SUMS';

/** What `sha256sum -c SHA256SUMS` reads. */
export function sumsText(manifest: Manifest, manifestSha256: string): string {
  const files = [...manifest.others, ...manifest.files, { name: manifestFile, sha256: manifestSha256 }];
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
}

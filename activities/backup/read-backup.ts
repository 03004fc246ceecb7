import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { longestManifest, parseManifest, unitOf, type Manifest, type RowsFile } from './manifest';
import { createRowTally } from './read-rows';
import { assertRowText, type ValueKind } from './row-text';
import { fileHead, longestLine, partFoot, partHead, statementHead } from './sql-file';
import {
  DamagedFile,
  assertBackupId,
  hashCheck,
  manifestFile,
  readSmall,
  sumsFile,
  sumsText,
  type BackupStore,
} from './store';

/** A manifest as it lies in the store, and its SHA-256. */
export interface ReadManifest {
  manifest: Manifest;
  manifestSha256: string;
}

/** Reads and checks a manifest; `expectedSha256` is what someone else knows of it. Throws MissingFile, DamagedFile. */
export async function readManifest(store: BackupStore, id: string, expectedSha256?: string): Promise<ReadManifest> {
  assertBackupId(id);
  const bytes = await readSmall(store, id, manifestFile, longestManifest);
  const manifestSha256 = createHash('sha256').update(bytes).digest('hex');
  const where = `${store.locationOf(id)}/${manifestFile}`;
  if (expectedSha256 !== undefined && manifestSha256 !== expectedSha256)
    throw new DamagedFile(`${where} is not what was written (SHA-256)`);
  let manifest: Manifest;
  try {
    manifest = parseManifest(bytes.toString('utf8'), id);
  } catch (error) {
    throw new DamagedFile(error instanceof Error ? error.message : String(error), { cause: error });
  }
  const sums = await readSmall(store, id, sumsFile, longestManifest);
  if (sums.toString('utf8') !== sumsText(manifest, manifestSha256))
    throw new DamagedFile(`${store.locationOf(id)}/${sumsFile} and ${manifestFile} do not belong together`);
  return { manifest, manifestSha256 };
}

/** The full backup that `id` goes back to, what continues it, and `id` itself. Each names the SHA-256 of the one before. */
export async function readChain(store: BackupStore, id: string, expectedSha256?: string): Promise<ReadManifest[]> {
  const chain = [await readManifest(store, id, expectedSha256)];
  for (let { previous } = chain[0]!.manifest; previous !== null; previous = chain[0]!.manifest.previous) {
    chain.unshift(await readManifest(store, previous.id, previous.manifestSha256));
  }
  return chain;
}

/** Reads every byte of a backup and compares sizes and SHA-256. Throws DamagedFile or MissingFile. */
export async function verifyFiles(store: BackupStore, { id, others, files }: Manifest, signal?: AbortSignal) {
  for (const file of [...others, ...files]) {
    const where = `${store.locationOf(id)}/${file.name}`;
    await pipeline(await store.read(id, file.name), hashCheck(where, file), discard(), { signal });
  }
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** What a reader of rows is told, in the order of the file. */
export interface RowsReader {
  /** before the rows of the part with this number */
  begin(part: number): Promise<void>;
  rows(texts: readonly string[], size: number): Promise<void>;
  end(part: number): Promise<void>;
}

/**
 * Reads a file of rows, hashing it once more while it does. Every line is compared with the one that the manifest asks
 * for, every row checked sign by sign, rows and checksum of every part counted. Throws DamagedFile.
 */
export async function readRowsFile(
  store: BackupStore,
  manifest: Pick<Manifest, 'id' | 'kind'>,
  file: RowsFile,
  kinds: readonly ValueKind[],
  reader: RowsReader,
  signal?: AbortSignal,
): Promise<void> {
  const where = `${store.locationOf(manifest.id)}/${file.name}`;
  let refused: { error: unknown } | undefined;
  try {
    await pipeline(
      await store.read(manifest.id, file.name),
      hashCheck(where, file),
      createGunzip(),
      async (unpacked: AsyncIterable<Buffer>) => {
        try {
          await readParts(batchesOfLines(unpacked, where), where, manifest, file, kinds, reader);
        } catch (error) {
          refused = { error };
          throw error;
        }
      },
      { signal },
    );
  } catch (error) {
    // the pipeline may say no more than that it was torn down
    throw refused?.error ?? error;
  }
}

async function readParts(
  lines: AsyncGenerator<string[]>,
  where: string,
  { id, kind }: Pick<Manifest, 'id' | 'kind'>,
  file: RowsFile,
  kinds: readonly ValueKind[],
  reader: RowsReader,
): Promise<void> {
  const cursor = cursorOver(lines);
  const refuse = (why: string) => new DamagedFile(`${where}, line ${cursor.number()}: ${why}`);
  const expect = async (wanted: readonly string[]) => {
    for (const each of wanted) {
      if ((await cursor.next()) !== each) throw refuse(`"${each.slice(0, 100)}" is expected`);
      cursor.skip();
    }
  };
  const isTransaction = kind === 'incremental';
  await expect(fileHead(id, file.table));
  for (const [index, part] of file.parts.entries()) {
    const unit = unitOf(file, part);
    const head = statementHead(file.table, file.columns, unit !== null);
    await expect(partHead(file.table, unit, isTransaction));
    await reader.begin(index);
    const tally = createRowTally();
    while ((await cursor.next()) === head) {
      cursor.skip();
      let texts: string[] = [];
      let size = 0;
      for (let isLast = false; !isLast;) {
        const line = await cursor.next();
        if (line === undefined) throw refuse('it ends within a statement');
        isLast = line.endsWith(';');
        if (!isLast && !line.endsWith(',')) throw refuse('no row of this table');
        const text = line.slice(0, -1);
        try {
          assertRowText(text, kinds);
        } catch (error) {
          throw refuse(error instanceof Error ? error.message : String(error));
        }
        tally.add(text);
        texts.push(text);
        size += text.length;
        cursor.skip();
        if (size > 1_000_000) {
          await reader.rows(texts, size);
          texts = [];
          size = 0;
        }
      }
      if (texts.length > 0) await reader.rows(texts, size);
    }
    const { rows, checksum } = tally.result();
    if (rows !== part.rows || checksum !== part.checksum)
      throw refuse(`part ${index + 1} has ${rows} rows instead of ${part.rows}, or other ones`);
    await expect(partFoot(isTransaction));
    await reader.end(index);
  }
  if ((await cursor.next()) !== undefined) throw refuse('nothing more is expected');
}

/** One line after another, of a source that gives many at a time. */
function cursorOver(batches: AsyncGenerator<string[]>) {
  let batch: readonly string[] = [];
  let at = 0;
  let read = 0;
  return {
    /** the line that is next, undefined at the end; the same until `skip` */
    async next(): Promise<string | undefined> {
      while (at >= batch.length) {
        const more = await batches.next();
        if (more.done) return undefined;
        batch = more.value;
        at = 0;
      }
      return batch[at];
    },
    skip(): void {
      at += 1;
      read += 1;
    },
    number: () => read + 1,
  };
}

async function* batchesOfLines(chunks: AsyncIterable<Buffer>, where: string): AsyncGenerator<string[]> {
  // pieces of a line that has not ended yet
  let pieces: string[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const texts = chunk.toString('latin1').split('\n');
    const last = texts.pop()!;
    if (texts.length > 0) {
      texts[0] = [...pieces, texts[0]].join('');
      pieces = [];
      size = 0;
      yield texts;
    }
    pieces.push(last);
    size += last.length;
    if (size > longestLine) throw new DamagedFile(`${where} has a line of more than ${longestLine} bytes`);
  }
  if (size > 0) throw new DamagedFile(`${where} ends within a line`);
}

/** For a reader that only wants to know whether a file can be read. */
export const noReader: RowsReader = {
  begin: async () => undefined,
  rows: async () => undefined,
  end: async () => undefined,
};

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { NotYetTurn } from '../failures';

// The promise: a download survives its worker, and the folder stays within its bound. A file is named after its address
// and version, so what is there is always the beginning of that version, whoever wrote it; two who write the same file
// write the same bytes at the same places.

export interface SpoolSettings {
  folder: string;
  maxBytes: number;
}

/** A file that nobody has written to for so long is left over. */
const staleMs = 24 * 3_600_000;
/** A file that was written to so lately is someone's download. */
const inUseMs = 10 * 60_000;
const lookAgainMs = 60_000;

export interface SpooledFile {
  path: string;
  /** bytes that are there */
  size(): Promise<number>;
  /** for writing at places */
  open(): Promise<FileHandle>;
  remove(): Promise<void>;
}

/** The place of one version of a file. Throws NotYetTurn while the folder is full of others' downloads. */
export async function spoolFile(
  settings: SpoolSettings,
  { url, etag, sizeBytes }: { url: string; etag: string | null; sizeBytes: number },
): Promise<SpooledFile> {
  await mkdir(settings.folder, { recursive: true, mode: 0o700 });
  const version = createHash('sha256').update(`${url}\n${etag}\n${sizeBytes}`).digest('hex').slice(0, 16);
  const name = `${path.basename(new URL(url).pathname)}.${version}.part`;
  await makeRoom(settings, name, sizeBytes);
  const file = path.join(settings.folder, name);
  return {
    path: file,
    size: () => sizeOf(file),
    open: () => openForWriting(file),
    remove: () => rm(file, { force: true }),
  };
}

async function openForWriting(file: string): Promise<FileHandle> {
  // a+ would write at the end only
  return open(file, 'r+').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return open(file, 'w+', 0o600);
    throw error;
  });
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function makeRoom({ folder, maxBytes }: SpoolSettings, own: string, needed: number): Promise<void> {
  const others = await othersIn(folder, own);
  const now = Date.now();
  let used = others.reduce((sum, { size }) => sum + size, 0);
  for (const { file, size, touchedAt } of others.toSorted((a, b) => a.touchedAt - b.touchedAt)) {
    const age = now - touchedAt;
    if (age < staleMs && (used + needed <= maxBytes || age < inUseMs)) continue;
    await rm(file, { force: true });
    used -= size;
  }
  // one file alone may be larger than the bound: better than never
  if (used > 0 && used + needed > maxBytes)
    throw new NotYetTurn(`the folder for downloads (${folder}) is full: ${used} of ${maxBytes} bytes`, lookAgainMs);
}

async function othersIn(folder: string, own: string) {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.part') && name !== own);
  const found = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const known = await stat(file).catch(() => undefined);
      return known && { file, size: known.size, touchedAt: known.mtimeMs };
    }),
  );
  return found.filter((each) => each !== undefined);
}

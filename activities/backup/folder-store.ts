import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { backupIdShape } from './manifest';
import { MissingFile, assertBackupId, manifestFile, type BackupStore } from './store';

/** A folder on a disk of ours. A file is written under another name, synced and renamed: it is there whole or not at all. */
export function createFolderStore(root: string): BackupStore {
  const fileOf = (id: string, name: string): string => {
    assertBackupId(id);
    if (!/^[\w.]+$/.test(name) || name.startsWith('.')) throw new Error(`"${name}" is no name of a file of a backup`);
    return path.join(root, id, name);
  };
  return {
    locationOf: (id) => path.join(root, id),
    async write(id, name, content, signal) {
      const file = fileOf(id, name);
      // others on the machine have no business in it
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      try {
        await pipeline(content, createWriteStream(`${file}.partial`, { mode: 0o600 }), { signal });
        await sync(`${file}.partial`);
        await rename(`${file}.partial`, file);
        await sync(path.dirname(file));
      } catch (error) {
        await rm(`${file}.partial`, { force: true });
        throw error;
      }
    },
    async read(id, name) {
      const file = fileOf(id, name);
      try {
        const handle = await open(file, 'r');
        return createReadStream('', { fd: handle });
      } catch (error) {
        if (isMissing(error)) throw new MissingFile(file, { cause: error });
        throw error;
      }
    },
    async list() {
      try {
        return (await readdir(root)).filter((name) => backupIdShape.test(name)).toSorted();
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
    isComplete: async (id) => existsSync(fileOf(id, manifestFile)),
    async remove(id) {
      await rm(fileOf(id, manifestFile), { force: true });
      await rm(path.join(root, id), { recursive: true, force: true });
    },
    close: () => undefined,
  };
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

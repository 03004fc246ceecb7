import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The password of a data folder: made on the first start, kept in a file that only its owner can read. */
export function passwordOf(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, 'password');
  try {
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}

/** Which kind of server made the data of a folder; undefined before the first complete start. */
export function madeBy(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, 'made-by'), 'utf8');
  } catch {
    return undefined;
  }
}

export function rememberMaker(dataDir: string, kind: string): void {
  writeFileSync(join(dataDir, 'made-by'), kind);
}

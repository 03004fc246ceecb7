import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A disk of so many MB in memory; undefined, with the reason on stderr, where mounting one is not allowed. */
export function mountSmallDisk(mb: number): { folder: string; resize(mb: number): void; unmount(): void } | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'cryptoflow-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mb}m`, 'tmpfs', folder], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    process.stderr.write(`\nNOT TESTED: a full disk, as none can be mounted here: ${mounted.stderr}\n`);
    return undefined;
  }
  return {
    folder,
    resize: (size) => void spawnSync('mount', ['-o', `remount,size=${size}m`, folder]),
    unmount() {
      spawnSync('umount', [folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// Promise: a data folder has one server at a time. A server whose starter was killed goes on running; the next start
// ends it in order before it opens the same files (two servers on one SQLite or InnoDB file destroy it).

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopProcess } from './processes';

const pidFile = (folder: string): string => join(folder, 'server.json');

/** Notes which process serves `folder`, for the next start. */
export function rememberServer(folder: string, pid: number): void {
  writeFileSync(pidFile(folder), JSON.stringify({ pid, startedBy: process.pid }));
}

/**
 * Ends a server of `folder` that an earlier start left behind. Throws when its starter is still there: then it is in use.
 * A process counts as ours only if its command line names the folder (process ids are given out again).
 */
export async function endLeftover(
  folder: string,
  options: { what: string; graceMs: number; say: (line: string) => void },
): Promise<void> {
  const noted = readNote(folder);
  const found = noted && inspect(noted.pid);
  if (!noted || !found?.commandLine.includes(folder)) return;
  if (found.parent === noted.startedBy) {
    throw new Error(
      `${options.what} of ${folder} is in use by process ${noted.startedBy}: ` +
        'another start of this checkout is running. Stop that one first, or use another checkout',
    );
  }
  options.say(`${options.what}  process ${noted.pid} was left behind by an earlier start: stopping it`);
  await stopProcess(noted.pid, options.graceMs);
}

function readNote(folder: string): { pid: number; startedBy: number } | undefined {
  try {
    return JSON.parse(readFileSync(pidFile(folder), 'utf8')) as { pid: number; startedBy: number };
  } catch {
    return undefined; // A first start, or one that was killed while it wrote the note.
  }
}

function inspect(pid: number): { parent: number; commandLine: string } | undefined {
  try {
    // Slim Linux images have no ps, macOS has no /proc.
    if (process.platform === 'linux') {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return { parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]), commandLine };
    }
    const line = execFileSync('ps', ['-ww', '-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return { parent: Number.parseInt(line, 10), commandLine: line };
  } catch {
    return undefined; // No such process.
  }
}

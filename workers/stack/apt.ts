import { createInterface } from 'node:readline/promises';
import type { Cleanup } from './cleanup';
import { run, which } from './processes';

/**
 * Installs Debian packages if we may: as root, and after a yes where someone is at the terminal. Without a terminal it
 * says what it does and goes on. Returns the reason when it could not.
 */
export async function aptInstall(
  packages: string[],
  options: {
    isRoot: boolean;
    interactive: boolean;
    commandPath: string;
    say: (line: string) => void;
    cleanup: Cleanup;
  },
): Promise<{ whyNot: string } | undefined> {
  const { cleanup, say } = options;
  const apt = which(options.commandPath, 'apt-get');
  if (apt === undefined) return { whyNot: 'this is not Debian or Ubuntu' };
  if (!options.isRoot) return { whyNot: `needs root: sudo apt-get install ${packages.join(' ')}` };
  if (options.interactive && !(await confirm(`Install ${packages.join(' and ')} with apt-get?`, cleanup))) {
    return { whyNot: 'declined' };
  }
  say(`database  getting ${packages.join(' ')} with apt-get`);
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  let result = await aptGet(apt, install, cleanup);
  if (result.code !== 0) {
    // A fresh container image has no package lists.
    await aptGet(apt, ['update', '-q'], cleanup);
    result = await aptGet(apt, install, cleanup);
  }
  if (result.code === 0) return undefined;
  return { whyNot: result.output.split('\n').findLast((line) => line.startsWith('E:')) ?? 'apt-get failed' };
}

function aptGet(apt: string, args: string[], cleanup: Cleanup): ReturnType<typeof run> {
  const quick = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=5', '-o', 'DPkg::Lock::Timeout=30'];
  const command = ['DEBIAN_FRONTEND=noninteractive', apt, ...quick, ...args];
  return run('/usr/bin/env', command, { cleanup, timeoutMs: 600_000 });
}

async function confirm(question: string, cleanup: Cleanup): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // readline takes Ctrl-C for itself.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await terminal.question(`${question} [y/n] `, { signal: cleanup.signal });
    return /^y/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

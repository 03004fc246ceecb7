import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from '../../../workers/stack/cleanup';
import { fromRoot } from './project';

/** A worker in a process of its own, as `npm run worker` starts it: one that can be killed. */
export interface WorkerProcess {
  pid: number;
  /** what it wrote so far */
  output(): string;
  /** when it serves its queues; throws what it wrote when it ended instead */
  ready(): Promise<void>;
  /** when it is gone, whatever ended it */
  ended: Promise<void>;
  /** SIGKILL: it gets no chance to finish anything */
  kill(): Promise<void>;
  /** SIGSTOP for so long: what is written to it meets a process that stands still */
  freeze(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export function startWorkerProcess(
  environment: Readonly<Record<string, string | undefined>>,
  cleanup: Cleanup,
): WorkerProcess {
  const child = spawn(process.execPath, [fromRoot('.build', 'workers', 'worker.js')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C is for us
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals) => {
    if (!hasEnded()) child.kill(signal);
    await closed;
  };
  const stop = cleanup.add(async () => {
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await end('SIGTERM');
    clearTimeout(tooLong);
  }, child.pid);
  return {
    pid: child.pid!,
    output: () => output,
    ended: closed,
    async ready() {
      while (!output.includes(' serves ')) {
        if (hasEnded()) throw new Error(`the worker ended: ${output}`);
        await sleep(20);
      }
    },
    kill: () => end('SIGKILL'),
    async freeze(ms) {
      child.kill('SIGSTOP');
      await sleep(ms);
      child.kill('SIGCONT');
    },
    stop,
  };
}

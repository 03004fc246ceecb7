import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup';

/** The full path of a program in a PATH value, or undefined. */
export function which(commandPath: string, name: string): string | undefined {
  return commandPath
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A TCP port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether something accepts connections on this port of 127.0.0.1. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export interface Finished {
  /** Exit code; undefined when it was killed or could not be started. */
  code?: number;
  /** stdout and stderr as they came, at most the last 64 kB. */
  output: string;
}

/**
 * Runs a program to its end and returns what it wrote; never throws. It and its children are killed after `timeoutMs`,
 * when `signal` is aborted, and when the cleanup begins.
 */
export async function run(
  file: string,
  args: string[],
  options: { cleanup: Cleanup; timeoutMs: number; signal?: AbortSignal },
): Promise<Finished> {
  const child = spawn(file, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-65_536);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | undefined>((resolve) => {
    child.once('error', (error) => {
      collect(Buffer.from(error.message));
      resolve(undefined);
    });
    child.once('close', (code) => resolve(code ?? undefined));
  });
  const stop = options.cleanup.add(async () => {
    if (child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    await ended;
  }, child.pid);
  const kill = (): void => void stop();
  options.signal?.addEventListener('abort', kill, { once: true });
  const timer = setTimeout(() => {
    collect(Buffer.from(`\ngiven up after ${options.timeoutMs / 1000} s`));
    kill();
  }, options.timeoutMs);
  const code = await ended;
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', kill);
  await stop();
  return { code, output };
}

export interface ServerProcess {
  pid: number;
  /** Resolves when the process has ended, by itself or not. */
  ended: Promise<void>;
  hasEnded(): boolean;
  /** SIGTERM, then SIGKILL if it is still there after the grace time. */
  stop(): Promise<void>;
}

/**
 * Starts a long-running program and registers its stop. It gets a process group of its own, so that the terminal's
 * Ctrl-C does not reach it, and a fresh log file. Throws when it cannot be started.
 */
export async function startServer(
  file: string,
  args: string[],
  options: { cleanup: Cleanup; logFile: string; graceMs: number },
): Promise<ServerProcess> {
  options.cleanup.signal.throwIfAborted();
  const log = openSync(options.logFile, 'w', 0o600);
  const child = spawn(file, args, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await once(child, 'spawn');
  const pid = child.pid!;
  return {
    pid,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop: options.cleanup.add(() => stopProcess(pid, options.graceMs), pid),
  };
}

/**
 * Asks `probe` every 50 ms until it gives something other than undefined, and returns that. Stops the server and throws
 * what, why and the end of its log when it ends first, takes longer than `timeoutMs`, or the cleanup begins.
 */
export async function waitUntilReady<T>(
  server: ServerProcess,
  probe: () => Promise<T | undefined>,
  options: { cleanup: Cleanup; what: string; logFile: string; timeoutMs: number },
): Promise<T> {
  const giveUpAt = Date.now() + options.timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    const why = server.hasEnded()
      ? 'it ended at once'
      : Date.now() > giveUpAt
        ? `it did not answer within ${options.timeoutMs / 1000} s`
        : undefined;
    if (why !== undefined || options.cleanup.signal.aborted) {
      await server.stop();
      options.cleanup.signal.throwIfAborted();
      throw new Error(
        `${options.what} did not start: ${why}. The end of ${options.logFile}:\n${tail(options.logFile)}`,
      );
    }
    await Promise.race([sleep(50), server.ended]);
  }
}

/** Ends a process by its id: SIGTERM, then SIGKILL if it is still there after `graceMs`. */
export async function stopProcess(pid: number, graceMs: number): Promise<void> {
  const killAt = Date.now() + graceMs;
  signal(pid, 'SIGTERM');
  while (isRunning(pid)) {
    await sleep(25);
    if (Date.now() > killAt) signal(pid, 'SIGKILL');
  }
}

/** Whether a process is there and has not ended. An orphan stays as a zombie where process 1 collects none (containers). */
export function isRunning(pid: number): boolean {
  if (!signal(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

// Promise: whatever was started is stopped, in reverse order, once: at the normal end, after an error and on Ctrl-C.
// Children run in process groups of their own (see processes.ts), so only this process hears Ctrl-C and the order is
// ours: workers drain before their Temporal and their database go.
// A SIGKILL of this process cannot be caught: the next start finds what it left behind (see leftovers.ts).

export interface Cleanup {
  /** Aborted when the end begins: waits and downloads give up at once. */
  readonly signal: AbortSignal;
  /**
   * Registers something to stop; the group of `pid` is killed outright when a second Ctrl-C says that it takes too long.
   * Returns a function that stops it now and takes it off the list; calling it again waits for the same stop.
   */
  add(stop: () => Promise<void>, pid?: number): () => Promise<void>;
  /** Stops everything, newest first. Calling it again waits for the same run. Problems are said, not thrown. */
  run(): Promise<void>;
}

// npm passes on the SIGINT that the terminal has already sent to its whole group: two arrive for one Ctrl-C.
const sameKeystrokeMs = 1000;

/**
 * Makes the list of things to stop. With `handleSignals` (the default) SIGINT, SIGTERM, SIGHUP and uncaught errors run
 * it and end the process: exit code 128 + signal number, or 1 after an error.
 */
export function createCleanup(options: { say: (line: string) => void; handleSignals?: boolean }): Cleanup {
  const { say } = options;
  const ending = new AbortController();
  const entries: { stop: () => Promise<void>; pid?: number }[] = [];
  let running: Promise<void> | undefined;

  const stopAll = async (): Promise<void> => {
    for (let entry = entries.at(-1); entry !== undefined; entry = entries.at(-1)) {
      await entry.stop().catch((error: unknown) => say(`stopping failed: ${messageOf(error)}`));
    }
  };
  const cleanup: Cleanup = {
    signal: ending.signal,
    add(stop, pid) {
      let stopped: Promise<void> | undefined;
      const entry = {
        pid,
        stop: () =>
          (stopped ??= stop().finally(() => {
            entries.splice(entries.indexOf(entry), 1);
          })),
      };
      entries.push(entry);
      return entry.stop;
    },
    run() {
      ending.abort(new Error('stopped before it was ready'));
      return (running ??= stopAll());
    },
  };
  const signalAll = (signal: NodeJS.Signals): void => {
    for (const { pid } of entries) if (pid !== undefined) signalGroup(pid, signal);
  };
  if (options.handleSignals ?? true) handleSignals(cleanup, signalAll, say);
  return cleanup;
}

function handleSignals(
  cleanup: Cleanup,
  signalAll: (signal: NodeJS.Signals) => void,
  say: (line: string) => void,
): void {
  let endingSince: number | undefined;
  const end = (line: string, exitCode: number): void => {
    endingSince ??= Date.now();
    say(line);
    void cleanup.run().then(() => process.exit(exitCode));
  };
  const onSignal = (line: string, exitCode: number): void => {
    if (endingSince === undefined) return end(line, exitCode);
    if (Date.now() - endingSince < sameKeystrokeMs) return;
    say('stopping at once');
    signalAll('SIGKILL');
    process.exit(exitCode);
  };
  process.on('SIGINT', () => onSignal('stopping (Ctrl-C again: at once)', 130));
  process.on('SIGTERM', () => onSignal('stopping', 143));
  process.on('SIGHUP', () => onSignal('stopping: the terminal is gone', 129));
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    // `npm run demo | head`: saying that nobody listens would raise the same error again.
    if (error.code === 'EPIPE') void cleanup.run().then(() => process.exit(1));
    else end(error.stack ?? error.message, 1);
  });
  // Nothing asynchronous runs after a bare process.exit(); the servers still get to shut down by themselves.
  process.on('exit', () => signalAll('SIGTERM'));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself, which is what the signal was for.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

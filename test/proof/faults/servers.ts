import { createCleanup, type Cleanup } from '../../../workers/stack/cleanup';
import { findDatabase } from '../../../workers/stack/database';
import { freePort } from '../../../workers/stack/processes';
import { fromRoot } from './project';
import { findTemporal } from '../../../workers/stack/temporal';

/** A server of our own that can be killed and started again at the same address, with its data. */
export interface MortalServer {
  /** database: URL; Temporal: host and port */
  address: string;
  pid(): number;
  /** SIGKILL; resolves when it is gone */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

interface Options {
  cleanup: Cleanup;
  /** of the folder for its data, below .cryptoflow */
  folder: string;
  say?: (line: string) => void;
}

interface Started {
  pid?: number;
  stop(): Promise<void>;
}

export async function mortalDatabase({ cleanup, folder, say = () => undefined }: Options): Promise<MortalServer> {
  const port = await freePort();
  const dataDir = fromRoot('.cryptoflow', folder, 'database');
  // one that was started again is stopped when the first one would have been: behind those who use it
  const own = createCleanup({ say, handleSignals: false });
  cleanup.add(() => own.run());
  const start = () =>
    findDatabase({ dataDir, port, interactive: false, commandPath: process.env.PATH ?? '', say, cleanup: own });
  const first = await start();
  return { address: first.url, ...mortal(first, start) };
}

export async function mortalTemporal({ cleanup, folder, say = () => undefined }: Options): Promise<MortalServer> {
  const [port, uiPort] = [await freePort(), await freePort()];
  const start = () =>
    findTemporal({
      ...{ port, uiPort, namespace: 'default', commandPath: process.env.PATH ?? '', say, cleanup },
      dataDir: fromRoot('.cryptoflow', folder, 'temporal'),
      cacheDir: fromRoot('.cryptoflow', 'cache'),
    });
  const first = await start();
  return { address: first.address, ...mortal(first, start) };
}

function mortal(first: Started, start: () => Promise<Started>): Omit<MortalServer, 'address'> {
  let running = first;
  return {
    pid: () => running.pid!,
    async kill() {
      process.kill(running.pid!, 'SIGKILL');
      // takes it off the list of what is to be stopped, and waits until it is gone
      await running.stop();
    },
    async restart() {
      running = await start();
    },
  };
}

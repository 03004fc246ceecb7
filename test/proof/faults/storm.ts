import { setTimeout as sleep } from 'node:timers/promises';
import { startCommitProxy, type CommitCut, type CommitProxy } from './commit-proxy';
import type { Rig } from './rig';
import type { MortalServer } from './servers';
import type { WorkerProcess } from './worker-process';

// Faults at random, as many as wanted, spread evenly over the work: each is due when the sources have been asked for its
// share of the pages. A dead worker is followed by another one, as a supervisor would do.

/** What is to happen, and how often. */
export interface Faults {
  /** SIGKILL of a worker at any moment */
  kills: number;
  /** SIGKILL right behind a page's COMMIT: it is done, and its answer reaches nobody */
  killsBehindCommit: number;
  /** SIGKILL right before: it never reaches the database */
  killsBeforeCommit: number;
  /** a connection cut at a page's COMMIT, half of them before it and half behind */
  cuts: number;
  databaseRestarts: number;
  temporalRestarts: number;
}

export interface StormOptions {
  rig: Rig;
  workers: number;
  /** how many requests the work takes without faults */
  pages: number;
  faults: Partial<Faults>;
  database?: MortalServer;
  temporal?: MortalServer;
  say?: (line: string) => void;
}

export interface Storm {
  /** what has happened so far */
  happened: Readonly<Faults>;
  /** No more faults, but workers until `rig.cleanup`; resolves when the servers are up. Throws what went wrong with the storm itself. */
  calm(): Promise<void>;
}

interface Place {
  proxy: CommitProxy;
  worker: WorkerProcess;
}

/** A transaction that writes a page. */
export const ofPage = /^insert into `ingestion_pages`/;

export async function startStorm({
  rig,
  pages,
  faults,
  say = () => undefined,
  ...options
}: StormOptions): Promise<Storm> {
  const happened: Faults = {
    ...{ kills: 0, killsBehindCommit: 0, killsBeforeCommit: 0, cuts: 0, databaseRestarts: 0, temporalRestarts: 0 },
  };
  const calm = new AbortController();
  const places: Place[] = [];
  for (let count = 0; count < options.workers; count += 1) {
    const proxy = await startCommitProxy(rig.databaseUrl);
    rig.cleanup.add(() => proxy.close());
    const place = { proxy, worker: rig.startWorker({ DATABASE_URL: proxy.url }) };
    places.push(place);
    void keepRunning(rig, place);
  }

  const anyPlace = (): Place => places[Math.floor(Math.random() * places.length)]!;
  const atCommit = (when: CommitCut['when'], kind: 'killsBehindCommit' | 'killsBeforeCommit' | 'cuts') => {
    const place = anyPlace();
    const then = () => {
      happened[kind] += 1;
      if (kind !== 'cuts') void place.worker.kill();
    };
    place.proxy.cut({ when, having: ofPage, then });
  };
  const restart = async (server: MortalServer | undefined, kind: 'databaseRestarts' | 'temporalRestarts') => {
    await server?.kill();
    await sleep(3_000 * Math.random());
    await server?.restart();
    happened[kind] += 1;
  };
  const cause: Readonly<Record<keyof Faults, () => Promise<void> | void>> = {
    async kills() {
      await sleep(500 * Math.random());
      const { worker } = anyPlace();
      await worker.ready().catch(() => undefined);
      await worker.kill();
      happened.kills += 1;
    },
    killsBehindCommit: () => atCommit('answered', 'killsBehindCommit'),
    killsBeforeCommit: () => atCommit('asked', 'killsBeforeCommit'),
    cuts: () => atCommit(Math.random() < 0.5 ? 'asked' : 'answered', 'cuts'),
    databaseRestarts: () => restart(options.database, 'databaseRestarts'),
    temporalRestarts: () => restart(options.temporal, 'temporalRestarts'),
  };

  const plan = shuffled(
    Object.entries(faults).flatMap(([kind, count]) => Array<keyof Faults>(count).fill(kind as keyof Faults)),
  );
  const blow = async () => {
    for (const [index, kind] of plan.entries()) {
      const dueAt = (pages * (index + 0.5)) / plan.length;
      while (rig.simulator.requests.length < dueAt && !calm.signal.aborted) await sleep(20);
      if (calm.signal.aborted) return;
      await cause[kind]();
      if (index % 20 === 19) say(`${index + 1} of ${plan.length} faults, ${rig.simulator.requests.length} requests`);
    }
  };
  const blown = blow();
  // thrown by `calm`
  blown.catch(() => undefined);
  return {
    happened,
    async calm() {
      calm.abort();
      await blown;
    },
  };
}

/** Starts the next worker when one is dead: killed, or started while a server was away. */
async function keepRunning(rig: Rig, place: Place): Promise<void> {
  while (!rig.cleanup.signal.aborted) {
    await place.worker.ended;
    await sleep(100);
    if (!rig.cleanup.signal.aborted) place.worker = rig.startWorker({ DATABASE_URL: place.proxy.url });
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

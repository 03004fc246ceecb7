import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { startCommitProxy, type CommitProxy } from '../faults/commit-proxy';
import { withRig, type Rig, type RigOptions } from '../faults/rig';
import type { WorkerProcess } from '../faults/worker-process';
import { slotProblems, valueProblems } from './slot-problems';

/** A moment of a slot, and how to kill the worker at it; resolves when it is dead. */
type Step = (rig: Rig, proxy: CommitProxy, worker: WorkerProcess) => Promise<void>;

const atCommit =
  (when: 'asked' | 'answered', having: RegExp): Step =>
  (_rig, proxy, worker) =>
    new Promise((resolve) => proxy.cut({ when, having, then: () => void worker.kill().then(resolve) }));

/** Every step of a slot: opened, asking, answers stored, rows made; and both sides of each COMMIT. */
export const steps: Readonly<Record<string, Step>> = {
  'the slot is open, nothing is asked yet': async ({ db }, _proxy, worker) => {
    for (;;) {
      const { rows } = await sql<{ n: number }>`SELECT COUNT(*) AS n FROM data_ingestion_logs`.execute(db);
      if (Number(rows[0]!.n) > 0) return worker.kill();
      await sleep(2);
    }
  },
  'the sources are being asked': async ({ simulator }, _proxy, worker) => {
    while (simulator.requests.length < 2) await sleep(2);
    return worker.kill();
  },
  'an answer is about to be stored': atCommit('asked', /^insert into `?source_observations/i),
  'an answer has just been stored': atCommit('answered', /^insert into `?source_observations/i),
  'the rows are about to be written': atCommit('asked', /^insert into `?onchain_data/i),
  'the rows have just been written': atCommit('answered', /^insert into `?onchain_data/i),
};

/** Kills the worker at a step of a slot, starts another, and says what does not hold afterwards. */
export async function killedAt(step: string, options: Omit<RigOptions, 'cleanup'>): Promise<string[]> {
  const problems: string[] = [];
  await withRig({ ...options, simulator: { seed: 'killed' } }, async (rig) => {
    await sql`UPDATE crypto_assets SET is_active = (id <= 10)`.execute(rig.db);
    for (const source of ['coingecko', 'coinmetrics', 'defillama']) rig.simulator.fault(source, { latencyMs: 200 });
    const proxy = await startCommitProxy(rig.databaseUrl);
    rig.cleanup.add(() => proxy.close());
    const worker = rig.startWorker({ DATABASE_URL: proxy.url });
    await worker.ready();
    const killed = steps[step]!(rig, proxy, worker);
    const slot = await rig.start('collectOnchainAndSentiment', undefined);
    await killed;
    rig.startWorker();
    const result = (await slot.result()) as { slot: string; status: string };
    const iso = `${result.slot.slice(0, -1)}:00.000Z`;
    problems.push(...(await slotProblems(rig.db, [iso])), ...(await valueProblems(rig.db, [iso])));
    if (result.status !== 'success') problems.push(`the slot ended as ${result.status}`);
  });
  return problems.map((problem) => `${step}: ${problem}`);
}

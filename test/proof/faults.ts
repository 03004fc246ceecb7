import { rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setDatesAtOnce } from '../../db/queries/admitted-dates';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import type { ProofTools } from './proof';
import { leaks } from './faults/leaks';
import { blockProblems, ledgerProblems, rowPerRunProblems, rowProblems, storedRows } from './faults/ledger';
import { fromRoot } from './faults/project';
import { keys, patientResult, startRig, type Rig } from './faults/rig';
import { mortalDatabase, mortalTemporal } from './faults/servers';
import { startStorm, type Faults } from './faults/storm';

// Are rows lost, doubled or miscounted when workers, the database and Temporal are killed again and again while a million
// rows come in? Every block must have as many transactions as its source says; the rows of some dates must be, column by
// column, those of an undisturbed ingestion.

interface Size {
  dates: number;
  /** of these, the newest are ingested undisturbed too */
  comparedDates: number;
  transactionsPerDay: number;
  rowsPerPage: number;
  workers: number;
  faults: Faults;
}

const full: Size = {
  dates: 34,
  comparedDates: 3,
  transactionsPerDay: 10_000,
  // ten times what Blockchair gives: as many transactions for a tenth of the requests
  rowsPerPage: 1_000,
  workers: 4,
  // more than 200 kills also when some find no COMMIT any more
  faults: {
    ...{ kills: 110, killsBehindCommit: 65, killsBeforeCommit: 45, cuts: 40 },
    ...{ databaseRestarts: 5, temporalRestarts: 4 },
  },
};
const small: Size = {
  dates: 2,
  comparedDates: 1,
  transactionsPerDay: 1_500,
  rowsPerPage: 100,
  workers: 2,
  faults: {
    ...{ kills: 3, killsBehindCommit: 2, killsBeforeCommit: 2, cuts: 2 },
    ...{ databaseRestarts: 1, temporalRestarts: 1 },
  },
};

const coins = ['bitcoin', 'ethereum', 'dogecoin'];
const datasets = ['blocks', 'transactions', 'prices'];

export async function proveFaults(tools: ProofTools) {
  const folder = `proof/faults-${process.pid}`;
  // ended before the servers, which stand behind it in `tools.cleanup` once they were restarted
  const own = createCleanup({ say: tools.say, handleSignals: false });
  // on Ctrl-C
  tools.cleanup.add(() => own.run());
  try {
    return await prove(tools, own, folder);
  } finally {
    await own.run();
    await tools.cleanup.run();
    rmSync(fromRoot('.cryptoflow', folder), { recursive: true, force: true });
  }
}

async function prove({ say, cleanup: ofServers, isSmall }: ProofTools, cleanup: Cleanup, folder: string) {
  const size = isSmall ? small : full;
  const tools = { cleanup: ofServers, folder, say: () => undefined };
  const [database, temporal] = [await mortalDatabase(tools), await mortalTemporal(tools)];
  const shared = {
    ...{ databaseServer: database.address, temporalAddress: temporal.address, cleanup },
    simulator: { seed: 'proof of faults', transactionsPerDay: size.transactionsPerDay, rowsPerPage: size.rowsPerPage },
  };
  const dates = Array.from({ length: size.dates }, (_, index) =>
    new Date(Date.now() - (index + 1) * 86_400_000).toISOString().slice(0, 10),
  );

  const undisturbed = await startRig(shared);
  const workers = [undisturbed.startWorker(), undisturbed.startWorker()];
  const compared = dates.slice(0, size.comparedDates);
  const quietSeconds = await seconds(() => ingest(undisturbed, compared));
  for (const worker of workers) await worker.stop();
  const quietRequests = undisturbed.simulator.requests.length;
  const quietRows = await storedRows(undisturbed.db);
  say(`undisturbed: ${quietRows} rows, ${quietRequests} requests, ${quietSeconds} s`);
  const pages = (quietRequests / compared.length) * dates.length;

  const rig = await startRig(shared);
  for (const fault of [{ status: 503 }, { status: 429, retryAfter: 2 }, { truncatedGzip: true }, { reset: true }])
    rig.simulator.fault('blockchair', { ...fault, probability: 0.002 });
  const storm = await startStorm({ rig, workers: size.workers, pages, faults: size.faults, database, temporal, say });
  const stormSeconds = await seconds(async () => {
    await ingest(rig, dates);
    await storm.calm();
  });
  say(`storm: ${JSON.stringify(storm.happened)}, ${stormSeconds} s`);

  const { kills, killsBehindCommit, killsBeforeCommit } = storm.happened;
  const allKills = kills + killsBehindCommit + killsBeforeCommit;
  const stormRows = await storedRows(rig.db);
  const problems = [
    ...(await rowProblems(rig.db, undisturbed.db, compared)),
    ...(await blockProblems(rig.db)),
    ...(await ledgerProblems(rig.db)),
    ...(await rowPerRunProblems(rig.db, rig.client)),
    ...(await leaks(Object.values(keys), {
      ...{ db: rig.db, client: rig.client, pids: [] },
      texts: { 'the logs of the workers': rig.workers.map((worker) => worker.output()).join('\n') },
    })),
    ...(isSmall || (allKills >= 200 && stormRows >= 1_000_000)
      ? []
      : [`${allKills} kills and ${stormRows} rows are not the 200 and 1,000,000 that the proof is about`]),
  ];
  const requests = rig.simulator.requests.length;
  const figures = {
    ...{ rows: stormRows, allKills, ...storm.happened, requests, stormSeconds },
    ...{ comparedRows: quietRows, quietRequests, quietSeconds },
  };
  return { figures, problems };
}

/** All dates at once, every third of them wanted by two. */
async function ingest(rig: Rig, dates: readonly string[]): Promise<void> {
  await setDatesAtOnce(rig.db, 2 * dates.length);
  const dags = [];
  for (const [index, date] of dates.entries()) {
    for (let count = 0; count < (index % 3 === 0 ? 2 : 1); count += 1)
      dags.push(await rig.start('dailyIngestion', { date, coins, datasets }));
  }
  await Promise.all(dags.map(patientResult));
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return Math.round((performance.now() - startedAt) / 1_000);
}

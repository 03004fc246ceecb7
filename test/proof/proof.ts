import { parseArgs } from 'node:util';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import { record } from '../workflows/record';
import { proveDumps } from './dumps';
import { proveBackup } from './backup';
import { proveChain } from './chain';
import { proveCollect } from './collect/prove';
import { proveFaults } from './faults';
import { pictures } from './pictures';
import { proveReplay } from './replay';
import { proveRetention } from './retention';
import { proveViews } from './views';

export interface ProofTools {
  say: (line: string) => void;
  /** stops whatever the proof starts */
  cleanup: Cleanup;
  /** `--small`: the same with small counts, where a proof has some */
  isSmall: boolean;
}

interface Proof {
  says: string;
  /** the figures, and what about them is not as it should be; nothing where there is nothing to count */
  run(tools: ProofTools): Promise<{ figures: unknown; problems: readonly string[] } | void>;
}

/** The long proofs: `npm run proof -- <name>`. A new one is a file and a line here. */
const proofs: Readonly<Record<string, Proof>> = {
  collect: {
    says: 'a day of slots on a skipped clock with 5 % of all requests failing, and workers killed at every step (20 min)',
    run: proveCollect,
  },
  replay: {
    says: '20 breaking edits of the workflows are caught by the saved histories (1 min)',
    run: proveReplay,
  },
  dumps: {
    says: 'whole days of dumps under killed workers and databases, cut connections, damaged files (15 min)',
    run: proveDumps,
  },
  chain: {
    says: 'what analysts ask of 50 million transactions (20 min, 40 GB of disk; --small: 2 million)',
    run: proveChain,
  },
  views: {
    says: 'what cli show asks, on a year of slots of 50 assets (5 min; also on TEST_DATABASE_URLS)',
    run: proveViews,
  },
  backup: {
    says: '1 million rows restored and compared, 200 of 200 damages found, a full disk (2 min; as root)',
    run: proveBackup,
  },
  faults: {
    says: '200 kills and a million rows: none lost, none double, counts exact (20 min; --small: 2 min)',
    run: proveFaults,
  },
  record: { says: 'records the histories anew, after a change of the workflows (3 min)', run: record },
  retention: { says: 'retention killed 20 times at every crash point, on 10,000 rows (10 min)', run: proveRetention },
  pictures: { says: 'the pictures of the README, from the Temporal UI (1 min; needs Chromium)', run: pictures },
};

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { small: { type: 'boolean' } } });
  const name = positionals[0] ?? '';
  const proof = Object.hasOwn(proofs, name) ? proofs[name] : undefined;
  if (!proof || positionals.length > 1) {
    const known = Object.entries(proofs).map(([each, { says }]) => `  ${each.padEnd(10)} ${says}\n`);
    process.stderr.write(`Usage: npm run proof -- <name> [--small]\n\n${known.join('')}`);
    process.exitCode = 2;
    return;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const cleanup = createCleanup({ say });
  try {
    const outcome = await proof.run({ say, cleanup, isSmall: values.small ?? false });
    for (const problem of outcome?.problems ?? []) process.stderr.write(`not as it should be: ${problem}\n`);
    if (outcome && outcome.problems.length > 0) process.exitCode = 1;
    if (outcome) say(JSON.stringify(outcome.figures));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    await cleanup.run();
  }
}

void main();

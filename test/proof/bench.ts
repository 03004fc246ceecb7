import { parseArgs } from 'node:util';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import { benchBudget } from './bench-budget';
import { benchLoad } from './bench-load';
import { benchCollect } from './bench-collect';
import { benchOrchestrate } from './bench-orchestrate';
import { benchRetain } from './bench-retain';

// `npm run bench -- <name> [--json]`: measures, says what it measures while it does, and ends with one line of figures.

/** What a bench is given: a line for people, and the list of what is to be stopped. */
export interface BenchTools {
  say: (line: string) => void;
  cleanup: Cleanup;
  /** how large, for benches that have sizes */
  size: { rows?: number; preload?: number; rounds?: number; from?: string };
}

interface Bench {
  says: string;
  /** the figures, and what about them is not as it should be */
  run(tools: BenchTools): Promise<{ figures: Readonly<Record<string, unknown>>; problems: readonly string[] }>;
}

const benches: Readonly<Record<string, Bench>> = {
  budget: {
    says: 'permits of four processes against documented limits; leases of dead and living holders (3 min)',
    run: benchBudget,
  },
  load: {
    says: 'a day of transactions through the whole workflow beside a plain LOAD DATA of the same file (3 min); --rows, --preload, --rounds, --from <date>',
    run: benchLoad,
  },
  collect: {
    says: 'one slot of 50 and 500 assets beside sequential collectors (4 min)',
    run: benchCollect,
  },
  orchestrate: {
    says: 'what a page and a run of ours cost beside activities and children that do nothing (4 min)',
    run: benchOrchestrate,
  },
  retain: {
    says: 'a year of 15-minute rows of 50 assets to daily values, against one unchunked statement (8 min)',
    run: benchRetain,
  },
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      rows: { type: 'string' },
      preload: { type: 'string' },
      rounds: { type: 'string' },
      from: { type: 'string' },
    },
  });
  const name = positionals[0] ?? '';
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!bench || positionals.length > 1) {
    const known = Object.entries(benches).map(([each, { says }]) => `  ${each.padEnd(12)} ${says}\n`);
    process.stderr.write(`Usage: npm run bench -- <name> [--json]\n\n${known.join('')}`);
    process.exitCode = 2;
    return;
  }
  const size = {
    ...{ rows: count(values.rows), preload: count(values.preload), rounds: count(values.rounds) },
    from: day(values.from),
  };
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const cleanup = createCleanup({ say });
  try {
    const { figures, problems } = await bench.run({ say, cleanup, size });
    for (const problem of problems) process.stderr.write(`not as it should be: ${problem}\n`);
    if (problems.length > 0) process.exitCode = 1;
    await cleanup.run();
    say(
      values.json
        ? JSON.stringify(figures)
        : Object.entries(figures)
            .map(([key, value]) => `${key}  ${String(value)}`)
            .join('\n'),
    );
  } catch (error) {
    if (cleanup.signal.aborted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    await cleanup.run();
  }
}

function count(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`"${text}" is not a whole number above 0`);
  return Number(text);
}

function day(text: string | undefined): string | undefined {
  if (text !== undefined && Number.isNaN(Date.parse(`${text}T00:00Z`))) throw new Error(`"${text}" is not a day`);
  return text;
}

void main();

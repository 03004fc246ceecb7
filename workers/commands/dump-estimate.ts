import { createInterface } from 'node:readline/promises';
import { bulkHost } from '../../activities/bulk/host';
import { findCoin, sourceCoin } from '../../activities/coins';
import { configuredSource, type ActivityDeps } from '../../activities/deps';
import { createPlanActivities } from '../../activities/plan';
import { findDataset } from '../../activities/registry';
import { listCoins } from '../../db/queries/coins';

/** A range of days that comes from files: how long its downloads take at the provider's speed. */
export interface DumpEstimate {
  files: number;
  bytes: number;
  seconds: number;
  bytesPerSecond: number;
}

export interface WantedRange {
  workflow: string;
  from: string;
  to: string;
  coins?: string[];
  datasets?: string[];
}

const dayMs = 86_400_000;

/**
 * From the size of one day's file of each dataset and coin, the newest of the range, times the days. Undefined where
 * nothing comes from files, or the provider is as fast as it can.
 */
export async function estimateDumps(deps: ActivityDeps, wanted: WantedRange): Promise<DumpEstimate | undefined> {
  const { workflow, from, to, coins, datasets } = wanted;
  const { runs } = await createPlanActivities(deps).planRuns({ workflowType: workflow, coins, datasets });
  const known = await listCoins(deps.db);
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1;
  const estimate: DumpEstimate = { files: 0, bytes: 0, seconds: 0, bytesPerSecond: 0 };
  for (const { dataset, coin } of runs) {
    const named = findDataset(dataset);
    const host = configuredSource(deps, named.source.name).bulk;
    if (!named.dataset.bulk || !host || host.mode === 'api' || host.bytesPerSecond === undefined) continue;
    const of = sourceCoin(named.source, findCoin(known, coin));
    if (!of) continue;
    const file = bulkHost(deps, { named, coin: of, date: to, budgetClass: 'live' });
    const remote = await file.describe(new AbortController().signal);
    if (!remote) continue;
    estimate.files += days;
    estimate.bytes += days * remote.sizeBytes;
    estimate.seconds += (days * remote.sizeBytes) / host.bytesPerSecond;
    estimate.bytesPerSecond = host.bytesPerSecond;
  }
  return estimate.files > 0 ? estimate : undefined;
}

/** `about 9.2 h: 60 files, 331 MB at 10 kB/s, without a key` */
export function estimateText({ files, bytes, seconds, bytesPerSecond }: DumpEstimate): string {
  const hours = seconds / 3_600;
  const long =
    hours < 1
      ? `${Math.ceil(seconds / 60)} min`
      : hours < 48
        ? `${hours.toFixed(1)} h`
        : `${Math.round(hours / 24)} days`;
  return `downloads take about ${long}: ${files} files, ${Math.ceil(bytes / 1e6)} MB at ${bytesPerSecond / 1_000} kB/s`;
}

export function isLong({ seconds }: DumpEstimate): boolean {
  return seconds > 86_400;
}

/** Whether the person at the terminal wants it nevertheless. */
export async function isWanted(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

import { source as blockchair } from './blockchair';
import { source as blockchaininfo } from './blockchaininfo';
import { source as coingecko } from './coingecko';
import { source as coinmetrics } from './coinmetrics';
import { source as cosmos } from './cosmos';
import { source as defillama } from './defillama';
import { source as ethereum } from './ethereum';
import { SourceFailure } from './failures';
import { source as github } from './github';
import { source as koios } from './koios';
import { source as solana } from './solana';
import type { Dataset, Source } from './source';

/** One line per source. Everything else (queues, environment names, workflow types, budgets) follows from it. */
export const sources: readonly Source[] = [
  ...[blockchair, coingecko, defillama, blockchaininfo, coinmetrics],
  ...[ethereum, solana, cosmos, koios, github],
];

/** A dataset with the full name `<source>.<name>` under which logs, ids and inputs know it. */
export interface NamedDataset {
  fullName: string;
  name: string;
  source: Source;
  dataset: Dataset;
}

export const datasets: readonly NamedDataset[] = datasetsOf(sources);

export function datasetsOf(all: readonly Source[]): NamedDataset[] {
  return all.flatMap((source) =>
    Object.entries(source.datasets).map(([name, dataset]) => ({
      fullName: `${source.name}.${name}`,
      name,
      source,
      dataset,
    })),
  );
}

/** `blockchair.blocks`, or `blocks` where only one source has it. Throws BadInput naming what is allowed. */
export function findDataset(name: string): NamedDataset {
  return findAmong(datasets, name);
}

export function findAmong(known: readonly NamedDataset[], name: string): NamedDataset {
  const found = known.filter((each) => each.fullName === name || each.name === name);
  if (found.length === 1) return found[0]!;
  const allowed = (found.length > 1 ? found : known).map((each) => each.fullName).join(', ');
  const problem = found.length > 1 ? 'is offered by several sources' : 'is unknown';
  throw new SourceFailure('BadInput', `dataset "${name}" ${problem}; allowed: ${allowed}`);
}

export function findSource(name: string): Source {
  const found = sources.find((each) => each.name === name);
  if (found) return found;
  const known = sources.map((each) => each.name).join(', ');
  throw new SourceFailure('BadInput', `source "${name}" is unknown; known: ${known}`);
}

export function workflowTypeOf(source: Source): string {
  return `ingest${source.label}`;
}

export function queueOf(source: Source): string {
  return `cryptoflow-${source.name}`;
}

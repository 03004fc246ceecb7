import type { Asset } from '../db/queries/assets';
import { httpFor } from './ask-source';
import { sourceAssets } from './assets';
import { configuredSource, type ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import type { Reading, ReadingAnswer } from './observation';
import type { Source } from './source';

/** A reading with the full name `<source>.<name>` under which logs know it. */
export interface NamedReading {
  fullName: string;
  source: Source;
  reading: Reading;
}

export function findReading(sources: readonly Source[], name: string): NamedReading | undefined {
  const [of, own = ''] = name.split('.');
  const source = sources.find((each) => each.name === of);
  const reading = source?.observe?.readings[own];
  return source && reading ? { fullName: name, source, reading } : undefined;
}

/** What a source says of one asset now, with one request and its permit; nothing is written. */
export async function askReading(
  deps: ActivityDeps,
  { fullName, source, reading }: NamedReading,
  asset: Asset,
  slot: string,
  signal: AbortSignal,
): Promise<ReadingAnswer> {
  const assets = sourceAssets(source, [{ ...asset, isActive: true }]).filter((each) => reading.covers?.(each) ?? true);
  if (assets.length === 0)
    throw new SourceFailure('NotAvailable', `${fullName}: ${source.label} does not have ${asset.coinId}`);
  const http = httpFor(deps, { source, fullName }, 'live', signal);
  return reading.fetch(http, { assets, slot, plan: configuredSource(deps, source.name).plan });
}

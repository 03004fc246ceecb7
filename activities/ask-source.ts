import { randomUUID } from 'node:crypto';
import { Context, asyncLocalStorage } from '@temporalio/activity';
import { listCoins, type Coin } from '../db/queries/coins';
import type { BudgetClass } from '../db/queries/source-budgets';
import { waitForPermit, withLease } from './budget';
import { listAssets } from '../db/queries/assets';
import { sourceAssets } from './assets';
import { findCoin, sourceCoin, type NamedCoin } from './coins';
import { configuredSource, type ActivityDeps, type ConfiguredSource } from './deps';
import { SourceFailure, type FailureDetails } from './failures';
import { createSourceHttp } from './http';
import type { SourceAsset } from './observation';
import type { NamedDataset } from './registry';
import type { Page, SourceCoin, SourceHttp } from './source';

export interface AskedPage {
  coin: string;
  date: string;
  cursor: string | null;
  addresses: string[];
  budgetClass: BudgetClass;
}

/** The request alone: also what `cli try` shows, with a permit and without a database write. `asked` is what it was. */
export async function askSource(
  deps: ActivityDeps,
  named: NamedDataset,
  request: AskedPage,
  signal: AbortSignal | undefined = Context.current().cancellationSignal,
): Promise<Page & { asked: FailureDetails }> {
  const { source, dataset, fullName } = named;
  const configured = configuredSource(deps, source.name);
  const { coins, assets } = await aboutWhom(deps, named, request.coin);
  const asked: FailureDetails = { source: source.name, dataset: fullName };
  const page = await dataset
    .fetchPage(httpFor(deps, named, request.budgetClass, signal, asked), {
      coin: coins[0]!,
      coins,
      assets,
      date: request.date,
      cursor: request.cursor,
      addresses: request.addresses,
      plan: configured.plan,
    })
    .catch((error: unknown) => {
      // a source knows what is wrong with its answer, but not what was asked and for which run
      if (error instanceof SourceFailure && !error.details.dataset) {
        throw new SourceFailure(error.type, error.message, { ...asked, ...error.details }, error.retryAfterMs, {
          cause: error.cause,
        });
      }
      throw error;
    });
  return { ...page, asked };
}

export function httpFor(
  deps: ActivityDeps,
  { source, fullName }: Pick<NamedDataset, 'source' | 'fullName'>,
  budgetClass: BudgetClass,
  signal?: AbortSignal,
  asked?: FailureDetails,
): SourceHttp {
  const connection = endpointOf(configuredSource(deps, source.name));
  const { limits } = connection.plan;
  return createSourceHttp({
    agent: deps.agent,
    connection,
    dataset: fullName,
    signal,
    redact: deps.redact,
    permit: (cost) => waitForPermit(deps.db, { source: source.name, limits, cost, budgetClass }, signal),
    lease:
      limits.connections === undefined
        ? undefined
        : (work) => withLease(deps.db, { source: source.name, holder: attemptName() }, signal, work),
    totalTimeoutMs: deps.settings.requestTimeoutMs,
    asked,
  });
}

/** The attempt of the activity that asks; a command asks without one. */
export function attemptName(): string {
  const info = asyncLocalStorage.getStore()?.info;
  return info ? `${info.workflowExecution?.runId}/${info.activityId}/${info.attempt}` : `cli/${randomUUID()}`;
}

/** Of several endpoints each attempt asks the next one. */
function endpointOf(connection: ConfiguredSource): ConfiguredSource {
  const endpoints = connection.baseUrl.split(',');
  const attempt = asyncLocalStorage.getStore()?.info.attempt ?? 1;
  return { ...connection, baseUrl: endpoints[(attempt - 1) % endpoints.length]!.trim() };
}

async function aboutWhom(
  deps: ActivityDeps,
  { source, dataset, fullName }: NamedDataset,
  coin: string,
): Promise<{ coins: SourceCoin[]; assets: SourceAsset[] }> {
  const nobody = new SourceFailure('NotAvailable', `${fullName}: ${source.label} does not have ${coin}`);
  if (dataset.of === 'assets') {
    const assets = sourceAssets(source, await listAssets(deps.db));
    const wanted = dataset.scope === 'all' ? assets : assets.filter((asset) => asset.coinId === coin);
    if (wanted.length === 0) throw nobody;
    return { coins: wanted, assets: wanted };
  }
  const known = await listCoins(deps.db);
  const wanted = dataset.scope === 'all' ? known.filter((each) => each.isActive) : [findCoin(known, coin)];
  const others = dataset.of === 'both' ? await assetsBeside(deps, known) : [];
  const coins = [...wanted, ...others].flatMap((each) => sourceCoin(source, each) ?? []);
  if (coins.length === 0) throw nobody;
  return { coins, assets: [] };
}

/** Assets that are collected and not ingested, as coins without a chain. */
async function assetsBeside(deps: ActivityDeps, known: readonly Coin[]): Promise<NamedCoin[]> {
  const coinIds = new Set(known.map(({ coinId }) => coinId));
  const assets = await listAssets(deps.db);
  return assets
    .filter(({ isActive, coinId }) => isActive && !coinIds.has(coinId))
    .map(({ coinId, symbol }) => ({ coinId, symbol, blockchairId: null }));
}

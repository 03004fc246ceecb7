import { randomUUID } from 'node:crypto';
import { Context, asyncLocalStorage } from '@temporalio/activity';
import { listCoins } from '../db/queries/coins';
import type { BudgetClass } from '../db/queries/source-budgets';
import { waitForPermit, withLease } from './budget';
import { findCoin, sourceCoin } from './coins';
import { configuredSource, type ActivityDeps } from './deps';
import { SourceFailure, type FailureDetails } from './failures';
import { createSourceHttp } from './http';
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
  const coins = await coinsOf(deps, named, request.coin);
  const asked: FailureDetails = { source: source.name, dataset: fullName };
  const page = await dataset
    .fetchPage(httpFor(deps, named, request.budgetClass, signal, asked), {
      coin: coins[0]!,
      coins,
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
  { source, fullName }: NamedDataset,
  budgetClass: BudgetClass,
  signal?: AbortSignal,
  asked?: FailureDetails,
): SourceHttp {
  const connection = configuredSource(deps, source.name);
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

async function coinsOf(
  deps: ActivityDeps,
  { source, dataset, fullName }: NamedDataset,
  coin: string,
): Promise<SourceCoin[]> {
  const known = await listCoins(deps.db);
  const wanted = dataset.scope === 'all' ? known.filter((each) => each.isActive) : [findCoin(known, coin)];
  const coins = wanted.flatMap((each) => sourceCoin(source, each) ?? []);
  if (coins.length === 0) throw new SourceFailure('NotAvailable', `${fullName}: ${source.label} does not have ${coin}`);
  return coins;
}

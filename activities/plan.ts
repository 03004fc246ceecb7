import { listCoins } from '../db/queries/coins';
import { sourceAssets } from './assets';
import { findCoin } from './coins';
import { historySuffix } from './collect/merge';
import { chosenAssets } from './collect/past';
import type { ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { datasets as allDatasets, findDataset, queueOf, sources, workflowTypeOf, type NamedDataset } from './registry';

export interface PlanRequest {
  workflowType: string;
  coins?: string[];
  datasets?: string[];
}

/** One run of the plan: a dataset for a coin (`all` where it covers every coin). */
export interface PlannedRun {
  dataset: string;
  coin: string;
}

export interface Plan {
  /** marks data that is not real */
  label: string | null;
  runs: PlannedRun[];
  /** runs whose source can give many dates with one request */
  ranged: (PlannedRun & { queue: string; maxDays?: number })[];
}

/** The workflow type whose datasets are those of the daily DAG, and the one that collects slots. */
const dailyType = 'dailyIngestion';
const slotType = 'collectOnchainAndSentiment';

export function createPlanActivities(deps: ActivityDeps) {
  return {
    /** What a DAG of this type runs: its datasets × the enabled coins, or what the input names. Throws BadInput. */
    async planRuns(request: PlanRequest): Promise<Plan> {
      if (request.workflowType === slotType) return planSlots(deps, request);
      const chosen = request.datasets ? request.datasets.map(findDataset) : defaultDatasets(request.workflowType);
      const known = await listCoins(deps.db);
      const coins = request.coins
        ? request.coins.map((name) => findCoin(known, name).coinId)
        : known.filter((coin) => coin.isActive && coin.ingestionEnabled).map((coin) => coin.coinId);
      if (coins.length === 0)
        throw new SourceFailure('BadInput', 'no coin is enabled; to enable one: npm run cli -- coins enable bitcoin');
      const unique = [...new Set(coins)];
      const runs = [...new Set(chosen)].flatMap((named) => runsOf(named, unique).map((run) => ({ ...run, named })));
      return {
        label: deps.settings.dataLabel,
        runs: runs.map(({ dataset, coin }) => ({ dataset, coin })),
        ranged: runs
          .filter(({ named }) => named.dataset.range !== undefined)
          .map(({ dataset, coin, named }) => ({ dataset, coin, queue: queueOf(named.source) })),
      };
    },
  };
}

/** A backfill of slots: what it can get for many dates at once; the dates themselves are days of slots, not runs. */
async function planSlots(deps: ActivityDeps, { coins, datasets: sourceNames }: PlanRequest): Promise<Plan> {
  if (sourceNames)
    throw new SourceFailure('BadInput', `${slotType} has no datasets: leave them out, its sources are asked for all`);
  const assets = await chosenAssets(deps, coins);
  const histories = allDatasets.filter(({ fullName, dataset }) => fullName.endsWith(historySuffix) && dataset.range);
  const ranged = histories.flatMap(({ fullName, source, dataset }) =>
    sourceAssets(source, assets).map(({ coinId }) => {
      return { dataset: fullName, coin: coinId, queue: queueOf(source), maxDays: dataset.range?.maxDays };
    }),
  );
  return { label: deps.settings.dataLabel, runs: [], ranged };
}

function runsOf({ fullName, dataset }: NamedDataset, coins: readonly string[]): PlannedRun[] {
  return dataset.scope === 'all'
    ? [{ dataset: fullName, coin: 'all' }]
    : coins.map((coin) => ({ dataset: fullName, coin }));
}

/** All daily datasets, or those of the source that the workflow type names. Throws BadInput for an unknown type. */
function defaultDatasets(workflowType: string): NamedDataset[] {
  const daily = allDatasets.filter((named) => named.dataset.daily);
  if (workflowType === dailyType) return daily;
  const source = sources.find((each) => workflowTypeOf(each) === workflowType);
  if (source) {
    const own = daily.filter((named) => named.source === source);
    if (own.length > 0) return own;
    throw new SourceFailure('BadInput', `${source.label} has no daily datasets: it is asked by ${slotType}`);
  }
  const known = [
    dailyType,
    slotType,
    ...sources.filter((each) => daily.some((named) => named.source === each)).map(workflowTypeOf),
    'ingestDataset',
    'backfill',
    'checkHealth',
    'syncCoins',
    'pauseSource',
    'collectSlot',
    'collectDay',
  ];
  throw new SourceFailure('BadInput', `workflow type "${workflowType}" is unknown; known: ${known.join(', ')}`);
}

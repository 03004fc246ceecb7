import { setTimeout as sleep } from 'node:timers/promises';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { z } from 'zod';
import { findDataset } from '../../activities/registry';
import { runId } from '../../workflows/ids';
import { workflowQueue } from '../schedules';
import { ensureBudgets } from './budgets';
import { estimateDumps, estimateText, isLong, isWanted } from './dump-estimate';
import { UsageError, type Answer, type Call, type Command } from './command';
import type { Connections } from './connections';
import { resultLines } from './run-result';

/** Questions to a worker cost it work: a person sees no difference below this. */
const progressEveryMs = 2_000;

export const run: Command = {
  name: 'run',
  summary: 'start a workflow: dailyIngestion, ingestBlockchair, backfill, …',
  action: {
    says: 'start a workflow',
    args: ['<workflow>'],
    options: {
      date: { value: '<date>', says: 'logical date, the UTC day of the data; yesterday when left out' },
      coins: { value: '<a,b>', says: 'CoinGecko ids or tickers; all enabled ones when left out' },
      datasets: { value: '<a,b>', says: 'blocks, transactions, addresses, prices, …; all daily ones when left out' },
      slot: {
        value: '<slot>',
        says: 'collectOnchainAndSentiment: a quarter-hour like 2026-11-21T10:15Z; the present one',
      },
      sources: { value: '<a,b>', says: 'collectOnchainAndSentiment: coingecko, defillama, …; all when left out' },
      addresses: { value: '<a,b>', says: 'of the one coin that is given' },
      from: { value: '<date>', says: 'backfill: first logical date' },
      to: { value: '<date>', says: 'backfill: last logical date' },
      workflow: { value: '<type>', says: 'backfill: the DAG to run; dailyIngestion when left out' },
      concurrency: { value: '<number>', says: 'backfill: dates at the same time; 2 when left out' },
      tables: { value: '<a,b>', says: 'applyRetention: onchain_data, data_ingestion_logs, …; all when left out' },
      'dry-run': { says: 'applyRetention: says what it would do, changes nothing' },
      input: { value: '<json>', says: 'the whole input instead of the options above' },
      yes: { says: 'do not ask, however long the downloads of a range take' },
      wait: { says: 'follow it to its end; exit code 1 if it failed' },
    },
    examples: [
      'run dailyIngestion --date 2026-11-21 --coins bitcoin,ethereum --wait',
      'run ingestDataset --datasets blockchair.blocks --coins bitcoin --date 2026-11-21',
      'run backfill --from 2026-11-01 --to 2026-11-10 --datasets prices --concurrency 2',
      'run collectOnchainAndSentiment --slot 2026-11-21T10:15Z --wait',
      'run backfill --workflow collectOnchainAndSentiment --from 2026-11-01 --to 2026-11-10',
      'run applyRetention --dry-run --wait',
      `run checkHealth --wait --json`,
    ],
    async run(call, connections) {
      const workflow = call.arg('workflow');
      const input = inputOf(call, workflow);
      const downloads = workflow === 'backfill' ? await howLong(input, call.isSet('yes'), connections) : undefined;
      return runWorkflow(connections, workflow, input, call.isSet('wait'), downloads);
    },
  },
};

/** Starts a workflow by hand, and follows it to its end if that is wanted. */
export async function runWorkflow(
  connections: Connections,
  workflow: string,
  input: Input,
  isFollowed: boolean,
  /** how long the downloads of a range take */
  downloads?: string,
): Promise<Answer> {
  const workflowId = idOf(workflow, input);
  const { client, namespace } = await connections.temporal();
  const handle = await start(client, workflow, workflowId, input);
  const started = { workflowId, runId: handle.firstExecutionRunId, workflow, input, downloads };
  const page = `/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${started.runId}`;
  const said = downloads === undefined || connections.isWatched ? [] : [downloads];
  const lines = [...said, `${workflow}  ${workflowId}  started`, `Temporal UI  ${page}`];
  if (!isFollowed) return { document: { ...started, status: 'running' }, lines };
  for (const line of lines) connections.progress(line);
  const answer = await follow(handle, connections, started);
  return { ...answer, lines: connections.isWatched ? answer.lines : [...lines, ...answer.lines] };
}

type Input = Readonly<Record<string, unknown>>;

function inputOf(call: Call, workflow: string): Input {
  const options = {
    date: call.day('date'),
    coins: call.list('coins'),
    datasets: call.list('datasets'),
    slot: call.text('slot'),
    sources: call.list('sources'),
    addresses: call.list('addresses'),
    from: call.day('from'),
    to: call.day('to'),
    workflow: call.text('workflow'),
    concurrency: call.count('concurrency', { from: 1, to: 50 }),
    tables: call.list('tables'),
    dryRun: call.isSet('dry-run') || undefined,
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const text = call.text('input');
  if (text !== undefined) {
    const names = Object.keys(given).map((name) => `--${name}`);
    if (names.length > 0)
      throw new UsageError(
        `--input stands beside ${names.join(', ')} - it is the whole input - put them into it, or leave it out`,
      );
    return parsedInput(text);
  }
  return workflow === 'ingestDataset' ? oneRun(given) : given;
}

const object = z.record(z.string(), z.unknown());

function parsedInput(text: string): Input {
  const refuse = (why: string) =>
    new UsageError(`--input is not right - ${why} - write one JSON object: --input '{"date":"2026-11-21"}'`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  const parsed = object.safeParse(value);
  if (!parsed.success) throw refuse('it is not an object');
  return parsed.data;
}

/** ingestDataset is one run: one dataset, one coin, one date. */
function oneRun({ coins, datasets, ...rest }: Input): Input {
  const only = (name: string, values: unknown): string | undefined => {
    if (!Array.isArray(values)) return undefined;
    if (values.length !== 1)
      throw new UsageError(
        `ingestDataset takes one of --${name} - ${values.length} are given - give one, or run dailyIngestion`,
      );
    return String(values[0]);
  };
  const dataset = only('datasets', datasets);
  const coin = only('coins', coins);
  return {
    ...rest,
    ...(dataset === undefined ? {} : { dataset: findDataset(dataset).fullName }),
    ...(coin === undefined ? {} : { coin }),
  };
}

/**
 * Of a range that comes from files: how long it takes at the provider's speed. Asks above a day; throws when it is not
 * wanted, or nobody is there to be asked.
 */
async function howLong(input: Input, isYes: boolean, connections: Connections): Promise<string | undefined> {
  const range = parsedRange.safeParse(input);
  if (!range.success) return undefined;
  const deps = await connections.deps();
  await ensureBudgets(deps);
  const estimate = await estimateDumps(deps, range.data).catch((error: unknown) => {
    // whatever is wrong with the input, or the provider, the workflow says it too
    const why = error instanceof Error ? error.message : String(error);
    connections.progress(`how long it takes could not be found out: ${deps.redact(why)}`);
    return undefined;
  });
  if (!estimate) return undefined;
  const text = estimateText(estimate);
  connections.progress(text);
  if (!isLong(estimate) || isYes) return text;
  if (!connections.isWatched || !(await isWanted('More than a day. Start it?')))
    throw new Error(`not started - ${text}, which is more than a day - take a shorter range, use a key, or say --yes`);
  return text;
}

/** What is wrong with it is for the workflow to say. */
const parsedRange = z.object({
  workflow: z.string().default('dailyIngestion'),
  from: z.string(),
  to: z.string(),
  coins: z.array(z.string()).optional(),
  datasets: z.array(z.string()).optional(),
});

/** A run's id is its lock (rule 2); any other id only has to speak and to be new. */
function idOf(workflow: string, input: Input): string {
  const { dataset, coin = 'all', date } = input;
  const isRun =
    workflow === 'ingestDataset' && typeof dataset === 'string' && typeof coin === 'string' && typeof date === 'string';
  return isRun ? runId(dataset, coin, date) : `${workflow}/manual/${new Date().toISOString()}`;
}

async function start(client: Client, workflow: string, workflowId: string, input: Input) {
  try {
    return await client.workflow.start(workflow, {
      workflowId,
      taskQueue: workflowQueue,
      args: Object.keys(input).length > 0 ? [input] : [],
      staticSummary: `by hand: ${JSON.stringify(input)}`.slice(0, 200),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new Error(
      `${workflowId} cannot be started - it is running already - wait for it, or look at it in the Temporal UI`,
      { cause: error },
    );
  }
}

async function follow(handle: WorkflowHandle, connections: Connections, started: object): Promise<Answer> {
  const watching = new AbortController();
  const watch = showProgress(handle, connections, watching.signal);
  try {
    const result: unknown = await handle.result();
    return { document: { ...started, status: 'completed', result }, lines: resultLines(result) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const root = rootFailure(error);
    const details: unknown = root instanceof ApplicationFailure ? root.details?.[0] : undefined;
    const type = root instanceof ApplicationFailure ? root.type : root.name;
    return {
      document: { ...started, status: 'failed', result: details ?? null, error: { type, message: root.message } },
      lines: details === undefined ? [] : resultLines(details),
      exitCode: 1,
      problem: `${handle.workflowId} failed - ${type}: ${root.message}`,
    };
  } finally {
    watching.abort();
    await watch;
  }
}

/** Lines of the workflow's current details that are new since the last look; none where no worker answers. */
async function showProgress(handle: WorkflowHandle, connections: Connections, signal: AbortSignal): Promise<void> {
  if (!connections.isWatched) return;
  const seen = new Set<string>();
  while (!signal.aborted) {
    const details = await handle
      .query<{ currentDetails?: string | null }>('__temporal_workflow_metadata')
      .then((metadata) => metadata.currentDetails ?? '')
      .catch(() => '');
    for (const line of details.split('\n').map(plainLine)) {
      if (line === '' || seen.has(line)) continue;
      seen.add(line);
      connections.progress(line);
    }
    await sleep(progressEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** `| blockchair.blocks | bitcoin | running |` as a line of a terminal. */
function plainLine(line: string): string {
  if (/^\|[-|: ]+\|$/.test(line)) return '';
  return line
    .replace(/^\| ?| ?\|$/g, '')
    .replaceAll(' | ', '  ')
    .replaceAll(/\\(.)/g, '$1')
    .trim();
}

function rootFailure(error: Error): Error {
  const { cause } = error;
  return cause instanceof TemporalFailure ? rootFailure(cause) : error;
}

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { startServers, projectFolder } from '../../workers/stack/stack';
import type { Cleanup } from '../../workers/stack/cleanup';
import { installLogger } from '../../workers/worker';
import { startFreshProduct, type FreshProduct } from '../proof/fresh-product';
import { startSimulator, type Simulator, type SimulatorOptions } from '../simulator';
import { simulatedEnvironment } from '../simulator/environment';
import { scenarios, type Scenario } from './scenarios';

// `npm run proof -- record`: runs every scenario for real, against the simulator, and saves the histories that the
// replay tests read. To be run again when workflows change on purpose: what was saved before is replaced as a whole.

const folder = path.join(projectFolder, 'test', 'workflows', 'histories');

/** What a scenario is given: the product, the world that it asks, and the way to keep a history. */
export interface Recorder {
  product: FreshProduct;
  simulator: Simulator;
  /** starts a workflow under this id and waits until it has ended, well or badly */
  run(workflow: string, workflowId: string, input?: unknown): Promise<WorkflowHandleWithFirstExecutionRunId>;
  start(workflow: string, workflowId: string, input?: unknown): Promise<WorkflowHandleWithFirstExecutionRunId>;
  /** keeps the history of the newest execution with this id, or of this one */
  save(name: string, workflowId: string, runId?: string): Promise<void>;
}

export interface World {
  simulator?: SimulatorOptions;
  pagesPerRun: number;
  /** whole days from files */
  mode?: 'dumps' | 'auto';
}

export async function record({ say, cleanup }: { say: (line: string) => void; cleanup: Cleanup }): Promise<void> {
  installLogger([], 'ERROR');
  const servers = await startServers('record', cleanup, say);
  mkdirSync(folder, { recursive: true });
  const saved = new Map<string, string>();
  for (const { world, play } of scenarios) {
    await inWorld(world, { servers, cleanup }, async (product, simulator) => {
      const recorder = recorderOf(product, simulator, (name, text) => {
        saved.set(name, text);
        say(`history   ${name}  ${text.length} bytes`);
      });
      for (const each of play) await playScenario(each, recorder);
    });
  }
  // only now: a recording that broke off leaves the old ones
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
  for (const [name, text] of saved) writeFileSync(path.join(folder, `${name}.json`), text);
  const bytes = [...saved.values()].reduce((sum, text) => sum + text.length, 0);
  say(`${saved.size} histories, ${Math.round(bytes / 1024)} kB, in ${path.relative(projectFolder, folder)}`);
}

async function playScenario(scenario: Scenario, recorder: Recorder): Promise<void> {
  try {
    await scenario(recorder);
  } finally {
    recorder.simulator.clearFaults();
  }
}

async function inWorld(
  { simulator: options, pagesPerRun, mode }: World,
  { servers, cleanup }: Pick<Parameters<typeof startFreshProduct>[0], 'servers' | 'cleanup'>,
  work: (product: FreshProduct, simulator: Simulator) => Promise<void>,
): Promise<void> {
  const simulator = await startSimulator({ limits: 'none', transactionsPerDay: 250, ...options });
  const closeSimulator = cleanup.add(() => simulator.close());
  const backups = mkdtempSync(path.join(tmpdir(), 'cryptoflow-record-'));
  cleanup.add(async () => rmSync(backups, { recursive: true, force: true }));
  const product = await startFreshProduct({
    servers,
    cleanup,
    environment: {
      ...simulatedEnvironment(simulator, { perMinute: 60_000 }),
      BLOCKCHAIR_PER_DAY: '1000000',
      BLOCKCHAIR_PAGES_PER_RUN: String(pagesPerRun),
      ...(mode
        ? {
            BLOCKCHAIR_MODE: mode,
            BLOCKCHAIR_DUMPS_URL: simulator.baseUrls.blockchairDumps,
            BLOCKCHAIR_DUMPS_WAIT_HOURS: '0.0001',
          }
        : {}),
      CRYPTOFLOW_BACKUP_TO: backups,
    },
  });
  await work(product, simulator);
  await product.stop();
  await closeSimulator();
}

function recorderOf(product: FreshProduct, simulator: Simulator, keep: (name: string, text: string) => void): Recorder {
  const { workflow } = product.client;
  const start: Recorder['start'] = (type, workflowId, input) =>
    workflow.start(type, { taskQueue: 'cryptoflow', workflowId, args: input === undefined ? [] : [input] });
  return {
    product,
    simulator,
    start,
    async run(type, workflowId, input) {
      const handle = await start(type, workflowId, input);
      await handle.result().catch(() => undefined);
      return handle;
    },
    async save(name, workflowId, runId) {
      const handle = workflow.getHandle(workflowId, runId);
      // a child outlives its parent by the time that it needs to close its row
      while ((await handle.describe()).status.name === 'RUNNING') await sleep(50);
      keep(name, textOf((await handle.fetchHistory()).events ?? []));
    },
  };
}

/**
 * What replay never looks at, and what would tell of the machine on which it was recorded. Inputs of activities are half
 * of a long history; the command that scheduled them is compared by type and id.
 */
const unneeded = new Set([
  'identity',
  'requestId',
  'stackTrace',
  'workerVersion',
  'historySizeBytes',
  'meteringMetadata',
]);

/** One event per line: a diff shows which of them changed. */
function textOf(events: readonly unknown[]): string {
  return `{"events":[\n${events.map((event) => JSON.stringify(event, trimmed)).join(',\n')}\n]}\n`;
}

function trimmed(key: string, value: unknown): unknown {
  if (unneeded.has(key)) return undefined;
  if (key === 'activityTaskScheduledEventAttributes') return { ...(value as object), input: undefined };
  return value;
}

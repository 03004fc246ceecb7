import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities';
import { applyBudgets, requestsPerMinute } from '../activities/budget';
import { createFailureInterceptor } from '../activities/failure-interceptor';
import { createRedact } from '../activities/failures';
import { queueOf, sources } from '../activities/registry';
import { assertSchemaCurrent } from '../db/migrate';
import { readConfig, type Config } from './config';
import { openContext, type ProcessContext } from './context';
import { workflowQueue } from './schedules';

/** Made by the build: a worker never bundles at its start. */
export const bundlePath = path.join(__dirname, '..', 'workflow-bundle.js');

/** Pages of one source that one process has under way; the budget decides how fast they go. */
const pagesAtOnce = 10;

export interface RunningWorkers {
  queues: readonly string[];
  /** ends when every worker has ended; rejects when one broke */
  ended: Promise<void>;
  /** running pages end, nothing new starts, connections are closed */
  stop(): Promise<void>;
}

/**
 * One worker per queue in this process: workflows and our own activities on `cryptoflow`, the calls of each source on
 * its own queue. `queues` names sources (or `cryptoflow`); without it all are served. Refuses an older or newer schema.
 */
export async function startWorkers(
  config: Config,
  options: { queues?: readonly string[]; bundle?: string } = {},
): Promise<RunningWorkers> {
  const context = await openContext(config);
  try {
    await assertSchemaCurrent(context.deps.db);
    await applyBudgets(context.deps.db, config.sources.values());
    return await createWorkers(config, context, options);
  } catch (error) {
    await context.close();
    throw error;
  }
}

async function createWorkers(
  config: Config,
  context: ProcessContext,
  options: { queues?: readonly string[]; bundle?: string },
): Promise<RunningWorkers> {
  const codePath = options.bundle ?? bundlePath;
  if (!existsSync(codePath))
    throw new Error(`The workflow bundle ${codePath} is missing - nothing built it - run: npm run build`);
  const connection = await NativeConnection.connect(config.temporal.connectionOptions);
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: config.temporal.namespace,
    activities: createActivities(context.deps),
    interceptors: { activity: [createFailureInterceptor(context.deps)] },
    shutdownGraceTime: `${config.shutdownGraceSeconds}s`,
  };
  const workers: Worker[] = [];
  for (const name of chosenQueues(options.queues)) {
    const source = config.sources.get(name);
    const own: WorkerOptions = source
      ? {
          ...shared,
          taskQueue: queueOf(source.source),
          maxConcurrentActivityTaskExecutions: pagesAtOnce,
          // shapes only: source_budgets decides (rule 10)
          maxTaskQueueActivitiesPerSecond: Math.max(1, requestsPerMinute(source.plan.limits) / 60),
        }
      : {
          ...shared,
          taskQueue: workflowQueue,
          workflowBundle: { codePath },
          // who waits for another's run holds a place all the time, and must not keep that run from its own activities
          maxConcurrentActivityTaskExecutions: 500,
        };
    workers.push(await Worker.create(own));
  }
  const ended = runAll(workers, async () => {
    await connection.close();
    await context.close();
  });
  return {
    queues: workers.map((worker) => worker.options.taskQueue),
    ended,
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
}

async function runAll(workers: readonly Worker[], close: () => Promise<void>): Promise<void> {
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    await close();
  }
}

/** Throws for a queue that does not exist, naming those that do. */
function chosenQueues(names: readonly string[] | undefined): string[] {
  const known = [workflowQueue, ...sources.map((source) => source.name)];
  for (const name of names ?? []) {
    if (!known.includes(name))
      throw new Error(`There is no queue "${name}" - known: ${known.join(', ')} - correct --queues.`);
  }
  return [...(names ?? known)];
}

/** Temporal's own log lines, one short line each, without secrets, on stderr. */
export function installLogger(secrets: readonly string[], level: 'INFO' | 'WARN' | 'ERROR' = 'WARN'): void {
  const redact = createRedact(secrets);
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: entryLevel, timestampNanos, message, meta }) => {
      // the queues of sources have activities only, on purpose
      if (message.startsWith('No workflows registered')) return;
      const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
      const about = ['workflowId', 'activityType', 'attempt', 'taskQueue'].flatMap((name) =>
        meta?.[name] === undefined ? [] : [String(meta[name])],
      );
      process.stderr.write(
        `${redact([time, entryLevel, message, ...about, reasonOf(meta?.error)].join('  ').trimEnd())}\n`,
      );
    }),
  });
}

/** The first line says it; the stack is in the history, with the failure. */
function reasonOf(error: unknown): string {
  if (error === undefined) return '';
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : JSON.stringify(error);
  return text.split('\n')[0] ?? '';
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { queues: { type: 'string' } } });
  const config = readConfig();
  installLogger(config.secrets);
  const workers = await startWorkers(config, { queues: values.queues?.split(',').map((name) => name.trim()) });
  process.stdout.write(`worker ${process.pid} serves ${workers.queues.join(', ')}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void workers.stop());
  await workers.ended;
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}

import { executeChild, proxyActivities } from '@temporalio/workflow';
import type { BenchActivities } from '../bench-orchestrate';
import { timed, type Shape } from './timed';

// As little as Temporal can do, in a bundle of its own: nothing of ours is loaded. A source call waits on its source's
// queue, so the no-op that stands for it does so too; `eager` ones are on the workflow's queue, which the server answers
// together with the workflow task: the least of all, and no way for a call that a budget must be able to hold up.

const eager = proxyActivities<BenchActivities>({ startToCloseTimeout: '1m' });
const queued = proxyActivities<BenchActivities>({ startToCloseTimeout: '1m', taskQueue: 'bench-source' });

export async function bareTasks(shape: Shape): Promise<number> {
  return timed(shape, () => queued.noOp());
}

export async function bareEagerTasks(shape: Shape): Promise<number> {
  return timed(shape, () => eager.noOp());
}

export async function bareRuns(shape: Shape): Promise<number> {
  return timed(shape, () => executeChild(bareRun));
}

export async function bareRun(): Promise<void> {
  await eager.noOp();
  await queued.noOp();
  await eager.noOp();
}

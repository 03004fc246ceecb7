import type { Client, Connection } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time';
import { diffSchedules, workflowQueue } from '../schedules';
import { searchAttributeTypes } from '../stack/namespace';
import type { Connections } from './connections';
import type { Check } from './doctor-check';

const dayMs = 86_400_000;
const neededRetentionDays = 30;
const todo = 'npm run cli -- doctor --fix';

export async function checkTemporal(connections: Connections): Promise<Check[]> {
  try {
    const { client, connection, namespace } = await connections.temporal();
    return [
      { name: 'temporal', status: 'ok', message: `${connection.options.address}, namespace ${namespace}` },
      await checkRetention(connection, namespace),
      await checkSearchAttributes(connection, namespace),
      await checkSchedules(client),
      await checkWorkers(connection, namespace),
    ];
  } catch (error) {
    return [{ name: 'temporal', status: 'problem', message: error instanceof Error ? error.message : String(error) }];
  }
}

async function checkRetention({ workflowService }: Connection, namespace: string): Promise<Check> {
  const { config } = await workflowService.describeNamespace({ namespace });
  const days = Math.floor((tsToMs(config?.workflowExecutionRetentionTtl) ?? 0) / dayMs);
  if (days >= neededRetentionDays)
    return { name: 'retention', status: 'ok', message: `closed runs are kept for ${days} days` };
  return {
    name: 'retention',
    status: 'problem',
    message: `closed runs are forgotten after ${days} days, ${neededRetentionDays} are needed: ${todo}`,
  };
}

async function checkSearchAttributes({ operatorService }: Connection, namespace: string): Promise<Check> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const names = Object.keys(searchAttributeTypes);
  const missing = names.filter((name) => customAttributes?.[name] === undefined);
  if (missing.length === 0) return { name: 'search attributes', status: 'ok', message: names.join(', ') };
  return {
    name: 'search attributes',
    status: 'problem',
    message: `${missing.join(', ')} missing, without which no workflow starts: ${todo}`,
  };
}

async function checkSchedules(client: Client): Promise<Check> {
  const changes = (await diffSchedules(client)).filter(({ change }) => change !== 'unchanged');
  if (changes.length === 0) return { name: 'schedules', status: 'ok', message: 'as in the table' };
  const list = changes.map(
    ({ id, change, differences }) =>
      `${id} ${differences.length > 0 ? `differs in ${differences.map(({ field }) => field).join(', ')}` : `would be ${change}`}`,
  );
  return {
    name: 'schedules',
    status: 'problem',
    message: `${list.join('; ')}: see npm run cli -- schedules diff, then apply`,
  };
}

/** temporal.api.enums.v1.TaskQueueType */
const workflowTasks = 1;

async function checkWorkers({ workflowService }: Connection, namespace: string): Promise<Check> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: workflowQueue },
    taskQueueType: workflowTasks,
  });
  const count = pollers?.length ?? 0;
  if (count > 0) return { name: 'workers', status: 'ok', message: `${count} on the queue ${workflowQueue}` };
  return { name: 'workers', status: 'note', message: 'none runs: npm run worker' };
}

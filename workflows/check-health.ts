import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { HealthReport } from '../activities/health';
import { database } from './activity-options';
import { cell, tagStatus } from './details';
import { parseNoInput } from './input';
import { nominalTime } from './logical-date';

/** Is everything there, and true? Also ends the rows of runs whose workflow is gone, and makes partitions ahead. */
export async function checkHealth(input?: unknown): Promise<HealthReport> {
  parseNoInput(workflowInfo().workflowType, input);
  const report = await database('health check', 'live').checkHealth({ now: nominalTime().toISOString() });
  tagStatus(report.status);
  setCurrentDetails(
    [
      '| check | status | what |',
      '|---|---|---|',
      ...report.checks.map((each) => `| ${[each.name, each.status, each.message].map(cell).join(' | ')} |`),
    ].join('\n'),
  );
  return report;
}

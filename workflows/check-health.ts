import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { HealthReport } from '../activities/health';
import { database } from './activity-options';
import { markdownTable, tagStatus } from './details';
import { parseNoInput } from './input';

/** Is everything there, and true? Also ends the rows of runs whose workflow is gone, and makes partitions ahead. */
export async function checkHealth(input?: unknown): Promise<HealthReport> {
  parseNoInput(workflowInfo().workflowType, input);
  const report = await database('health check', 'live').checkHealth({ now: new Date().toISOString() });
  tagStatus(report.status);
  const rows = report.checks.map(({ name, status, message }) => [name, status, message]);
  setCurrentDetails(markdownTable(['check', 'status', 'what'], rows));
  return report;
}

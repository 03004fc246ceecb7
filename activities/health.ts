import type { ActivityDeps } from './deps';
import { runCheck, worstOf, type Check, type HealthCheck, type HealthStatus } from './health/check';
import { onchainValues, quality } from './health/collection';
import { freshness, gaps } from './health/dates';
import { blocks, emptyDays, prices, transactions } from './health/integrity';
import { lostRuns } from './health/lost-runs';
import { partitions, recentRuns, sources, tableSizes } from './health/operations';
import { schedules } from './health/schedules';
import { conflicts, slotGaps, slots } from './health/slots';

export type { HealthCheck, HealthStatus };

export interface HealthReport {
  /** the worst of the checks */
  status: HealthStatus;
  checks: HealthCheck[];
  /** one line per check that is not ok */
  problems: string[];
}

/** In the order in which a person wants to read them; lost runs go first, as the others count what they become. */
const checks: readonly Check[] = [
  { name: 'lost runs', look: lostRuns },
  { name: 'partitions', look: partitions },
  { name: 'freshness', look: freshness },
  { name: 'gaps in dates', look: gaps },
  { name: 'empty days', look: emptyDays },
  { name: 'blocks', look: blocks },
  { name: 'transactions', look: transactions },
  { name: 'prices', look: prices },
  { name: 'slots', look: slots },
  { name: 'gaps in slots', look: slotGaps },
  { name: 'on-chain values', look: onchainValues },
  { name: 'quality', look: quality },
  { name: 'conflicts', look: conflicts },
  { name: 'recent runs', look: recentRuns },
  { name: 'sources', look: sources },
  { name: 'schedules', look: schedules },
  { name: 'table sizes', look: tableSizes },
];

export function createHealthActivities(deps: ActivityDeps) {
  return {
    /**
     * Is everything there, and true? Also ends the rows of runs whose workflow is gone, and makes partitions ahead.
     * `now` is the nominal time of the check, ISO. Never throws for what it finds: that is a check of its own.
     */
    async checkHealth({ now }: { now: string }): Promise<HealthReport> {
      const context = { deps, now: new Date(now) };
      const found: HealthCheck[] = [];
      for (const check of checks) found.push(await runCheck(check, context));
      const problems = found.filter(({ status }) => status !== 'ok');
      return {
        status: worstOf(found),
        checks: found,
        problems: problems.map(({ name, status, message }) => `${status}: ${name}: ${message}`),
      };
    },
  };
}

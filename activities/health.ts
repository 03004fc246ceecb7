import type { ActivityDeps } from './deps';

export type HealthStatus = 'ok' | 'warning' | 'critical';

export interface HealthCheck {
  name: string;
  status: HealthStatus;
  /** what was found; for anything but ok also what to do */
  message: string;
}

export interface HealthReport {
  /** the worst of the checks */
  status: HealthStatus;
  checks: HealthCheck[];
  /** one line per check that is not ok */
  problems: string[];
}

export function createHealthActivities(_deps: ActivityDeps) {
  return {
    /** `now` is the nominal time of the check, ISO. */
    async checkHealth(_request: { now: string }): Promise<HealthReport> {
      return Promise.resolve({ status: 'ok', checks: [], problems: [] });
    },
  };
}

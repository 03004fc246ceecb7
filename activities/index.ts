import { createAdmissionActivities } from './admission';
import { createBackupActivities } from './backup';
import { createCollectActivities } from './collect';
import type { ActivityDeps } from './deps';
import { createDumpActivities } from './dumps';
import { createHealthActivities } from './health';
import { createJoinActivities } from './joins';
import { createPageActivities } from './pages';
import { createPlanActivities } from './plan';
import { createRangeActivities } from './ranges';
import { createReportActivities } from './report';
import { createRetentionActivities } from './retention';
import { createRunActivities } from './runs';
import { createSourceActivities } from './sources';

/** All activities of cryptoflow, given what they need. The same set serves every queue. */
export function createActivities(deps: ActivityDeps) {
  return {
    ...createPlanActivities(deps),
    ...createRunActivities(deps),
    ...createPageActivities(deps),
    ...createRangeActivities(deps),
    ...createDumpActivities(deps),
    ...createJoinActivities(deps),
    ...createAdmissionActivities(deps),
    ...createSourceActivities(deps),
    ...createReportActivities(deps),
    ...createRetentionActivities(deps),
    ...createHealthActivities(deps),
    ...createBackupActivities(deps),
    ...createCollectActivities(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;

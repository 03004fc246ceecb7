import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { retrying } from '../../db/failures';
import { endIfUnchanged, longRunning, type RunningRow } from '../../db/queries/health';
import { slotName, slotOfColumn } from '../collect/slots';
import type { ActivityDeps } from '../deps';
import { datasets } from '../registry';
import { count, firstFew, ok, warning, whenOf, type HealthContext } from './check';

// The promise: a row does not say `running` for ever. A workflow that was terminated, timed out or lost closes nothing,
// so its rows are ended here with what Temporal knows; one that lives, or a reset of it, keeps them.

/** A run opens its row from within its workflow: younger ones are looked at next time. */
const olderThanMinutes = 2;
const rowsAtATime = 200;

interface Ended {
  status: 'failed' | 'cancelled';
  errorType: 'WorkflowTerminated' | 'WorkflowTimedOut' | 'WorkflowFailed' | 'WorkflowLost' | 'Cancelled';
  how: string;
  runId: string;
}
type Fate = 'alive' | 'settling' | Ended;

export async function lostRuns({ deps }: HealthContext) {
  const rows = await longRunning(deps.db, olderThanMinutes, rowsAtATime);
  const fates = new Map<string, Fate>();
  const ended: string[] = [];
  let settling = 0;
  for (const row of rows) {
    // a backfill has many rows under one workflow
    const chain = `${row.workflowId} ${row.firstExecutionRunId}`;
    const fate = fates.get(chain) ?? (await fateOf(deps, row));
    fates.set(chain, fate);
    if (fate === 'settling') settling += 1;
    if (typeof fate === 'string') continue;
    const { status, errorType } = fate;
    const message = deps.redact(messageOf(row, fate));
    if (await retrying(() => endIfUnchanged(deps.db, row, fate.runId, { status, errorType, message }))) {
      ended.push(`${row.source}.${row.dataType} ${row.coinId ?? 'all'} ${whenOf(row)} (${errorType})`);
    }
  }
  const looked = rows.length === rowsAtATime ? `; looked at the oldest ${rowsAtATime} only` : '';
  const soon = settling > 0 ? `; ${settling} more ended just now and are closed by the next check` : '';
  if (ended.length === 0) return ok(`${count(rows.length, 'long run')}, none without its workflow${soon}${looked}`);
  return warning(
    `${count(ended.length, 'row')} said running although the workflow was gone; now ended: ${firstFew(ended)}${soon}${looked}. ` +
      'Start them again: each row says how (npm run cli -- logs --status failed)',
  );
}

const lost = (verb: string) => ({ status: 'failed', errorType: 'WorkflowLost', verb }) as const;

const ends: Readonly<Record<string, Pick<Ended, 'status' | 'errorType'> & { verb: string }>> = {
  TERMINATED: { status: 'failed', errorType: 'WorkflowTerminated', verb: 'was terminated' },
  TIMED_OUT: { status: 'failed', errorType: 'WorkflowTimedOut', verb: 'timed out' },
  FAILED: { status: 'failed', errorType: 'WorkflowFailed', verb: 'failed' },
  CANCELLED: { status: 'cancelled', errorType: 'Cancelled', verb: 'was cancelled' },
};

async function fateOf({ client, settings }: ActivityDeps, row: RunningRow): Promise<Fate> {
  const latest = await describe(client, row.workflowId);
  const firstRunId = latest?.raw.workflowExecutionInfo?.firstRunId;
  if (latest && firstRunId === row.firstExecutionRunId) return fateIn(latest, settings.settleMs);
  // the id is the lock: where another chain has it, this row's chain is over
  const own = await describe(client, row.workflowId, row.runId);
  if (own) return fateIn(own, settings.settleMs);
  const how = latest ? 'its history is deleted' : 'Temporal does not know it (history deleted, or another server)';
  return { status: 'failed', errorType: 'WorkflowLost', how, runId: row.runId };
}

async function describe(client: Client, workflowId: string, runId?: string) {
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function fateIn({ status, runId, closeTime }: WorkflowExecutionDescription, settleMs: number): Fate {
  if (closeTime === undefined || status.name === 'RUNNING' || status.name === 'PAUSED') return 'alive';
  // a skipped clock closes workflows in the future
  const age = Date.now() - closeTime.getTime();
  if (age >= 0 && age < settleMs) return 'settling';
  const { verb, ...end } = ends[status.name] ?? lost(`ended as ${status.name.toLowerCase()}`);
  return { ...end, how: `it ${verb} at ${closeTime.toISOString().slice(0, 16)}Z`, runId };
}

function messageOf({ workflowId, ...row }: RunningRow, { how, runId }: Ended): string {
  const dataset = `${row.source}.${row.dataType}`;
  const slot = row.slot === null ? undefined : slotName(slotOfColumn(row.slot));
  const isKnown = datasets.some(({ fullName }) => fullName === dataset);
  const coins = row.coinId === null ? {} : { coins: [row.coinId] };
  const input = JSON.stringify({ date: row.targetDate ?? undefined, ...coins, datasets: [dataset] });
  // what makes a slot's rows is one workflow, whichever of its runs this is
  const again = slot
    ? `start collectOnchainAndSentiment ${JSON.stringify({ slot })}`
    : isKnown
      ? `start dailyIngestion ${input}`
      : 'start what made it again';
  return (
    `The workflow ${workflowId} did not close this run: ${how}. ` +
    `By whom and why: its history in the Temporal UI (run ${runId}). ` +
    `To run it again: ${again}`
  );
}

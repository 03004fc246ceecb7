import { Context } from '@temporalio/activity';
import type { Kysely, Transaction } from 'kysely';
import { z } from 'zod';
import { retrying } from '../db/failures';
import { endRun, insertRun } from '../db/queries/ingestion-logs';
import { findPage, insertPage } from '../db/queries/ingestion-pages';
import { setPause } from '../db/queries/source-budgets';
import type { Schema } from '../db/schema';
import type { ActivityDeps } from './deps';
import { SourceFailure } from './failures';
import { sources } from './registry';
import { parseSpan } from './spans';

/** Who changes something by hand, as the log has it. */
export interface ChangedBy {
  /** `cli.sources`, `pauseSource` */
  dataType: string;
  workflowId: string;
  firstExecutionRunId: string;
  runId: string;
  triggeredBy: string;
}

export interface PauseRequest {
  /** whatever a person typed */
  input: unknown;
  firstExecutionRunId: string;
  /** the schedule that started it; null: a person */
  scheduleId: string | null;
}

export interface PauseResult {
  source: string;
  message: string;
}

export function createSourceActivities(deps: ActivityDeps) {
  return {
    /** Pauses or resumes a source; while it is paused its runs wait. Throws BadInput naming what is allowed. */
    async pauseSource({ input, firstExecutionRunId, scheduleId }: PauseRequest): Promise<PauseResult> {
      const wanted = parsePause(input);
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      const triggeredBy = scheduleId === null ? workflowId : `schedule ${scheduleId}`;
      const by = { dataType: 'pauseSource', workflowId, firstExecutionRunId, runId, triggeredBy };
      return { source: wanted.source, message: await changePause(deps.db, wanted, by) };
    },
  };
}

export interface Pause {
  source: string;
  /** undefined: it is resumed; forMs null: until it is resumed */
  pause: { forMs: number | null; reason: string | null } | undefined;
}

/** Pauses or resumes a source and writes its log row. Returns what was done, for people. */
export async function changePause(db: Kysely<Schema>, { source, pause }: Pause, by: ChangedBy): Promise<string> {
  const message = pause ? pausedMessage(source, pause) : `${source} is resumed`;
  await changeByHand(db, `sources/${source}`, by, message, async (trx) => {
    if (await setPause(trx, source, pause)) return;
    throw new SourceFailure('BadInput', `source_budgets has no row for ${source}: start a worker, which writes it`);
  });
  return message;
}

function pausedMessage(source: string, { forMs, reason }: NonNullable<Pause['pause']>): string {
  const length = forMs === null ? 'until it is resumed' : `until ${isoMinute(Date.now() + forMs)}`;
  return `${source} is paused ${length}${reason === null ? '' : `: ${reason}`}`;
}

/** A change by hand and its row in data_ingestion_logs, in one transaction. Safe to repeat. */
export async function changeByHand(
  db: Kysely<Schema>,
  what: string,
  by: ChangedBy,
  message: string,
  change: (trx: Transaction<Schema>) => Promise<void>,
): Promise<void> {
  await retrying(() =>
    db.transaction().execute(async (trx) => {
      const logId = await insertRun(trx, {
        ...by,
        source: 'cryptoflow',
        coinId: null,
        coinSymbol: null,
        targetDate: null,
        runKey: `cryptoflow.${by.dataType}/${what}`,
        expected: null,
      });
      // the attempt before died behind its COMMIT
      if (await findPage(trx, logId, null)) return;
      await change(trx);
      // the log's counts are the sum over its pages (rule 6)
      const counts = { processed: 1, inserted: 0, updated: 1, unchanged: 0, rejected: 0 };
      await insertPage(trx, logId, null, { counts, next: null, resume: null, expected: null });
      await endRun(trx, logId, by.runId, { status: 'success', message });
    }),
  );
}

const span = z.string().transform((text, context) => {
  const ms = parseSpan(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `"${text}" is no span of time; give one like 90m, 6h or 2d` });
  return z.NEVER;
});
const source = z.string().superRefine((name, context) => {
  if (!sources.some((each) => each.name === name))
    context.addIssue({ code: 'custom', message: `"${name}" is unknown; known: ${knownSources()}` });
});
const resumeInput = z.strictObject({ source, resume: z.literal(true) });
const pauseInput = z.strictObject({
  source,
  for: span.optional(),
  reason: z.string().trim().min(1).max(500).optional(),
});

/** Throws BadInput, saying what was given and what is allowed. */
export function parsePause(input: unknown): Pause {
  const shape = isObject(input) && 'resume' in input ? resumeInput : pauseInput;
  const parsed = shape.safeParse(input ?? {});
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
    throw new SourceFailure(
      'BadInput',
      `pauseSource cannot run with ${JSON.stringify(input)}: ${problems.join('; ')}. Allowed: {"source":"blockchair","for":"6h","reason":"maintenance"}, for and reason are optional, or {"source":"blockchair","resume":true}; sources: ${knownSources()}`,
    );
  }
  const wanted = parsed.data;
  if ('resume' in wanted) return { source: wanted.source, pause: undefined };
  return { source: wanted.source, pause: { forMs: wanted.for ?? null, reason: wanted.reason ?? null } };
}

function knownSources(): string {
  return sources.map((each) => each.name).join(', ');
}

function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null;
}

function isoMinute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

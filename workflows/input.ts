import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { z } from 'zod';
import { isCalendarDay, slotOf, today } from './logical-date';

// zod compiles schemas with `new Function` where it may; the sandbox is no place to find out
z.config({ jitless: true });

const date = z.string().superRefine((value, context) => {
  if (!isCalendarDay(value))
    context.addIssue({ code: 'custom', message: `"${value}" is not a day; give a UTC day like 2026-11-21` });
  else if (value >= today())
    context.addIssue({
      code: 'custom',
      message: `${value} is not over yet (UTC); the newest day is the one before ${today()}`,
    });
});
/** A history is of interest for today too: its sources' values of the days before hold then. */
const historyDate = z.string().superRefine((value, context) => {
  if (!isCalendarDay(value) || value > today())
    context.addIssue({ code: 'custom', message: `"${value}" is not a UTC day up to today (${today()})` });
});

const slot = z.string().transform((value, context) => {
  const ms = slotOf(value);
  if (ms === undefined) {
    context.addIssue({
      code: 'custom',
      message: `"${value}" is not the start of a quarter-hour; give UTC like 2026-11-21T10:15Z`,
    });
    return z.NEVER;
  }
  if (ms > workflowInfo().runStartTime.getTime()) {
    context.addIssue({ code: 'custom', message: `${value} has not begun yet (UTC)` });
    return z.NEVER;
  }
  return new Date(ms).toISOString();
});

const names = z.array(z.string().min(1)).min(1, 'is empty: leave it out for the default');

const dagShape = {
  date: date.optional(),
  coins: names.optional(),
  datasets: names.optional(),
  addresses: names.optional(),
};
const dagInput = z.strictObject(dagShape);
export type DagInput = z.output<typeof dagInput>;

const runInput = z.strictObject({ dataset: z.string().min(1), coin: z.string().min(1).default('all'), date });
export type RunInput = z.output<typeof runInput>;

const historyInput = z.strictObject({
  dataset: z.string().endsWith('.history'),
  coin: z.string().min(1).default('all'),
  date: historyDate,
});

const slotInput = z.strictObject({ slot: slot.optional(), coins: names.optional(), sources: names.optional() });
export type SlotInput = z.output<typeof slotInput>;

const slotDayInput = z.strictObject({ date, coins: names.optional(), sources: names.optional() });
export type SlotDayInput = z.output<typeof slotDayInput>;

const backfillInput = z
  .strictObject({
    workflow: z.string().min(1).default('dailyIngestion'),
    from: date,
    to: date,
    coins: names.optional(),
    datasets: names.optional(),
    concurrency: z.int().min(1).max(50).default(2),
  })
  .superRefine((input, context) => {
    if (input.from > input.to)
      context.addIssue({ code: 'custom', path: ['from'], message: `${input.from} is after "to" ${input.to}` });
  });
export type BackfillInput = z.output<typeof backfillInput>;

const backupInput = z.strictObject({
  kind: z.enum(['full', 'incremental']).optional(),
  drill: z.boolean().default(true),
});

const retentionInput = z.strictObject({
  date: date.optional(),
  tables: names.optional(),
  dryRun: z.boolean().default(false),
});
export type RetentionInput = z.output<typeof retentionInput>;

const nothing = z.strictObject({});

/** Throws BadInput at once, saying what was given and what is allowed. Nothing, null and {} are the same. */
function parse<T>(workflow: string, shape: z.ZodType<T>, allowed: string, input: unknown): T {
  const result = shape.safeParse(input ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
  throw ApplicationFailure.nonRetryable(
    `${workflow} cannot run with ${JSON.stringify(input)}: ${problems.join('; ')}. Allowed: ${allowed}`,
    'BadInput',
  );
}

/** `{ date?, coins?, datasets?, addresses? }` of the daily DAGs. */
export function parseDagInput(workflow: string, input: unknown): DagInput {
  const parsed = parse(
    workflow,
    dagInput,
    '{"date":"2026-11-21","coins":["bitcoin"],"datasets":["blocks"],"addresses":["1A1z…"]}, all optional',
    input,
  );
  if (parsed.addresses && parsed.coins?.length !== 1) {
    throw ApplicationFailure.nonRetryable(
      `${workflow}: addresses belong to one chain: give exactly one coin with them`,
      'BadInput',
    );
  }
  return parsed;
}

export function parseRunInput(input: unknown): RunInput {
  const history = historyInput.safeParse(input);
  if (history.success) return history.data;
  return parse(
    'ingestDataset',
    runInput,
    '{"dataset":"blockchair.blocks","coin":"bitcoin","date":"2026-11-21"}',
    input,
  );
}

/** `{ slot?, coins?, sources? }`; the slot comes back as ISO. */
export function parseSlotInput(workflow: string, input: unknown): SlotInput {
  return parse(
    workflow,
    slotInput,
    '{"slot":"2026-11-21T10:15Z","coins":["bitcoin"],"sources":["coingecko"]}, all optional',
    input,
  );
}

export function parseSlotDayInput(input: unknown): SlotDayInput {
  return parse(
    'collectDay',
    slotDayInput,
    '{"date":"2026-11-21","coins":["bitcoin"],"sources":["coinmetrics"]}',
    input,
  );
}

export function parseBackfillInput(input: unknown): BackfillInput {
  return parse(
    'backfill',
    backfillInput,
    '{"workflow":"dailyIngestion","from":"2026-11-01","to":"2026-11-10","coins":["bitcoin"],"datasets":["prices"],"concurrency":2}; workflow, coins, datasets and concurrency are optional',
    input,
  );
}

export function parseBackupInput(workflow: string, input: unknown): z.output<typeof backupInput> {
  return parse(
    workflow,
    backupInput,
    '{"kind":"full","drill":false}, both optional; kind is full or incremental',
    input,
  );
}

/** `{ date?, tables?, dryRun? }`; cut-offs count back from the date, which has to be over. */
export function parseRetentionInput(workflow: string, input: unknown): RetentionInput {
  return parse(
    workflow,
    retentionInput,
    '{"date":"2026-11-21","tables":["onchain_data"],"dryRun":true}, all optional',
    input,
  );
}

export function parseNoInput(workflow: string, input: unknown): void {
  parse(workflow, nothing, '{}', input);
}

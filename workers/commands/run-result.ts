import { z } from 'zod';
import { counted, table } from '../output';

// What workflows give back, as far as it is shown: a result of another shape is shown as its JSON.

const counts = z.object({
  processed: z.number(),
  inserted: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  rejected: z.number(),
});
const oneRun = z.object({
  dataset: z.string(),
  coin: z.string(),
  date: z.string(),
  status: z.string(),
  counts,
  message: z.string().nullish(),
});
const dag = z.object({
  date: z.string(),
  status: z.string(),
  runs: z.array(oneRun),
  health: z.object({ status: z.string(), problems: z.array(z.string()) }).nullish(),
});
const checks = z.object({
  status: z.string(),
  checks: z.array(z.object({ name: z.string(), status: z.string(), message: z.string() })),
});
const slot = z.object({
  slot: z.string(),
  status: z.string(),
  assets: z.number(),
  onchain: counts,
  sentiment: counts,
  sources: z.array(z.object({ source: z.string(), status: z.string(), message: z.string().nullish() })),
  message: z.string().nullish(),
});
const tally = z.object({ ended: z.record(z.string(), z.number()), rows: z.number(), problems: z.array(z.string()) });
const backfilled = z.object({ from: z.string(), to: z.string(), status: z.string(), dates: tally, ranged: tally });

const backedUp = z.object({
  status: z.string(),
  message: z.string().nullable(),
  backup: z
    .object({
      id: z.string(),
      insteadBecause: z.string().nullable(),
      location: z.string(),
      rows: z.number(),
      units: z.number(),
      sizeBytes: z.number(),
      leftOut: z.array(z.string()),
    })
    .nullable(),
  drilledRows: z.number().nullable(),
  removed: z.array(z.string()),
});

/** The result of a workflow for people. */
export function resultLines(result: unknown): string[] {
  const asDag = dag.safeParse(result);
  if (asDag.success) {
    const { runs, date, status, health } = asDag.data;
    return [
      ...table(runs.map(runCells)),
      `${date}  ${status}`,
      ...(health ? [`health  ${health.status}`, ...health.problems.map((problem) => `  ${problem}`)] : []),
    ];
  }
  const asSlot = slot.safeParse(result);
  if (asSlot.success) {
    const { onchain, sentiment, sources, status, message } = asSlot.data;
    return [
      ...table(sources.map((each) => [each.source, each.status, each.message ?? ''])),
      ...table([
        ['onchain_data', ...countCells(onchain)],
        ['crypto_sentiment_data', ...countCells(sentiment)],
      ]),
      `${asSlot.data.slot}  ${status}${message ? `  ${message}` : ''}`,
    ];
  }
  const asRun = oneRun.safeParse(result);
  if (asRun.success) return table([runCells(asRun.data)]);
  const asChecks = checks.safeParse(result);
  if (asChecks.success)
    return [
      ...table(asChecks.data.checks.map(({ name, status, message }) => [name, status, message])),
      `health  ${asChecks.data.status}`,
    ];
  const asBackup = backedUp.safeParse(result);
  if (asBackup.success) return backupLines(asBackup.data);
  const asBackfill = backfilled.safeParse(result);
  if (asBackfill.success) {
    const { from, to, status, dates, ranged } = asBackfill.data;
    return [`${from} to ${to}  ${status}`, ...tallyLines('dates', dates), ...tallyLines('by range', ranged)];
  }
  return [JSON.stringify(result, null, 2) ?? 'no result'];
}

function backupLines({ status, message, backup, drilledRows, removed }: z.output<typeof backedUp>): string[] {
  if (backup === null) return [`backup  ${status}  ${message ?? ''}`];
  const size = `${(backup.sizeBytes / 1e6).toFixed(1)} MB`;
  return [
    [backup.id, status, counted(backup.rows, 'row'), counted(backup.units, 'unit'), size, backup.location].join('  '),
    ...(backup.insteadBecause === null ? [] : [`full, because ${backup.insteadBecause}`]),
    ...(backup.leftOut.length === 0 ? [] : [`left out, not ours: ${backup.leftOut.join(', ')}`]),
    ...(drilledRows === null ? [] : [`restored for a trial: ${counted(drilledRows, 'row')}, all equal`]),
    ...(removed.length === 0 ? [] : [`removed: ${removed.join(', ')}`]),
  ];
}

function tallyLines(name: string, { ended, rows, problems }: z.output<typeof tally>): string[] {
  const perStatus = Object.entries(ended).flatMap(([status, count]) => (count > 0 ? [`${count} ${status}`] : []));
  if (perStatus.length === 0) return [];
  return [`${name}  ${counted(rows, 'row')}  ${perStatus.join(', ')}`, ...problems.map((problem) => `  ${problem}`)];
}

function runCells(run: z.output<typeof oneRun>): (string | null)[] {
  return [run.dataset, run.coin, run.date, run.status, ...countCells(run.counts), run.message ?? ''];
}

function countCells({ processed, inserted, updated, unchanged, rejected }: z.output<typeof counts>): string[] {
  const parts = { new: inserted, changed: updated, unchanged, rejected };
  const said = Object.entries(parts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []));
  return [counted(processed, 'row'), said.join(', ')];
}

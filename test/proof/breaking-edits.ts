/** A small change to a workflow, as someone might make it on an ordinary day. */
export interface Edit {
  what: string;
  /** in workflows/ */
  file: string;
  /** each is in the file exactly once */
  replace: readonly (readonly [was: string, becomes: string])[];
}

const run = 'ingest-dataset.ts';
const dag = 'daily-ingestion.ts';

/** Deployed without `patched()`, each of these leaves workflows that are under way unable to go on. */
export const breakingEdits: readonly Edit[] = [
  {
    what: 'an activity is renamed',
    file: run,
    replace: [['.closeRun({', '.endRun({']],
  },
  {
    what: 'an activity is new before the run is opened',
    file: run,
    replace: [
      [
        '  const run =\n',
        "  await database('is it worth it', priority).planRuns({ workflowType: 'ingestDataset' });\n  const run =\n",
      ],
    ],
  },
  {
    what: 'the search attributes of a run are not set any more',
    file: run,
    replace: [['  upsertSearchAttributes([\n', '  void ([\n']],
  },
  {
    what: 'the status is set before the row is closed instead of behind it',
    file: run,
    replace: [
      [
        'const result = await CancellationScope.nonCancellable(() => close(end));\n    tagStatus(end.status);',
        'tagStatus(end.status);\n    const result = await CancellationScope.nonCancellable(() => close(end));',
      ],
    ],
  },
  {
    what: 'a pause between two pages',
    file: run,
    replace: [
      ['  continueAsNew,\n', '  continueAsNew,\n  sleep,\n'],
      ['      cursor = page.next;\n', "      cursor = page.next;\n      if (cursor !== null) await sleep('1s');\n"],
    ],
  },
  {
    what: 'fewer pages per execution',
    file: run,
    replace: [['const pagesPerExecution = 500;', 'const pagesPerExecution = 400;']],
  },
  {
    what: 'the row is not closed on success',
    file: run,
    replace: [
      [
        "return ended(await close({ status: cursor === null ? 'success' : 'partial' }));",
        "return ended({ dataset, coin, date, status: cursor === null ? 'success' : 'partial' } as RunResult);",
      ],
    ],
  },
  {
    what: 'a cancelled run does not close its row',
    file: run,
    replace: [['CancellationScope.nonCancellable(() => close(end))', 'close(end)']],
  },
  {
    what: 'the clock decides about an activity',
    file: run,
    replace: [
      [
        '  let rows = 0;\n',
        "  let rows = 0;\n  if (Date.now() - Date.parse(date) > 86_400_000) await database('an old date', priority).checkHealth({ now: date });\n",
      ],
    ],
  },
  {
    what: 'activities of our own database become local ones',
    file: 'activity-options.ts',
    replace: [
      ['import { proxyActivities,', 'import { proxyActivities, proxyLocalActivities,'],
      [
        'return proxyActivities<Activities>({ ...databaseWork, summary, priority: priorityOf(priority) });',
        'void priority;\n  return proxyLocalActivities<Activities>({ startToCloseTimeout: databaseWork.startToCloseTimeout, summary });',
      ],
    ],
  },
  {
    what: 'the ids of children are written another way',
    file: 'ids.ts',
    replace: [['`ingest/${dataset}/${coin}/${date}`', '`ingest/${date}/${dataset}/${coin}`']],
  },
  {
    what: 'the type of the children is renamed',
    file: 'start-or-join.ts',
    replace: [
      [
        'startChild(ingestDataset, { ...options, args: [wanted, context] })',
        "startChild('runDataset', { ...options, args: [wanted, context] as never })",
      ],
    ],
  },
  {
    what: 'who waits for a lock looks with a timer instead of an activity',
    file: 'start-or-join.ts',
    replace: [
      ['  startChild,\n', '  startChild,\n  sleep,\n'],
      ['    const outcome = await waitFor(', "    await sleep('1s');\n    const outcome = await waitFor("],
    ],
  },
  {
    what: 'who joined a run that ended badly does not start its own',
    file: 'start-or-join.ts',
    replace: [['if (result.joined && (!endedWell(', 'if (result.joined && (false && !endedWell(']],
  },
  {
    what: 'children start in another order',
    file: dag,
    replace: [['lines.map(async (line) => {', 'lines.toReversed().map(async (line) => {']],
  },
  {
    what: 'children run one after another',
    file: dag,
    replace: [
      ['import { ApplicationFailure, isCancellation,', 'import { ApplicationFailure, condition, isCancellation,'],
      [
        'lines.map(async (line) => {\n',
        'lines.map(async (line, index) => {\n        await condition(() => lines.slice(0, index).every((each) => each.result));\n',
      ],
    ],
  },
  {
    what: 'report and log clean-up change places',
    file: dag,
    replace: [
      [
        "const report = await orUndefined(() => database('report').reportRuns({ results }));",
        "const reporting = () => orUndefined(() => database('report').reportRuns({ results }));",
      ],
      [
        '  const health = await orUndefined(',
        '  const report = await reporting();\n  const health = await orUndefined(',
      ],
    ],
  },
  {
    what: 'the report is dropped',
    file: dag,
    replace: [
      [
        "await orUndefined(() => database('report').reportRuns({ results }));",
        'undefined as DatasetReport[] | undefined;',
      ],
    ],
  },
  {
    what: 'old dates are not admitted any more',
    file: dag,
    replace: [['isOld(date) && !part ? whenAdmitted(date, runAll) : runAll()', 'runAll()']],
  },
  {
    what: 'dates before ranges in a backfill',
    file: 'backfill.ts',
    replace: [
      ['  await ingestRanges(slice, plan.ranged, ranged);\n', ''],
      [
        '  if (slice.from > wanted.from) {\n',
        '  await ingestRanges(slice, plan.ranged, ranged);\n  if (slice.from > wanted.from) {\n',
      ],
    ],
  },
];

/** These must pass, or replay would say nothing about the others. The last is how a breaking one is to be made. */
export const harmlessEdits: readonly Edit[] = [
  {
    what: 'another text for people',
    file: run,
    replace: [["message: 'the run was cancelled'", "message: 'someone cancelled the run'"]],
  },
  {
    what: 'another summary of an activity',
    file: run,
    replace: [['`page ${pages}`', '`request ${pages}`']],
  },
  {
    what: 'a longer time-out',
    file: 'activity-options.ts',
    replace: [["startToCloseTimeout: '2m'", "startToCloseTimeout: '3m'"]],
  },
  {
    what: 'a new activity behind patched()',
    file: run,
    replace: [
      ['  isCancellation,\n', '  isCancellation,\n  patched,\n'],
      [
        '  const run =\n',
        "  if (patched('worth-it')) await database('is it worth it', priority).planRuns({ workflowType: 'ingestDataset' });\n  const run =\n",
      ],
    ],
  },
];

/** The file with the edit. Throws where the workflow has changed so much that the edit must be thought of anew. */
export function applyEdit({ what, file, replace }: Edit, text: string): string {
  return replace.reduce((edited, [was, becomes]) => {
    const places = edited.split(was).length - 1;
    if (places !== 1)
      throw new Error(
        `The edit "${what}" does not fit workflows/${file} any more - ${places} places have "${was.trim()}" - rewrite it in test/proof/breaking-edits.ts.`,
      );
    return edited.replace(was, () => becomes);
  }, text);
}

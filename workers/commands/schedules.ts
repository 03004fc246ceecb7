import {
  applySchedules,
  diffSchedules,
  listSchedules,
  schedules as rows,
  setPaused,
  type ScheduleChange,
} from '../schedules';
import { table } from '../output';
import type { Action, Answer, Command } from './command';
import { operator } from './connections';

const apply: Action = {
  says: 'make the server equal to the table in workers/schedules.ts; prepares the namespace first',
  notes: [
    'A pause stays. Schedules that are not ours are left alone. What an operator changed is shown before it is overwritten.',
  ],
  examples: ['schedules apply'],
  async run(_call, connections) {
    const { client, connection, namespace } = await connections.temporal();
    return report(await applySchedules(client, connection, namespace));
  },
};

const diff: Action = {
  says: 'what apply would do',
  examples: ['schedules diff'],
  async run(_call, connections) {
    const { client } = await connections.temporal();
    const changes = await diffSchedules(client);
    const { document, lines } = report(changes);
    const isNothing = changes.every(({ change }) => change === 'unchanged');
    return { document, lines: isNothing ? ['nothing to do'] : lines };
  },
};

const list: Action = {
  says: 'ours and foreign ones',
  examples: ['schedules list', 'schedules list --json'],
  async run(_call, connections) {
    const { client } = await connections.temporal();
    const found = await listSchedules(client);
    const header = ['schedule', 'whose', 'workflow', 'times', 'state', 'next run', 'last run', 'note'];
    const cells = found.map((each) => [
      ...[each.id, each.isOurs ? 'ours' : 'foreign', each.workflow, each.times],
      ...[each.isPaused ? 'paused' : 'active', each.nextRun, each.lastRun, each.note],
    ]);
    return {
      document: found,
      lines: found.length > 0 ? table(cells, { header }) : ['no schedule: npm run cli -- schedules apply'],
    };
  },
};

const pause: Action = {
  says: 'start no runs until resumed; all of ours without an id',
  args: ['[id]'],
  options: { reason: { value: '<text>', says: 'kept as the note of the schedule' } },
  examples: ['schedules pause daily-ingestion --reason "database move"', 'schedules pause'],
  async run(call, connections) {
    const { client } = await connections.temporal();
    const note = [`paused by ${operator()}`, call.text('reason')].filter(Boolean).join(': ');
    return switched(await chosenIds(client, call.has('id') ? call.arg('id') : undefined), 'paused', (id) =>
      setPaused(client, id, { note }),
    );
  },
};

const resume: Action = {
  says: 'start runs again; all of ours without an id',
  args: ['[id]'],
  examples: ['schedules resume daily-ingestion', 'schedules resume'],
  async run(call, connections) {
    const { client } = await connections.temporal();
    return switched(await chosenIds(client, call.has('id') ? call.arg('id') : undefined), 'resumed', (id) =>
      setPaused(client, id, undefined),
    );
  },
};

export const schedules: Command = {
  name: 'schedules',
  summary: 'when the DAGs run',
  actions: { apply, diff, list, pause, resume },
};

function report(changes: readonly ScheduleChange[]): Answer {
  const refused = changes.filter(({ change }) => change === 'refused').map(({ id }) => id);
  return {
    document: changes,
    lines: table(
      changes.flatMap(({ id, change, differences }) =>
        differences.length > 0
          ? differences.map(({ field, was, becomes }) => [id, change, field, `${was || '(nothing)'}  →  ${becomes}`])
          : [[id, change, '', '']],
      ),
    ),
    ...(refused.length > 0 && {
      exitCode: 1,
      problem: `${refused.join(', ')} cannot be applied - a schedule of that name is there which cryptoflow did not make - delete or rename it, then apply again`,
    }),
  };
}

async function chosenIds(client: Parameters<typeof listSchedules>[0], id: string | undefined): Promise<string[]> {
  const found = await listSchedules(client);
  if (id === undefined) return found.filter((each) => each.isOurs).map((each) => each.id);
  if (found.some((each) => each.id === id)) return [id];
  const known = found.map((each) => each.id).join(', ') || 'none';
  const todo = rows.some((row) => row.id === id) ? 'make it: npm run cli -- schedules apply' : 'correct it';
  throw new Error(`there is no schedule "${id}" - known: ${known} - ${todo}`);
}

async function switched(ids: readonly string[], word: string, change: (id: string) => Promise<void>): Promise<Answer> {
  for (const id of ids) await change(id);
  return {
    document: ids.map((id) => ({ id, state: word })),
    lines:
      ids.length > 0 ? table(ids.map((id) => [id, word])) : ['no schedule of ours: npm run cli -- schedules apply'],
  };
}

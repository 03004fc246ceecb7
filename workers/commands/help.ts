import { variables } from '../variables';
import { table } from '../output';
import { optionsOf } from './arguments';
import type { Action, Command } from './command';

const run = 'npm run --silent cli --';

/** What needs saying of the environment here; the README has the whole table. */
const shown = ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'];

/** Usage / Commands / Options / Environment / Examples of everything. */
export function overview(commands: readonly Command[]): string[] {
  return [
    `Usage: ${run} <command> [--json]`,
    '',
    'Commands',
    ...indented(commands.map((command) => [namesOf(command), command.summary])),
    '',
    'Options',
    ...optionLines(undefined),
    '',
    'Environment',
    ...indented([
      ...variables.filter(({ name }) => shown.includes(name)).map(({ name, says }) => [name, says]),
      [
        'others',
        `${variables.length - shown.length} more: keys, plans and addresses of the sources, limits (.env.example, README)`,
      ],
    ]),
    '',
    'Examples',
    ...commands
      .flatMap((command) => actionsOf(command).flatMap(([, action]) => action.examples.slice(0, 1)))
      .map((example) => `  ${run} ${example}`),
    '',
    `More on one command: ${run} <command> --help`,
  ];
}

/** The same of one command, or of one of its actions. */
export function helpOf(command: Command, actionName?: string): string[] {
  const actions = actionsOf(command).filter(([name]) => actionName === undefined || name === actionName);
  const usages = actions.map(([name, action]) => usage([command.name, name].filter(Boolean).join(' '), action));
  const notes = actions.flatMap(([, action]) => action.notes ?? []);
  return [
    ...usages.map((line, index) => `${index === 0 ? 'Usage: ' : '       '}${line}`),
    '',
    ...(command.action
      ? [command.summary]
      : ['Commands', ...indented(actions.map(([name, action]) => [`${command.name} ${name}`, action.says]))]),
    '',
    'Options',
    ...[...new Set(actions.flatMap(([, action]) => optionLines(action)))].toSorted(sharedLast),
    '',
    ...(notes.length > 0 ? [...notes, ''] : []),
    'Examples',
    ...actions.flatMap(([, action]) => action.examples).map((example) => `  ${run} ${example}`),
  ];
}

function actionsOf(command: Command): [string, Action][] {
  return command.action ? [['', command.action]] : Object.entries(command.actions);
}

function namesOf(command: Command): string {
  return command.action ? command.name : `${command.name} ${Object.keys(command.actions).join('|')}`;
}

function usage(name: string, action: Action): string {
  const options = Object.entries(action.options ?? {}).map(
    ([key, { value }]) => `[--${key}${value ? ` ${value}` : ''}]`,
  );
  return [run, name, ...(action.args ?? []), ...options, '[--json]'].join(' ');
}

function optionLines(action: Action | undefined): string[] {
  return Object.entries(optionsOf(action)).map(
    ([key, { value, says }]) => `  ${`--${key}${value ? ` ${value}` : ''}`.padEnd(26)}  ${says}`,
  );
}

function sharedLast(one: string, other: string): number {
  const isShared = (line: string): number => (/^ {2}--(json|help) /.test(line) ? 1 : 0);
  return isShared(one) - isShared(other);
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return table(rows).map((line) => `  ${line}`);
}

import { parseArgs } from 'node:util';
import { z } from 'zod';
import { slotOf } from '../../workflows/logical-date';
import { UsageError, type Action, type Call, type Command, type Option } from './command';

/** What was typed: an action with its arguments, or a wish for help. */
export type Parsed =
  { help: Command | undefined; actionName?: string } | { help?: undefined; action: Action; call: Call };

const shared: Readonly<Record<string, Option>> = {
  json: { says: 'one JSON document on stdout' },
  help: { says: 'this text' },
};

/** Finds the action and checks its arguments. Throws UsageError: what is wrong, and what is allowed. */
export function parseCommandLine(commands: readonly Command[], words: readonly string[]): Parsed {
  const wantsHelp = words.includes('--help') || words.includes('-h');
  const [name, ...rest] = words.filter((word) => word !== '-h');
  if (name === undefined || (name.startsWith('-') && wantsHelp)) return { help: undefined };
  const command = commands.find((each) => each.name === name);
  if (!command) {
    const what = name.startsWith('-') ? `the command has to come before ${name}` : `there is no command "${name}"`;
    throw new UsageError(
      `${what} - commands: ${commands.map((each) => each.name).join(', ')} - see: npm run cli -- --help`,
    );
  }
  if (command.action) return wantsHelp ? { help: command } : parseAction(name, command.action, rest);
  const [actionName, ...words2] = rest;
  const action = actionName === undefined ? undefined : findOwn(command.actions, actionName);
  if (wantsHelp) return { help: command, actionName: action && actionName };
  if (actionName === undefined || !action) {
    const given = actionName === undefined ? `"${name}" needs one more word` : `there is no "${name} ${actionName}"`;
    const known = Object.keys(command.actions).map((each) => `${name} ${each}`);
    throw new UsageError(`${given} - allowed: ${known.join(', ')} - see: npm run cli -- ${name} --help`);
  }
  return parseAction(`${name} ${actionName}`, action, words2);
}

function parseAction(name: string, action: Action, words: readonly string[]): Parsed {
  const options = { ...action.options, ...shared };
  const see = `see: npm run cli -- ${name} --help`;
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(options).map(([key, { value }]) => [key, { type: value ? 'string' : 'boolean' }]),
    ),
  });
  const given = new Map<string, string | true>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = findOwn(options, token.name);
    const shown = token.rawName;
    if (!option) throw new UsageError(`"${name}" has no option ${shown} - allowed: ${namesOf(options)} - ${see}`);
    if (given.has(token.name))
      throw new UsageError(
        `${shown} is given twice - once is allowed${option.value ? ', several values are separated by commas' : ''} - ${see}`,
      );
    if (!option.value && token.value !== undefined)
      throw new UsageError(`${shown} takes no value - it is a switch - leave out "${token.value}"`);
    // `--coin --json` would take --json for a coin
    const isMissing =
      token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('--'));
    if (option.value && isMissing)
      throw new UsageError(`${shown} needs a value - ${option.says} - write: ${shown} ${option.value}`);
    given.set(token.name, option.value ? token.value! : true);
  }
  return { action, call: createCall(action, checkedArguments(name, action, positionals), given) };
}

function checkedArguments(name: string, action: Action, positionals: readonly string[]): ReadonlyMap<string, string> {
  const declared = action.args ?? [];
  const needed = declared.filter((each) => each.startsWith('<'));
  const usage = ['npm run cli --', name, ...declared].join(' ');
  if (positionals.length < needed.length)
    throw new UsageError(
      `"${name}" needs ${needed.slice(positionals.length).join(' ')} - nothing was given for it - write: ${usage}`,
    );
  if (positionals.length > declared.length) {
    throw new UsageError(
      `"${name}" does not take "${positionals[declared.length]}" - it takes ${declared.length === 0 ? 'no argument' : declared.join(' ')} - write: ${usage}`,
    );
  }
  return new Map(positionals.map((value, index) => [declared[index]!.slice(1, -1), value]));
}

function createCall(
  action: Action,
  args: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string | true>,
): Call {
  const text = (option: string): string | undefined => {
    // a slip in a command's own code, not in what was typed
    if (!findOwn({ ...action.options, ...shared }, option)) throw new Error(`option ${option} is not declared`);
    const value = given.get(option);
    return typeof value === 'string' ? value : undefined;
  };
  const refuse = (option: string, expected: string) =>
    new UsageError(`--${option} "${text(option)}" is not right - it has to be ${expected} - correct it`);
  return {
    isJson: given.has('json'),
    arg(name) {
      const value = args.get(name);
      if (value === undefined) throw new Error(`argument ${name} is not given`);
      return value;
    },
    has: (name) => args.has(name),
    text,
    isSet: (option) => given.has(option),
    count(option, { from, to }) {
      const value = text(option);
      if (value === undefined) return undefined;
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= from && number <= to)) throw refuse(option, `a whole number from ${from} to ${to}`);
      return number;
    },
    day(option) {
      const value = text(option);
      if (value !== undefined && !isDay(value)) throw refuse(option, 'a UTC day like 2026-11-21');
      return value;
    },
    slot(option) {
      const value = text(option);
      if (value === undefined) return undefined;
      const ms = slotOf(value);
      if (ms === undefined) throw refuse(option, 'a quarter-hour of UTC like 2026-11-21T10:15Z');
      return new Date(ms).toISOString();
    },
    list(option) {
      const value = text(option);
      const items = value?.split(',').map((item) => item.trim());
      if (items?.some((item) => item === '')) throw refuse(option, 'values separated by commas: a,b');
      return items;
    },
    oneOf(option, allowed) {
      const value = text(option);
      const found = allowed.find((each) => each === value);
      if (value !== undefined && found === undefined) throw refuse(option, `one of ${allowed.join(', ')}`);
      return found;
    },
  };
}

/** A day of the calendar: 2026-02-30 is none. */
export function isDay(text: string): boolean {
  return z.iso.date().safeParse(text).success;
}

export function namesOf(options: Readonly<Record<string, Option>>): string {
  return Object.keys(options)
    .map((name) => `--${name}`)
    .join(', ');
}

export function optionsOf(action: Action | undefined): Readonly<Record<string, Option>> {
  return { ...action?.options, ...shared };
}

function findOwn<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

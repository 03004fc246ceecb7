import type { Connections } from './connections';

/** An option of a command; without `value` it is a switch. */
export interface Option {
  /** what stands behind it, `<date>` */
  value?: string;
  says: string;
}

/** What a command gives back. It is printed by cli.ts alone, so that `--json` is one document and nothing else. */
export interface Answer {
  /** for machines: one JSON document */
  document: unknown;
  /** for people */
  lines: readonly string[];
  /** 1 where what was found is not good; a command that could not do its work throws instead */
  exitCode?: 0 | 1;
  /** said on stderr: what is not good */
  problem?: string;
}

export interface Action {
  /** one line */
  says: string;
  /** in their order: `<needed>`, `[optional]` */
  args?: readonly string[];
  options?: Readonly<Record<string, Option>>;
  /** without `npm run --silent cli -- ` */
  examples: readonly string[];
  /** shown below the options */
  notes?: readonly string[];
  run(call: Call, connections: Connections): Promise<Answer>;
}

/** A command is one action (`logs`) or several under one name (`coins add`). */
export type Command = { name: string; summary: string } & (
  { action: Action; actions?: undefined } | { action?: undefined; actions: Readonly<Record<string, Action>> }
);

/** What was typed behind the name of an action, checked against what it takes. */
export interface Call {
  isJson: boolean;
  /** a needed argument, or an optional one that was given */
  arg(name: string): string;
  has(name: string): boolean;
  text(option: string): string | undefined;
  isSet(option: string): boolean;
  /** a whole number within the bounds; throws UsageError */
  count(option: string, bounds: { from: number; to: number }): number | undefined;
  /** a UTC day; throws UsageError */
  day(option: string): string | undefined;
  /** a quarter-hour, as ISO; throws UsageError */
  slot(option: string): string | undefined;
  /** separated by commas */
  list(option: string): string[] | undefined;
  oneOf<const T extends string>(option: string, allowed: readonly T[]): T | undefined;
}

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

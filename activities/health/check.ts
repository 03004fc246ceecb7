import { describeDatabaseError } from '../../db/failures';
import { slotName, slotOfColumn } from '../collect/slots';
import type { ActivityDeps } from '../deps';

export type HealthStatus = 'ok' | 'warning' | 'critical';

export interface HealthCheck {
  name: string;
  status: HealthStatus;
  /** what was found; for anything but ok also what to do */
  message: string;
}

export interface HealthContext {
  deps: ActivityDeps;
  /** the nominal time of the check */
  now: Date;
}

type Finding = Omit<HealthCheck, 'name'>;

/** Looks at one thing. What it throws is a critical finding of its own. */
export interface Check {
  name: string;
  look: (context: HealthContext) => Promise<Finding>;
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const warning = (message: string): Finding => ({ status: 'warning', message });
export const critical = (message: string): Finding => ({ status: 'critical', message });

const order: readonly HealthStatus[] = ['ok', 'warning', 'critical'];

export function worstOf(findings: readonly Finding[]): HealthStatus {
  return order[Math.max(0, ...findings.map(({ status }) => order.indexOf(status)))]!;
}

/** Runs one check; the others go on whatever becomes of it. Nothing of it holds a secret. */
export async function runCheck({ name, look }: Check, context: HealthContext): Promise<HealthCheck> {
  const { status, message } = await look(context).catch((error: unknown) =>
    critical(`this check could not be made - ${reasonOf(error)}`),
  );
  return { name, status, message: context.deps.redact(message) };
}

function reasonOf(error: unknown): string {
  const described = describeDatabaseError(error);
  if (described.kind !== 'other') return described.message;
  return error instanceof Error ? error.message : String(error);
}

const shown = 3;

/** The first few, and how many more there are. */
export function firstFew(all: readonly string[], total = all.length): string {
  const few = all.slice(0, shown);
  return few.join(', ') + (total > few.length ? ` and ${total - few.length} more` : '');
}

/** A reason as upstream gave it, on one line and not too long. */
export function brief(text: string | null): string {
  const line = (text ?? 'no reason given').replaceAll(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

export const dayMs = 86_400_000;

/** The UTC day that is `days` after that of `time`. */
export function dayFrom(time: Date | string, days = 0): string {
  return new Date(new Date(time).getTime() + days * dayMs).toISOString().slice(0, 10);
}

/** The date or the slot that a run is for. */
export function whenOf({ targetDate, slot }: { targetDate: string | null; slot: string | null }): string {
  return slot === null ? (targetDate ?? '') : slotName(slotOfColumn(slot));
}

/** `1 run`, `2 runs` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

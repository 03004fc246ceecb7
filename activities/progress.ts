import type { Context } from '@temporalio/activity';

// What a long activity has done so far, for the UI: the interceptor's next heartbeat carries it.

const progress = new WeakMap<Context, unknown>();

export function noteProgress(context: Context, details: unknown): void {
  progress.set(context, details);
}

export function progressOf(context: Context): unknown {
  return progress.get(context);
}

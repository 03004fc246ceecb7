import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';

export interface SavedHistory {
  name: string;
  history: temporal.api.history.v1.History;
}

/**
 * The histories that `npm run proof -- record` saved, small ones first. They are read with the message's own
 * `fromObject`: the SDK's historyFromJSON takes no types of another copy of protobufjs, and npm installs three.
 */
export function loadHistories(folder: string): SavedHistory[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      name: path.basename(name, '.json'),
      history: temporal.api.history.v1.History.fromObject(
        JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Record<string, unknown>,
      ),
    }))
    .toSorted((one, other) => one.history.events.length - other.history.events.length);
}

export type Replayed = { name: string } & (
  | { verdict: 'same' }
  /** `broken`: the workflow would not be able to go on; `other`: replay itself went wrong */
  | { verdict: 'broken' | 'other'; message: string }
);

/** Replays histories against a bundle of workflows, one after another, needing no server. */
export async function* replay(
  bundle: { code: string } | { codePath: string },
  histories: readonly SavedHistory[],
): AsyncGenerator<Replayed> {
  const given = histories.map(({ name, history }) => ({ workflowId: name, history }));
  const results = Worker.runReplayHistories({ workflowBundle: bundle, replayName: 'histories' }, given);
  for await (const { workflowId: name, error } of results) {
    if (error === undefined) yield { name, verdict: 'same' };
    else yield { name, verdict: error instanceof DeterminismViolationError ? 'broken' : 'other', message: error.message };
  }
}

/** A broken history is what is looked for here; it need not be in the output as well. */
export function silenceRuntime(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
}

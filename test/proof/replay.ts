import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import type { Cleanup } from '../../workers/stack/cleanup';
import { projectFolder } from '../../workers/stack/stack';
import { applyEdit, breakingEdits, harmlessEdits, type Edit } from './breaking-edits';

// Workflows run for hours and days, so a deployment meets some that are under way: they are replayed by the new code,
// which must ask for the same things in the same order. Saved histories show whether it does, and the edits below
// whether the histories would notice.

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

export interface Replayed {
  name: string;
  /** `broken`: the workflow could not go on; `error`: replay itself went wrong, which proves nothing */
  verdict: 'same' | 'broken' | 'error';
  message?: string;
}

/** Replays histories against a bundle of workflows, one after another. Needs no server. */
export async function* replay(
  bundle: { code: string } | { codePath: string },
  histories: readonly SavedHistory[],
): AsyncGenerator<Replayed> {
  const given = histories.map(({ name, history }) => ({ workflowId: name, history }));
  for await (const { workflowId: name, error } of Worker.runReplayHistories({ workflowBundle: bundle }, given)) {
    if (error === undefined) yield { name, verdict: 'same' };
    else
      yield {
        name,
        verdict: error instanceof DeterminismViolationError ? 'broken' : 'error',
        message: error.message,
      };
  }
}

/** Histories that are not replayed as they were. With `first` it looks no further than the first of them. */
export async function findDifferent(
  bundle: { code: string } | { codePath: string },
  histories: readonly SavedHistory[],
  first = false,
): Promise<Replayed[]> {
  const different: Replayed[] = [];
  for await (const each of replay(bundle, histories)) {
    if (each.verdict !== 'same') different.push(each);
    if (first && different.length > 0) break;
  }
  return different;
}

/** A history that does not fit is what is looked for here: the runtime need not say so as well. */
export function silenceRuntime(): void {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
  });
}

/** Bundles the workflows of `project` with an edit, from a copy. */
export async function bundleWith(edit: Edit | undefined, project: string): Promise<{ code: string }> {
  const state = path.join(project, '.cryptoflow');
  mkdirSync(state, { recursive: true });
  const folder = mkdtempSync(path.join(state, 'edited-'));
  try {
    cpSync(path.join(project, 'workflows'), folder, { recursive: true });
    if (edit) {
      const file = path.join(folder, edit.file);
      writeFileSync(file, applyEdit(edit, readFileSync(file, 'utf8')));
    }
    const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
    return await bundleWorkflowCode({ workflowsPath: path.join(folder, 'index.ts'), logger: silent });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `npm run proof -- replay`: the workflows as they are and with harmless edits pass, every breaking edit is caught. */
export async function proveReplay({ say, cleanup }: { say: (line: string) => void; cleanup: Cleanup }) {
  silenceRuntime();
  const histories = loadHistories(path.join(projectFolder, 'test', 'workflows', 'histories'));
  const problems: string[] = [];
  const line = (edit: string, outcome: string) => say(`${edit.padEnd(68)} ${outcome}`);

  for (const edit of [undefined, ...harmlessEdits]) {
    cleanup.signal.throwIfAborted();
    const what = edit ? `harmless: ${edit.what}` : 'as it is';
    const different = await findDifferent(await bundleWith(edit, projectFolder), histories);
    line(what, different.length === 0 ? 'passes' : `DIFFERENT: ${different.map(({ name }) => name).join(', ')}`);
    problems.push(...different.map(({ name, message }) => `${what}: ${name}: ${message ?? ''}`));
  }
  let caught = 0;
  for (const edit of breakingEdits) {
    cleanup.signal.throwIfAborted();
    const [found] = await findDifferent(await bundleWith(edit, projectFolder), histories, true);
    if (found?.verdict === 'broken') caught += 1;
    else problems.push(`not caught: ${edit.what}${found ? `: ${found.name}: ${found.message ?? ''}` : ''}`);
    line(edit.what, found?.verdict === 'broken' ? `caught by ${found.name}` : 'NOT CAUGHT');
  }
  say(`${caught} of ${breakingEdits.length} breaking edits caught by ${histories.length} histories`);
  return { figures: { histories: histories.length, edits: breakingEdits.length, caught }, problems };
}

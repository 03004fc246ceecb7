import { environment, readConfig } from '../config';
import { describeSources } from '../commands/doctor';
import { bringUp } from './bring-up';
import { createCleanup } from './cleanup';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The same stack as the demo against the live sources, until Ctrl-C. */
async function main(): Promise<void> {
  const cleanup = createCleanup({ say });
  try {
    // the sources first: who has no key should know before anything is downloaded
    for (const line of describeSources(
      readConfig({ ...environment(), DATABASE_URL: environment().DATABASE_URL ?? 'mysql://later/later' }),
    ))
      say(line);
    const stack = await bringUp({ name: 'live', cleanup, say, extraEnvironment: {} });
    const { temporal, database } = stack.servers;
    if (temporal.uiUrl) say(`\nTemporal UI  ${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows`);
    say(`database     ${database.url}`);
    say('\nup, schedules running; Ctrl-C stops everything');
    await new Promise<void>((resolve) => cleanup.signal.addEventListener('abort', () => resolve()));
  } catch (error) {
    if (cleanup.signal.aborted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    await cleanup.run();
  }
}

void main();

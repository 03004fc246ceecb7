import { readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readChain, verifyFiles } from '../../activities/backup/read-backup';
import type { BackupStore } from '../../activities/backup/store';

export interface Damage {
  what: string;
  /** what the check says; undefined: it noticed nothing */
  found: string | undefined;
}

/** Every kind of damage so many times, each on a backup that is otherwise whole: one bit of one file, or a file's end. */
export async function damageEach(store: BackupStore, id: string, times: number): Promise<Damage[]> {
  const folder = store.locationOf(id);
  const names = readdirSync(folder);
  const random = randomFrom(20_261_122);
  const done: Damage[] = [];
  for (const kind of ['bit', 'cut'] as const) {
    for (let time = 0; time < times; time += 1) {
      // each file in turn, so that the small ones get their share
      const name = names[time % names.length]!;
      const file = path.join(folder, name);
      const whole = readFileSync(file);
      const at = Math.floor(random() * statSync(file).size);
      if (kind === 'cut') truncateSync(file, at);
      else {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= 1 << Math.floor(random() * 8);
        writeFileSync(file, bytes);
      }
      done.push({ what: `${name} ${kind} at ${at}`, found: await verdictOn(store, id) });
      writeFileSync(file, whole);
    }
  }
  return done;
}

/** By the files alone: as if the database that knows the hash of the manifest were lost. */
export async function verdictOn(store: BackupStore, id: string): Promise<string | undefined> {
  try {
    for (const { manifest } of await readChain(store, id)) await verifyFiles(store, manifest);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The same numbers every time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

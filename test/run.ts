import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createCleanup } from '../workers/stack/cleanup';
import { findDatabase } from '../workers/stack/database';
import { isRunning } from '../workers/stack/processes';
import { projectFolder, stateFolder } from '../workers/stack/stack';
import { findTemporal } from '../workers/stack/temporal';
import { findTemporalCli } from '../workers/stack/temporal-cli';
import type { DatabaseServer } from './databases';

// `npm test`: format, lint, then the tests on real servers, which are shared by all test files. (The type check is part
// of the build that came before.) `npm test -- blockchair` runs the tests whose path matches, and starts servers only
// for those that need some.

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const bin = (name: string): string => path.join(projectFolder, 'node_modules', '.bin', name);

/** Tests that need no server. */
const serverless = /test\/(sources|simulator|unit|workflows)\//;

// a folder per process: several runs may go on side by side
const testFolder = path.join(stateFolder, 'test');
const dataFolder = path.join(testFolder, String(process.pid));
const usedFile = path.join(dataFolder, 'used-servers');

function step(title: string, command: string, args: string[], env: NodeJS.ProcessEnv = process.env): number {
  say(`\n${title}`);
  return spawnSync(command, args, { cwd: projectFolder, stdio: ['ignore', 'inherit', 'inherit'], env }).status ?? 1;
}

async function main(): Promise<void> {
  const patterns = process.argv.slice(2);
  if (patterns.length === 0) {
    if (step('format', bin('prettier'), ['--check', '--log-level', 'warn', '.']) !== 0)
      return fail('not formatted: npm run format');
    if (step('lint', bin('oxlint'), ['--type-aware']) !== 0) return fail('lint found the problems above');
  }
  const listed = spawnSync(bin('jest'), ['--listTests', ...patterns], { cwd: projectFolder, encoding: 'utf8' });
  const files = listed.stdout.split('\n').filter(Boolean);
  if (files.length === 0) return fail(`no test matches ${patterns.join(' ')}`);

  const cleanup = createCleanup({ say });
  try {
    const env = files.every((file) => serverless.test(file)) ? process.env : await startTestServers(cleanup);
    const status = step(`tests (${files.length} files)`, bin('jest'), [...jestOptions, ...patterns], env);
    if (status !== 0) process.exitCode = status;
    else if (patterns.length === 0) assertAllUsed();
  } finally {
    await cleanup.run();
    if (!process.exitCode) rmSync(dataFolder, { recursive: true, force: true });
  }
}

const jestOptions = ['--maxWorkers=2', '--forceExit'];

function fail(line: string): void {
  say(line);
  process.exitCode = 1;
}

async function startTestServers(cleanup: ReturnType<typeof createCleanup>): Promise<NodeJS.ProcessEnv> {
  removeLeftovers();
  mkdirSync(dataFolder, { recursive: true });
  writeFileSync(usedFile, '');
  const commandPath = process.env.PATH ?? '';
  const cacheDir = path.join(stateFolder, 'cache');
  const shared = { interactive: false, commandPath, say, cleanup };
  const database = await findDatabase({
    ...shared,
    dataDir: path.join(dataFolder, 'database'),
    // a crash of the machine may cost the test data, not the tests their time
    extraServerArgs: ['--innodb-flush-log-at-trx-commit=0'],
  });
  const temporal = await findTemporal({
    ...shared,
    dataDir: path.join(dataFolder, 'temporal'),
    cacheDir,
    namespace: 'default',
  });
  const cli = await findTemporalCli({ cacheDir, commandPath, say: () => undefined, cleanup });
  const servers: DatabaseServer[] = [{ name: 'mariadb', url: database.url }, ...furtherServers()];
  return {
    ...process.env,
    TEST_DATABASES_JSON: JSON.stringify(servers),
    TEST_TEMPORAL_ADDRESS: temporal.address,
    TEST_TEMPORAL_CLI: cli.path,
    TEST_TEMPORAL_UI: temporal.uiUrl,
    TEST_USED_SERVERS_FILE: usedFile,
  };
}

/** What test runs that were killed have left behind. */
function removeLeftovers(): void {
  if (!existsSync(testFolder)) return;
  for (const name of readdirSync(testFolder)) {
    if (!isRunning(Number(name))) rmSync(path.join(testFolder, name), { recursive: true, force: true });
  }
}

/** TEST_DATABASE_URLS: further servers, comma separated, e.g. a MySQL beside the MariaDB that is always there. */
function furtherServers(): DatabaseServer[] {
  const urls = (process.env.TEST_DATABASE_URLS ?? '').split(',').filter(Boolean);
  for (const url of urls) say(`database  ${new URL(url).host} (given in TEST_DATABASE_URLS)`);
  return urls.map((url) => ({ name: `${new URL(url).hostname}:${new URL(url).port}`, url }));
}

/** A suite that was told of a server and did not use it has proved less than it says. */
function assertAllUsed(): void {
  const used = existsSync(usedFile) ? readFileSync(usedFile, 'utf8').split('\n') : [];
  for (const { name } of furtherServers()) {
    if (!used.includes(name)) fail(`the tests did not use ${name} of TEST_DATABASE_URLS`);
  }
}

void main();

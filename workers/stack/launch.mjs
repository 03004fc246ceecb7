// The first thing that runs after a clone: needs nothing but Node. Installs the packages, builds, and hands over.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const [target = 'help', ...args] = process.argv.slice(2);

/** Build target → file that it runs; `build` alone ends after building. */
const targets = {
  build: undefined,
  cli: '.build/workers/cli.js',
  worker: '.build/workers/worker.js',
  demo: '.build/workers/stack/demo.js',
  start: '.build/workers/stack/start.js',
  test: '.build/test/run.js',
  bench: '.build/test/proof/bench.js',
  proof: '.build/test/proof/proof.js',
};

function say(line) {
  // stdout belongs to the command: `cli --json` prints one document there and nothing else
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 18)) return;
  fail(
    `cryptoflow needs Node 20.18 or newer - this is ${process.version} - install a newer Node and run the command again.`,
  );
}

function run(command, commandArgs, options = {}) {
  const result = spawnSync(command, commandArgs, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.error) fail(`${command} could not be run - ${result.error.message} - is it installed?`);
  return result.status ?? 1;
}

/**
 * Installs the versions of package-lock.json when it is newer than what is installed. Not by `npm ci`: that refuses a
 * lock file without the optional packages of other platforms, which not every registry serves.
 */
function installPackages() {
  const stamp = path.join(root, 'node_modules', '.package-lock.json');
  const lock = path.join(root, 'package-lock.json');
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return;
  say('packages  installing node packages, a minute or two the first time');
  const status = run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    fail(
      'The node packages could not be installed - npm install failed, see above - mend that and run the command again.',
    );
  }
  const now = new Date();
  utimesSync(stamp, now, now);
}

const sourceFolders = ['activities', 'db', 'test', 'workers', 'workflows'];

/** Nothing that is built from is newer than the last build: also what makes a container's read-only image start. */
function isBuilt(stamp) {
  if (!existsSync(stamp)) return false;
  const builtAt = statSync(stamp).mtimeMs;
  const files = sourceFolders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(root, folder, name)),
  );
  return [...files, path.join(root, 'tsconfig.json'), path.join(root, 'package-lock.json')].every(
    (file) => statSync(file).mtimeMs <= builtAt,
  );
}

/** Type check and build in one: TypeScript writes .build, then the workflows are bundled once for all workers. */
function build() {
  const stamp = path.join(root, '.build', 'stamp');
  if (isBuilt(stamp)) return;
  mkdirSync(path.dirname(stamp), { recursive: true });
  const startedAt = new Date();
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (run(process.execPath, [tsc, '-p', '.'], { stdio: ['ignore', 2, 2] }) !== 0)
    fail('The build failed - TypeScript found the errors above - mend them.');
  if (run(process.execPath, ['.build/workers/bundle.js'], { stdio: ['ignore', 2, 2] }) !== 0)
    fail('The workflow bundle could not be made - see above.');
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
}

requireNode();
if (!Object.hasOwn(targets, target)) fail(`There is no "${target}" - known: ${Object.keys(targets).join(', ')}`);
installPackages();
build();
const file = targets[target];
if (file !== undefined) {
  process.chdir(root);
  process.argv = [process.argv[0], path.join(root, file), ...args];
  Module.runMain();
}

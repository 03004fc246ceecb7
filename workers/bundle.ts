import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { bundlePath } from './worker';

const workflowsFolder = path.join(__dirname, '..', 'workflows');
const hashPath = `${bundlePath}.hash`;

/** Bundles the built workflows once for all workers, where they changed since the last time. */
async function main(): Promise<void> {
  const hash = createHash('sha256');
  for (const name of readdirSync(workflowsFolder)
    .filter((each) => each.endsWith('.js'))
    .toSorted()) {
    hash.update(name).update(readFileSync(path.join(workflowsFolder, name)));
  }
  hash.update(readFileSync(path.join(__dirname, '..', '..', 'package-lock.json')));
  const now = hash.digest('hex');
  if (existsSync(bundlePath) && existsSync(hashPath) && readFileSync(hashPath, 'utf8') === now) return;
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath: path.join(workflowsFolder, 'index.js'), logger: silent });
  writeFileSync(bundlePath, code);
  writeFileSync(hashPath, now);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { applySchedules, listSchedules } from '../../workers/schedules';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';

const readme = readFileSync(path.join(__dirname, '..', '..', 'README.md'), 'utf8');

/** The lines of the README's `sh` blocks that begin with a command, as a person would paste them. */
function linesOf(command: string): string[] {
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block!);
  return blocks.flatMap((block) => block.split('\n')).filter((line) => line.startsWith(`${command} `));
}

/** Runs a line in a shell. Returns what it printed; throws with it when the line fails. */
async function paste(line: string, binary: string, environment: Record<string, string>): Promise<string> {
  const command = line.replace(/^\S+/, `'${binary}'`);
  const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { ...process.env, ...environment } });
  return stdout;
}

/** Lists and descriptions of schedules lag behind what was done to them. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let looks = 0; looks < 150; looks += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not come');
}

// the lines are the same for every database
describe('the lines of the README', () => {
  let product: Product;
  beforeAll(async () => {
    product = await startProduct({ server: databases()[0]! });
    await applySchedules(product.client, product.connection, product.namespace);
  });
  afterAll(async () => product?.stop());

  test('every temporal line works, in their order', async () => {
    const environment = {
      TEMPORAL_ADDRESS: product.environment.TEMPORAL_ADDRESS!,
      TEMPORAL_NAMESPACE: product.namespace,
    };
    const lines = linesOf('temporal');
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) await paste(line, process.env.TEST_TEMPORAL_CLI!, environment);
    // the schedule that a person made beside ours runs, is listed as foreign, and is left alone
    await applySchedules(product.client, product.connection, product.namespace);
    expect(
      await eventually(async () => (await listSchedules(product.client)).find(({ id }) => id === 'prices-hourly')),
    ).toMatchObject({ isOurs: false });
    await product.client.schedule.getHandle('prices-hourly').trigger();
    const run = await eventually(async () => {
      const { info } = await product.client.schedule.getHandle('prices-hourly').describe();
      return info.recentActions[0]?.action.workflow.workflowId;
    });
    expect(await product.client.workflow.getHandle(run).result()).toMatchObject({ status: 'success' });
  });

  const tctl = process.env.TCTL;
  (tctl ? test : test.skip)('every tctl line works (TCTL names a binary)', async () => {
    const environment = {
      TEMPORAL_CLI_ADDRESS: product.environment.TEMPORAL_ADDRESS!,
      TEMPORAL_CLI_NAMESPACE: product.namespace,
    };
    await product.client.schedule.getHandle('prices-hourly').delete();
    for (const line of linesOf('tctl')) await paste(line, tctl!, environment);
  });
});

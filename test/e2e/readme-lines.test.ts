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
    // the schedule that a person made beside ours runs, and is left alone
    expect((await listSchedules(product.client)).find(({ id }) => id === 'prices-hourly')).toMatchObject({
      isOurs: false,
    });
    await applySchedules(product.client, product.connection, product.namespace);
    expect((await listSchedules(product.client)).map(({ id }) => id)).toContain('prices-hourly');
    await product.client.schedule.getHandle('prices-hourly').trigger();
    let runs: string[] = [];
    for (let look = 0; look < 100 && runs.length === 0; look += 1) {
      const { info } = await product.client.schedule.getHandle('prices-hourly').describe();
      runs = info.recentActions.map(({ action }) => action.workflow.workflowId);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await product.client.workflow.getHandle(runs[0]!).result()).toMatchObject({ status: 'success' });
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

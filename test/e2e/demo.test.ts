import { spawn } from 'node:child_process';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { databases, freshDatabase } from '../databases';
import { freshNamespace, temporalAddress } from '../product';

const root = path.join(__dirname, '..', '..');

interface Ended {
  code: number | null;
  seconds: number;
  output: string;
}

/** `npm run demo -- --once` as a person types it, against the shared servers. */
async function demo(environment: Record<string, string>, onOutput?: (text: string) => void): Promise<Ended> {
  const startedAt = Date.now();
  const child = spawn(process.execPath, ['workers/stack/launch.mjs', 'demo', '--once'], {
    cwd: root,
    env: { ...process.env, ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      onOutput?.(output);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, seconds: (Date.now() - startedAt) / 1_000, output };
}

describe('npm run demo -- --once', () => {
  test('a whole day for three coins, also when the worker is killed half-way; a second start finds its data', async () => {
    const database = await freshDatabase(databases()[0]!);
    const connection = await Connection.connect({ address: temporalAddress() });
    const environment = {
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: await freshNamespace(connection),
    };
    await connection.close();

    let killed = false;
    const first = await demo(environment, (output) => {
      const pid = /worker {4}process (\d+)/.exec(output)?.[1];
      if (killed || pid === undefined || !/ended, \d+ running, [1-9]\d{2,} rows/.test(output)) return;
      killed = true;
      process.kill(Number(pid), 'SIGKILL');
    });
    expect(first.output).toContain('nothing of this data is real');
    expect(first.output).toMatch(/worker {4}process \d+ ended \(SIGKILL\); starting another/);
    expect(first.output.match(/ \d{4}-\d\d-\d\d {2}success/g)).toHaveLength(12);
    expect(first.output.match(/^[a-z]+ +success/gm)).toHaveLength(9);
    expect(first.output).toMatch(/^slot \d{4}-\d\d-\d\dT\d\d:\d\dZ \(simulated data\)$/m);
    expect(first.output).toMatch(/^(High|Medium|Low) +\d+ +0\.\d+$/m);
    expect(first.output).toMatch(/raw_blockchain_blocks +432\n/);
    expect(first.output).toMatch(/raw_blockchain_transactions +4500\n/);
    expect(first.output).toMatch(/raw_market_prices_volumes +3\n/);
    expect(first.code).toBe(0);

    const second = await demo(environment);
    expect(second.code).toBe(0);
    expect(second.output).toContain('schema    up to date');
    expect(second.output).toMatch(/raw_blockchain_transactions +4500\n/);
  }, 240_000);
});

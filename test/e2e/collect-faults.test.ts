import { createCleanup } from '../../workers/stack/cleanup';
import { databases } from '../databases';
import { temporalAddress } from '../product';
import { killedAt, steps } from '../proof/collect/killed-steps';
import { collectSkippedSlots } from '../proof/collect/skipped-days';

// Small; in full: `npm run proof -- collect`.

const [server] = databases();
const cleanup = createCleanup({ say: () => undefined, handleSignals: false });
afterAll(() => cleanup.run());

const options = { databaseServer: server!.url, temporalAddress: temporalAddress() };

for (const step of Object.keys(steps)) {
  test.concurrent(`a worker that is killed when ${step}`, async () =>
    expect(await killedAt(step, options)).toEqual([]),
  );
}

test.concurrent(
  'slots on a skipped clock with requests that fail: every row is there once, and every miss is told',
  async () => {
    const done = await collectSkippedSlots({
      ...{ databaseServer: server!.url, slots: 12, assets: 8, failing: 0.05, cleanup },
    });
    if ('whyNot' in done) return void process.stderr.write(`not tested, slots on a skipped clock: ${done.whyNot}\n`);
    expect(done.problems).toEqual([]);
    expect(done.rows).toBe(12 * 8);
    expect(done.failedRequests).toBeGreaterThan(0);
  },
  300_000,
);

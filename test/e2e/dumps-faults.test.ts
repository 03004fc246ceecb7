import { createCleanup } from '../../workers/stack/cleanup';
import { databases } from '../databases';
import { temporalAddress } from '../product';
import { faults, few } from '../proof/dumps';

// Small; in full: `npm run proof -- dumps`. They run at the same time, as they mostly wait for heartbeats that are missed.

jest.setTimeout(300_000);

const [server] = databases();
const cleanup = createCleanup({ say: () => undefined, handleSignals: false });
afterAll(() => cleanup.run());

const servers = { databaseServer: server!.url, temporalAddress: temporalAddress(), cleanup };

for (const [name, fault] of Object.entries(faults)) {
  test.concurrent(`whole days and ${name}: each as if nothing had happened`, async () => {
    const { met, problems } = await fault(servers, few);
    expect(problems).toEqual([]);
    expect(met).toBeGreaterThan(0);
  });
}

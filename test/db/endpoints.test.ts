import { MockActivityEnvironment } from '@temporalio/testing';
import { httpFor } from '../../activities/ask-source';
import { sourceAssets } from '../../activities/assets';
import { applyBudgets } from '../../activities/budget';
import type { ActivityDeps, ConfiguredSource } from '../../activities/deps';
import { source } from '../../activities/ethereum';
import { createAgent } from '../../activities/http';
import type { ReadingAnswer } from '../../activities/observation';
import { migrateToLatest } from '../../db/migrate';
import { listAssets } from '../../db/queries/assets';
import { installLogger } from '../../workers/worker';
import { databases, freshDatabase } from '../databases';
import { startSimulator } from '../simulator';
import { failureOf } from '../sources/asking';
import { startUpstream } from '../sources/upstream';

// a failed attempt is no news here
beforeAll(() => installLogger([], 'ERROR'));

test('of several endpoints each attempt asks the next one: the second answers when the first is down', async () => {
  const { db } = await freshDatabase(databases()[0]!);
  await migrateToLatest(db);
  const down = await startUpstream((_request, response) => response.writeHead(503).end('down for maintenance'));
  const simulator = await startSimulator({ limits: 'none' });
  const agent = createAgent();
  const configured: ConfiguredSource = {
    ...{ source, planName: 'keyless', plan: { ...source.plans.keyless, limits: { perMinute: 60_000 } } },
    baseUrl: `${down.url}, ${simulator.baseUrls.ethereum}`,
  };
  await applyBudgets(db, [configured]);
  const deps = {
    ...{ db, agent, sources: new Map([['ethereum', configured]]) },
    ...{ settings: { requestTimeoutMs: 5_000 }, redact: (text: string) => text },
  } as unknown as ActivityDeps;
  const assets = sourceAssets(source, await listAssets(db));
  const attempt = async (number: number): Promise<ReadingAnswer> =>
    new MockActivityEnvironment({ attempt: number }).run<[], ReadingAnswer, () => Promise<ReadingAnswer>>(() =>
      source.observe.readings.head.fetch(httpFor(deps, { source, fullName: 'ethereum.head' }, 'live'), {
        ...{ assets, slot: new Date().toISOString(), plan: configured.plan },
      }),
    );

  expect(await failureOf(attempt(1))).toMatchObject({
    type: 'Unavailable',
    details: { method: 'POST', status: 503, url: `${down.url}/` },
  });
  expect((await attempt(2)).observations).toMatchObject([{ coinId: 'ethereum' }]);
  expect(await failureOf(attempt(3))).toMatchObject({ type: 'Unavailable' });
  expect([down.arrived.length, simulator.requests.length]).toEqual([2, 1]);

  await Promise.all([agent.destroy(), down.close(), simulator.close()]);
});

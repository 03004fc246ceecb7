import { sources } from '../../activities/registry';
import { readConfig } from '../../workers/config';
import { simulatedEnvironment } from './environment';
import { type Simulator, startSimulator } from './index';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(() => simulator.close());

const base = { DATABASE_URL: 'mysql://u:p@127.0.0.1:1/d' };

test('no source is left that would ask the real service', () => {
  const config = readConfig({ ...base, ...simulatedEnvironment(simulator) });
  for (const { name } of sources) expect(config.sources.get(name)!.baseUrl).toMatch(`${simulator.url}/`);
});

test('limits are those of the services, or one for all', () => {
  const documented = readConfig({ ...base, ...simulatedEnvironment(simulator) });
  const hurried = readConfig({ ...base, ...simulatedEnvironment(simulator, { perMinute: 60_000 }) });
  for (const { name, plans, defaultPlan } of sources) {
    expect(documented.sources.get(name)!.plan.limits).toEqual(plans[defaultPlan.withoutKey]!.limits);
    expect(hurried.sources.get(name)!.plan.limits).toMatchObject({ perMinute: 60_000 });
  }
});

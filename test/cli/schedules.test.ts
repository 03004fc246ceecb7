import { Client, Connection } from '@temporalio/client';
import { schedules } from '../../workers/schedules';
import { databases } from '../databases';
import { freshNamespace, temporalAddress } from '../product';
import { cli, cliHere, cliJson } from './run-cli';

interface Listed {
  id: string;
  isOurs: boolean;
  isPaused: boolean;
  note: string | null;
  times: string;
  nextRun: string | null;
}

describe('schedules', () => {
  let connection: Connection;
  let client: Client;
  let environment: Record<string, string>;

  beforeAll(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
    const namespace = await freshNamespace(connection);
    client = new Client({ connection, namespace });
    environment = {
      DATABASE_URL: databases()[0]!.url,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: namespace,
    };
  });
  afterAll(() => connection?.close());

  const text = async (...words: string[]) => {
    const { code, stdout, stderr } = await cliHere(['schedules', ...words], environment);
    expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    return stdout;
  };
  const ids = schedules.map(({ id }) => id);
  const width = Math.max(...ids.map((id) => id.length));
  const linesOf = (what: (id: string) => string, of = ids) =>
    of.map((id) => `${id.padEnd(width)}  ${what(id)}\n`).join('');
  const listed = async (id: string) =>
    (JSON.parse(await text('list', '--json')) as Listed[]).find((each) => each.id === id);

  test('apply makes them, and nothing the second time', async () => {
    expect(await text('list')).toBe('no schedule: npm run cli -- schedules apply\n');
    expect(await text('diff')).toBe(linesOf(() => 'created'));
    expect(await cliJson(['schedules', 'apply'], environment)).toEqual(
      ids.map((id) => ({ id, change: 'created', differences: [] })),
    );
    expect(await text('diff')).toBe('nothing to do\n');
    expect((await cli(['schedules', 'apply'], environment)).stdout).toBe(linesOf(() => 'unchanged'));

    const daily = await client.schedule.getHandle('daily-ingestion').describe();
    expect(daily.action).toMatchObject({
      workflowType: 'dailyIngestion',
      workflowId: 'daily-ingestion',
      taskQueue: 'cryptoflow',
      args: [],
    });
    expect(daily.policies).toEqual({ overlap: 'ALLOW_ALL', catchupWindow: 6 * 3_600_000, pauseOnFailure: false });
    expect(daily.memo).toEqual({ managedBy: 'cryptoflow' });
    expect(daily.state).toMatchObject({
      paused: false,
      note: expect.stringContaining('A backfill from 2 to 11 November fills 1 to 10 November.') as string,
    });
    expect(daily.info.nextActionTimes[0]!.toISOString()).toMatch(/T01:00:00\.000Z$/);
    const quarter = await client.schedule.getHandle('check-health').describe();
    expect(quarter.info.nextActionTimes.map((time) => time.getUTCMinutes() % 15)).toEqual(Array(10).fill(0));
    const weekly = await client.schedule.getHandle('sync-coins').describe();
    expect(weekly.info.nextActionTimes[0]!.getUTCDay()).toBe(1);
  });

  test("an operator's change is shown, then overwritten; a pause and its reason stay", async () => {
    const handle = client.schedule.getHandle('daily-ingestion');
    await handle.update((before) => ({
      ...before,
      spec: { calendars: [{ hour: 3, minute: 30, dayOfWeek: [{ start: 'MONDAY', end: 'FRIDAY' }] }] },
      policies: { ...before.policies, overlap: 'SKIP' },
    }));
    await text('pause', 'daily-ingestion', '--reason', 'database move');
    const expected = ['times    30 3 * * 1-5 UTC  →  0 1 * * * UTC', 'overlap  SKIP  →  ALLOW_ALL'].map(
      (line) => `daily-ingestion  updated    ${line}`,
    );
    for (const line of expected) expect(await text('diff')).toContain(line);
    const applied = await text('apply');
    for (const line of expected) expect(applied).toContain(line);
    expect(await text('diff')).toBe('nothing to do\n');
    expect(await listed('daily-ingestion')).toMatchObject({
      isPaused: true,
      nextRun: null,
      times: '0 1 * * * UTC',
      note: expect.stringMatching(/^paused by .+@.+: database move$/) as string,
    });

    await text('resume', 'daily-ingestion');
    expect(await listed('daily-ingestion')).toMatchObject({
      isPaused: false,
      note: expect.stringContaining('nominal time') as string,
    });
    expect(await text('diff')).toBe('nothing to do\n');
  });

  test('pause and resume without an id are for all of ours; an unknown id names the known ones', async () => {
    expect(await text('pause')).toBe(linesOf(() => 'paused', ids.toSorted()));
    expect(await text('resume')).toBe(linesOf(() => 'resumed', ids.toSorted()));
    const { code, stderr } = await cliHere(['schedules', 'pause', 'dayly'], environment);
    expect(code).toBe(1);
    expect(stderr).toBe(`there is no schedule "dayly" - known: ${ids.toSorted().join(', ')} - correct it\n`);
  });

  test('foreign ones are listed and left alone, ours that are no longer in the table go', async () => {
    const action = {
      type: 'startWorkflow' as const,
      workflowType: 'ingestCoinGecko',
      taskQueue: 'cryptoflow',
      workflowId: 'x',
      args: [{ datasets: ['prices'] }],
    };
    await client.schedule.create({
      scheduleId: 'prices-hourly',
      spec: { intervals: [{ every: '1h', offset: '5m' }] },
      action,
    });
    await client.schedule.create({
      scheduleId: 'of-an-older-version',
      spec: { cronExpressions: ['0 5 * * *'] },
      action,
      memo: { managedBy: 'cryptoflow' },
    });
    // the server's list lags behind
    const until = Date.now() + 10_000;
    while (Date.now() < until && !((await listed('prices-hourly')) && (await listed('of-an-older-version'))))
      await new Promise((resolve) => setTimeout(resolve, 100));

    expect(await text('apply')).toMatch(/of-an-older-version +deleted\n$/);
    expect(await listed('of-an-older-version')).toBeUndefined();
    expect(await listed('prices-hourly')).toMatchObject({
      isOurs: false,
      times: 'every 1h from 5m past',
      workflow: 'ingestCoinGecko',
    });
    expect(await text('list')).toMatch(/prices-hourly +foreign +ingestCoinGecko +every 1h from 5m past +active/);
    expect(await text('diff')).toBe('nothing to do\n');
  });

  test('a foreign one under the name of ours is refused and left alone', async () => {
    const handle = client.schedule.getHandle('sync-coins');
    await handle.delete();
    await client.schedule.create({
      scheduleId: 'sync-coins',
      spec: { intervals: [{ every: '1h' }] },
      action: { type: 'startWorkflow', workflowType: 'other', taskQueue: 'q', args: [] },
    });
    const { code, stdout, stderr } = await cliHere(['schedules', 'apply'], environment);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: linesOf((id) => (id === 'sync-coins' ? 'refused' : 'unchanged')),
    });
    expect(stderr).toMatch(
      /^sync-coins cannot be applied - a schedule of that name is there which cryptoflow did not make - /,
    );
    expect((await handle.describe()).action.workflowType).toBe('other');
  });
});

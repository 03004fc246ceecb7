import { randomBytes } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { sql } from 'kysely';
import { openDatabase } from '../../db/connect';
import { schedules } from '../../workers/schedules';
import { databases, freshDatabase } from '../databases';
import { temporalAddress } from '../product';
import { cli, cliHere, cliJson } from './run-cli';

interface Report {
  ok: boolean;
  fixed: string[];
  checks: { name: string; status: string; message: string }[];
}

const key = 'sesame-open-1234';

describe.each(databases())('doctor on $name', (server) => {
  let environment: Record<string, string>;

  beforeAll(async () => {
    const connection = await Connection.connect({ address: temporalAddress() });
    const namespace = `bare-${randomBytes(4).toString('hex')}`;
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('3 days'),
    });
    await connection.close();
    const { url } = await freshDatabase(server);
    environment = {
      DATABASE_URL: url,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: namespace,
      BLOCKCHAIR_API_KEY: key,
    };
  });

  test('finds what is missing, says what to do, mends it, and finds nothing more', async () => {
    // a new namespace is known to all parts of the server after a moment
    await eventually(async () => expect((await cliHere(['schedules', 'list'], environment)).code).toBe(0));
    const before = await cli(['doctor', '--json'], environment);
    expect(before.code).toBe(1);
    expect(before.stderr).toMatch(/^4 of \d+ checks found a problem - .*doctor --fix\n$/);
    const { ok, checks } = JSON.parse(before.stdout) as Report;
    expect(ok).toBe(false);
    expect(
      checks.filter(({ status }) => status === 'problem').map(({ name, message }) => `${name}: ${message}`),
    ).toEqual([
      'schema: the database has no schema yet: run npm run cli -- migrate.',
      'retention: closed runs are forgotten after 3 days, 30 are needed: npm run cli -- doctor --fix',
      'search attributes: CryptoflowDataset, CryptoflowCoin, CryptoflowStatus, CryptoflowLogicalDate missing, without which no workflow starts: npm run cli -- doctor --fix',
      `schedules: ${schedules.map(({ id }) => `${id} would be created`).join('; ')}: see npm run cli -- schedules diff, then apply`,
    ]);

    const fixed = await cliJson<Report>(['doctor', '--fix'], environment);
    expect(fixed.ok).toBe(true);
    for (const what of [
      'applied 0001_01_coin_metadata',
      'added search attribute CryptoflowCoin',
      'raised the retention to 30 days',
      'created schedule daily-ingestion',
    ])
      expect(fixed.fixed).toContain(what);
    expect(await cliJson<Report>(['doctor', '--fix'], environment)).toMatchObject({ ok: true, fixed: [] });

    const { db, close } = openDatabase(environment.DATABASE_URL!);
    await sql`INSERT INTO coin_proposals (coin_id, kind, ours) VALUES ('kaspa', 'gone', 'KAS')`.execute(db);
    await close();
    const { code, stdout } = await cliHere(['doctor'], environment);
    expect(code).toBe(0);
    expect(stdout).toMatch(/coins +note +CoinGecko sees kaspa differently: npm run cli -- coins list says how\n/);
    expect(stdout).toMatch(
      /^environment +ok +all variables are right\ndatabase +ok +(MariaDB|MySQL) \d+\.\d+\..* at mysql:\/\/\w+:\*\*\*@/,
    );
    expect(stdout).toMatch(/workers +note +none runs: npm run worker\n/);
    expect(stdout).toMatch(/source +ok +blockchair +key set +plan key .* 5 a second/);
    expect(stdout).toMatch(/source +ok +coingecko +no key +plan keyless .* a key: https:\/\//);
    expect(stdout + before.stdout).not.toContain(key);
  });
});

// each says what failed - why - what to do, on stderr, and nothing on stdout
describe('what cannot be reached', () => {
  const server = databases()[0]!;
  const given = { DATABASE_URL: server.url, TEMPORAL_ADDRESS: temporalAddress() };
  const urlWith = (change: (url: URL) => void): string => {
    const url = new URL(server.url);
    change(url);
    return url.href;
  };

  test.each([
    [
      'an unreachable database',
      ['logs'],
      { DATABASE_URL: 'mysql://u:secret99@127.0.0.1:1/d' },
      /^The database server cannot be reached \(mysql:\/\/u:\*\*\*@127\.0\.0\.1:1\/d\) - .*ECONNREFUSED.* - Check that it runs/,
    ],
    [
      'a wrong password',
      ['coins', 'list'],
      { DATABASE_URL: urlWith((url) => (url.password = 'wrong-pass')) },
      /^The database refused the login .* - Access denied .* - Check user, password and grants/,
    ],
    [
      'a missing database',
      ['show', 'database_stats'],
      { DATABASE_URL: urlWith((url) => (url.pathname = '/no_such_database')) },
      /^The database (does not exist|refused the login).* - .* - /,
    ],
    [
      'a missing namespace',
      ['schedules', 'list'],
      { TEMPORAL_NAMESPACE: 'nowhere' },
      /^The namespace "nowhere" does not exist on Temporal at .* - .* - Create it \(temporal operator namespace create --namespace nowhere\)/,
    ],
    [
      'an unreachable Temporal',
      ['run', 'checkHealth'],
      { TEMPORAL_ADDRESS: '127.0.0.1:1' },
      /^Temporal cannot be reached at 127\.0\.0\.1:1 - .* - Start it, or correct TEMPORAL_ADDRESS\./,
    ],
  ])('%s', async (_, words, environment, expected) => {
    const { code, stdout, stderr } = await cli([...words, '--json'], { ...given, ...environment });
    expect(stderr).toMatch(expected);
    expect(stderr).not.toMatch(/secret99|wrong-pass|\n {4}at /);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});

async function eventually(check: () => Promise<void>): Promise<void> {
  for (const until = Date.now() + 20_000; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

import { cli, cliHere } from './run-cli';

// no server is needed to say what is wrong with a command line
describe('help', () => {
  test.each([[[]], [['--help']], [['-h']]])('of everything: %j', async (words) => {
    const { code, stdout, stderr } = await cli(words);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const titles = ['Usage: npm run --silent cli -- <command>', 'Commands', 'Options', 'Environment', 'Examples'];
    expect(titles.map((title) => stdout.includes(`${title}\n`) || stdout.startsWith(title))).toEqual(
      titles.map(() => true),
    );
    for (const name of [
      'migrate',
      'schedules apply|diff|list|pause|resume',
      'run',
      'logs',
      'show',
      'coins add|list|assets|enable|disable',
      'addresses add|list|remove',
      'try',
      'backup now|list|verify',
      'restore',
      'doctor',
    ]) {
      expect(stdout).toContain(`  ${name} `);
    }
  });

  test('of a command, and of a part of it', async () => {
    const { stdout } = await cliHere(['logs', '--help']);
    expect(stdout).toMatch(/^Usage: npm run --silent cli -- logs \[--source <name>\] .*\[--json\]\n/);
    expect(stdout).toContain('Options\n');
    expect(stdout).toContain('Examples\n');
    expect((await cliHere(['coins', 'add', '--help'])).stdout).not.toContain('coins list');
    expect((await cliHere(['coins', '--help'])).stdout).toContain('coins list');
  });

  test('every example is a command line that is understood', async () => {
    const names = [
      'migrate',
      'schedules',
      'run',
      'logs',
      'show',
      'explain',
      'coins',
      'addresses',
      'try',
      'backup',
      'restore',
      'doctor',
    ];
    const texts = await Promise.all(names.map((name) => cliHere([name, '--help'])));
    const examples = texts
      .flatMap(({ stdout }) => stdout.split('Examples\n')[1]!.trim().split('\n'))
      .map((line) => line.replace(/^ *npm run --silent cli -- /, ''));
    expect(examples.length).toBeGreaterThan(20);
    // without an environment each gets as far as reading it
    for (const example of examples.filter((each) => !each.startsWith('doctor'))) {
      const words = [...example.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, ...text]) => text.find(Boolean) ?? '');
      const { code, stderr } = await cliHere(words);
      expect({ example, code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('DATABASE_URL is missing') as string,
      });
    }
  });
});

describe('a command line that cannot be meant', () => {
  test.each([
    [['lgos'], 'there is no command "lgos" - commands: migrate, schedules, run, '],
    [['--json', 'logs'], 'the command has to come before --json'],
    [
      ['logs', '--colour', 'red'],
      '"logs" has no option --colour - allowed: --source, --status, --coin, --date, --slot, --limit, --json, --help',
    ],
    [['logs', '--status', 'good'], '--status "good" is not right - it has to be one of running, success, '],
    [['logs', '--date', '2026-02-30'], '--date "2026-02-30" is not right - it has to be a UTC day'],
    [['logs', '--limit', '0'], '--limit "0" is not right - it has to be a whole number from 1'],
    [['logs', '--coin', '--json'], '--coin needs a value'],
    [['logs', '--coin'], '--coin needs a value'],
    [['logs', '--coin', 'a', '--coin', 'b'], '--coin is given twice'],
    [['logs', 'bitcoin'], '"logs" does not take "bitcoin" - it takes no argument'],
    [['schedules'], '"schedules" needs one more word - allowed: schedules apply, schedules diff, '],
    [['schedules', 'drop'], 'there is no "schedules drop" - allowed: schedules apply, '],
    [['coins', 'add'], '"coins add" needs <coin>'],
    [['coins', 'list', '--symbol', 'X'], '"coins list" has no option --symbol'],
    [['run', 'backfill', '--wait=yes'], '--wait takes no value'],
    [['run', 'backfill', '--input', '[]'], '--input is not right - it is not an object'],
    [['run', 'backfill', '--input', '{}', '--from', '2026-11-01'], '--input stands beside --from'],
    [['run', 'ingestDataset', '--coins', 'a,b'], 'ingestDataset takes one of --coins - 2 are given'],
    [['run', 'dailyIngestion', '--coins', 'a,,b'], '--coins "a,,b" is not right'],
    [['show', 'everything'], 'there is no view "everything" - known: ingestion_state, onchain_latest, '],
    [['show', 'database_stats', '--days', '7'], 'database_stats has no time to look for'],
    [['show', 'schema_coverage_24h', '--coin', 'btc'], 'schema_coverage_24h has no coin to look for'],
    [['show', 'blocks'], 'blocks needs --coin <coin>'],
    [['show', 'network_metrics_daily'], 'network_metrics_daily needs --coin <coin> or --days <number>'],
    [['logs', '--slot', '2026-11-21'], '--slot "2026-11-21" is not right - it has to be a quarter-hour'],
    [['try', 'blockchair.blocks', 'bitcoin', 'yesterday'], '"yesterday" is not a day'],
    [['backup', 'now', '--kind', 'weekly'], '--kind "weekly" is not right - it has to be one of full, incremental'],
    [['restore', 'latest'], '"restore" needs --into <database>'],
    [
      ['restore', 'latest', '--into', 'a', '--overwrite', 'b'],
      '--overwrite "b" is not a - it has to be its name once more',
    ],
  ])('%j', async (words, expected) => {
    const { code, stdout, stderr } = await cliHere(words);
    expect(stderr).toContain(expected);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

test('all problems of the environment are said at once, without secrets', async () => {
  const environment = {
    DATABASE_URL: 'postgres://u:hunter22@h/d',
    BLOCKCHAIR_PLAN: 'golden',
    COINGECKO_API_KEY: 'sesame99',
    COINGECKO_PLAN: 'keyless',
    BLOCKCHAIR_KEY: 'x',
    BLOCKCHAIR_BASE_URL: 'https://me:opensesame@gateway.example/blockchair?token=opensesame',
  };
  const { code, stdout, stderr } = await cliHere(['logs', '--json'], environment);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  for (const name of [
    'DATABASE_URL',
    'BLOCKCHAIR_PLAN "golden"',
    'COINGECKO_API_KEY is set, but COINGECKO_PLAN keyless',
    'BLOCKCHAIR_KEY is not a variable',
    'BLOCKCHAIR_BASE_URL is not an http(s) URL without user, password, query and fragment',
  ])
    expect(stderr).toContain(name);
  expect(stderr).not.toMatch(/hunter22|sesame99|opensesame/);
  const doctor = await cliHere(['doctor', '--json'], environment);
  expect(doctor.code).toBe(1);
  expect((JSON.parse(doctor.stdout) as { checks: { name: string }[] }).checks.map((check) => check.name)).toEqual(
    Array(5).fill('environment'),
  );
});

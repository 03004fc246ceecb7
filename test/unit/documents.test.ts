import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { rules, type FailureType } from '../../activities/failures';
import { datasets } from '../../activities/registry';
import { configurationTable, environmentExample } from '../../workers/variables';
import { schedules } from '../../workers/schedules';
import { cliHere } from '../cli/run-cli';

const root = path.join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const readme = read('README.md');
const { scripts, version } = JSON.parse(read('package.json')) as { scripts: Record<string, string>; version: string };

/** The text below a heading, up to the next heading of its rank. */
function section(title: string): string {
  const found = readme.split(/^(?=## )/m).find((part) => part.startsWith(`## ${title}\n`));
  if (found === undefined) throw new Error(`README.md has no section "${title}"`);
  return found;
}

/** The cells of the table rows of a text. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('| '));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** All that stands between backticks, in blocks or in a line. */
const code = [...readme.matchAll(/^```.*\n([^]*?)^```|`([^`\n]+)`/gm)].flatMap(([, block, inline]) =>
  (block ?? inline ?? '').split('\n'),
);

test('README.md can be read in one go', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(300);
});

test('the configuration is that of workers/config.ts; where it differs, copy the generated text', () => {
  expect(section('Configuration')).toContain(`\n\n${configurationTable()}`);
  expect(read('.env.example')).toBe(environmentExample());
});

test('every npm script that is named exists', () => {
  const named = code.flatMap((line) =>
    [...line.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z]+)/g)].map(([, name]) => name!),
  );
  expect(named).toEqual(expect.arrayContaining(['demo', 'test', 'start', 'worker', 'cli']));
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});

test('every command of the CLI that is named is understood', async () => {
  const named = code.flatMap((line) =>
    [...line.matchAll(/npm run (?:--silent )?cli -- (.+)/g)].map(([, words]) => words!),
  );
  expect(named.length).toBeGreaterThan(15);
  for (const line of named) {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
    const { code: exitCode, stderr } = await cliHere(words);
    // without an environment each gets as far as reading it, if it has to
    const needsNothing = words.includes('--help') || line === 'sources fields';
    expect({ line, exitCode, stderr }).toMatchObject(
      needsNothing
        ? { exitCode: 0, stderr: '' }
        : { exitCode: 1, stderr: expect.not.stringMatching(/^there is no|allowed:/) as string },
    );
  }
});

test('At 2 a.m. says of every failure type what its rule does', () => {
  const rows = rowsOf(section('At 2 a.m.'));
  for (const [type, { retry, advice }] of Object.entries(rules) as [FailureType, (typeof rules)[FailureType]][]) {
    const [, heals, todo] = rows.find(([name]) => name === `\`${type}\``) ?? [];
    expect({ type, heals, todo }).toEqual({
      type,
      heals: expect.stringMatching(retry === 'never' ? /^no\b/ : /^yes\b/) as string,
      todo: expect.stringContaining(advice) as string,
    });
  }
});

test('every schedule is listed, and every daily dataset with its table', () => {
  const rows = rowsOf(section('What runs when'));
  for (const { id, times, workflow } of schedules)
    expect(rows.map((cells) => cells.slice(0, 3))).toContainEqual([`\`${id}\``, `\`${times}\``, `\`${workflow}\``]);
  const daily = rows.find(([, , workflow]) => workflow === '`dailyIngestion`')!;
  expect(listed(daily[3])).toEqual(datasets.filter(({ dataset }) => dataset.daily).map(({ fullName }) => fullName));
  expect(listed(daily[4])).toEqual(datasets.filter(({ dataset }) => dataset.daily).map(({ dataset }) => dataset.table));
});

function listed(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

test.each(['README.md', 'CHANGELOG.md'])('every link of %s into the project leads somewhere', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const anchors = [...read(file).matchAll(/^#+ (.+)$/gm)].map(
    ([, title]) =>
      `#${title!
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-')}`,
  );
  for (const link of links.filter((each) => !/^https?:/.test(each))) {
    if (link.startsWith('#')) expect(anchors).toContain(link);
    else expect({ link, exists: existsSync(path.join(root, link)) }).toEqual({ link, exists: true });
  }
});

test('CHANGELOG.md begins with this version', () => {
  expect(/^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
});

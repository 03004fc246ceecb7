import { applySchedules } from '../schedules';
import { ensurePartitionsAhead } from '../../db/partitions';
import { migrateToLatest } from '../../db/migrate';
import { table } from '../output';
import type { Limits } from '../../activities/source';
import { ConfigError, type Config } from '../config';
import { prepareNamespace } from '../stack/namespace';
import type { Answer, Command } from './command';
import type { Connections } from './connections';
import { monthsAhead, type Check } from './doctor-check';
import { checkDatabase } from './doctor-database';
import { checkTemporal } from './doctor-temporal';

export const doctor: Command = {
  name: 'doctor',
  summary: 'is everything in place? says what to do where it is not',
  action: {
    says: 'is everything in place?',
    options: { fix: { says: 'migrate, prepare the namespace, apply schedules, make partitions; then look again' } },
    notes: ['Exit code 1 if problems remain.'],
    examples: ['doctor', 'doctor --fix', 'doctor --json'],
    async run(call, connections) {
      const fixed = call.isSet('fix') && configProblems(connections).length === 0 ? await fix(connections) : [];
      return report(fixed, await examine(connections));
    },
  },
};

async function examine(connections: Connections): Promise<Check[]> {
  const problems = configProblems(connections);
  if (problems.length > 0) return problems.map((message) => ({ name: 'environment', status: 'problem', message }));
  const sources = describeSources(connections.config()).map((message): Check => ({
    name: 'source',
    status: 'ok',
    message,
  }));
  const [database, temporal] = await Promise.all([checkDatabase(connections), checkTemporal(connections)]);
  return [
    { name: 'environment', status: 'ok', message: 'all variables are right' },
    ...database,
    ...temporal,
    ...sources,
  ];
}

function configProblems(connections: Connections): readonly string[] {
  try {
    connections.config();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** What can be mended without a decision. What fails is not said here: it is found again by the look afterwards. */
async function fix(connections: Connections): Promise<string[]> {
  const done: string[] = [];
  const mend = async (work: () => Promise<readonly string[]>): Promise<void> => {
    await work().then(
      (lines) => done.push(...lines),
      (error: unknown) => done.push(`could not be mended: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  await mend(async () => (await migrateToLatest(await connections.db())).applied.map((name) => `applied ${name}`));
  await mend(async () =>
    (await ensurePartitionsAhead(await connections.db(), new Date(), monthsAhead)).map(
      (name) => `made partition ${name}`,
    ),
  );
  await mend(async () => {
    const { connection, namespace } = await connections.temporal();
    const { addedSearchAttributes, raisedRetentionDays } = await prepareNamespace(connection, namespace);
    return [
      ...addedSearchAttributes.map((name) => `added search attribute ${name}`),
      ...(raisedRetentionDays === undefined ? [] : [`raised the retention to ${raisedRetentionDays} days`]),
    ];
  });
  await mend(async () => {
    const { client, connection, namespace } = await connections.temporal();
    const changes = await applySchedules(client, connection, namespace);
    return changes.filter(({ change }) => change !== 'unchanged').map(({ id, change }) => `${change} schedule ${id}`);
  });
  return done;
}

function report(fixed: readonly string[], checks: readonly Check[]): Answer {
  const problems = checks.filter(({ status }) => status === 'problem');
  return {
    document: { ok: problems.length === 0, fixed, checks },
    lines: [...fixed, ...table(checks.map(({ name, status, message }) => [name, status, message]))],
    ...(problems.length > 0 && {
      exitCode: 1,
      problem: `${problems.length} of ${checks.length} checks found a problem - see the lines above - mend them, some by: npm run cli -- doctor --fix`,
    }),
  };
}

/** One line per source: key or none, what works, how fast, and where to get a key. Never the key itself. */
export function describeSources({ sources }: Pick<Config, 'sources'>): string[] {
  return table(
    [...sources.values()].map(({ source, plan, planName, apiKey, unusable, baseUrl }) => [
      source.name,
      apiKey === undefined ? 'no key' : 'key set',
      `plan ${planName}`,
      unusable ?? plan.says,
      speed(plan.limits),
      // a simulator or a proxy has to be seen
      baseUrl === plan.baseUrl ? '' : `at ${hostsOf(baseUrl)}`,
      apiKey === undefined && source.keyUrl ? `a key: ${source.keyUrl}` : '',
    ]),
  ).map((line) => line.replaceAll(/ {3,}(?=a key:)/g, '  '));
}

/** Of one endpoint, or of several. */
function hostsOf(baseUrl: string): string {
  return baseUrl
    .split(',')
    .map((each) => new URL(each.trim()).host)
    .join(', ');
}

function speed({ perSecond, perMinute, perDay, perMonth }: Limits): string {
  const limits = [
    [perSecond, 'a second'],
    [perMinute, 'a minute'],
    [perDay, 'a day'],
    [perMonth, 'a month'],
  ] as const;
  return (
    limits.flatMap(([limit, per]) => (limit === undefined ? [] : [`${limit} ${per}`])).join(', ') || 'no limit known'
  );
}

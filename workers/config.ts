import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import type { ConfiguredBulk, ConfiguredSource, Settings } from '../activities/deps';
import { tokensIn } from '../activities/http';
import { sources } from '../activities/registry';
import type { Limits, Plan, Source } from '../activities/source';
import { retentionOf } from './retention-config';
import { environmentNames } from './variables';

/** Everything that the environment says, read once, checked, frozen. The only reader of the environment. */
export interface Config {
  databaseUrl: string;
  databasePoolSize: number;
  temporal: ClientConnectConfig & { namespace: string };
  sources: ReadonlyMap<string, ConfiguredSource>;
  settings: Settings;
  shutdownGraceSeconds: number;
  /** values that must appear nowhere */
  secrets: readonly string[];
}

/** What `npm start`, `npm run demo` and `npm test` need beside it: where to find servers, and on which ports to start them. */
export interface StackConfig {
  databaseUrl?: string;
  temporal?: { address: string; namespace: string };
  namespace: string;
  commandPath: string;
  temporalPort?: number;
  temporalUiPort?: number;
  databasePort?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment with the file `.env` beneath it, where there is one. Empty values count as absent. */
export function environment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ''));
}

/** All problems of the environment in one message, each with what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`the environment is not right:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const port = z.coerce.number().int().min(1).max(65_535);
const positive = z.coerce.number().positive();

/** Reads and checks the environment. Throws ConfigError with all problems at once. */
export function readConfig(env: Environment = environment()): Config {
  const problems = new Problems(env);
  const databaseUrl = problems.required('DATABASE_URL', databaseUrlShape, 'mysql://user:password@host:3306/database');
  const config: Config = {
    databaseUrl,
    databasePoolSize: problems.read(
      'DATABASE_POOL_SIZE',
      z.coerce.number().int().min(2).max(200),
      10,
      'a whole number from 2 to 200',
    ),
    temporal: temporalConfig(env, problems),
    sources: new Map(sources.map((source) => [source.name, sourceConfig(source, problems)])),
    settings: {
      rejectShare: problems.read(
        'CRYPTOFLOW_REJECT_SHARE',
        z.coerce.number().min(0).max(1),
        0.05,
        'a share from 0 to 1',
      ),
      logRetentionDays: problems.read(
        'CRYPTOFLOW_LOG_RETENTION_DAYS',
        z.coerce.number().int().min(1),
        30,
        'whole days, at least 1',
      ),
      jumpFactor: problems.read('CRYPTOFLOW_JUMP_FACTOR', z.coerce.number().min(1.1), 10, 'a number of at least 1.1'),
      retention: retentionOf(problems.read.bind(problems), (problem) => problems.add(problem)),
      dataLabel: problems.read('CRYPTOFLOW_DATA_LABEL', z.string().trim(), null, 'a few words'),
      requestTimeoutMs: problems.read('CRYPTOFLOW_REQUEST_TIMEOUT_SECONDS', positive, 120, 'seconds') * 1_000,
      spool: {
        folder: problems.read(
          'CRYPTOFLOW_SPOOL_FOLDER',
          z.string().trim().min(1),
          path.join(tmpdir(), 'cryptoflow-spool'),
          'a folder',
        ),
        maxBytes: problems.read('CRYPTOFLOW_SPOOL_MB', positive, 2_048, 'a number above 0') * 1_000_000,
      },
      backup: backupConfig(problems, databaseUrl),
      // a terminated workflow's activity hears of it with its next heartbeat, within 20 s
      settleMs: 30_000,
    },
    shutdownGraceSeconds: problems.read('CRYPTOFLOW_SHUTDOWN_GRACE_SECONDS', positive, 20, 'seconds'),
    secrets: secretsOf(env, databaseUrl),
  };
  problems.unknownNames();
  problems.throwIfAny();
  return Object.freeze(config);
}

/** What the stack may use: servers that are given, and where to look for others. Throws ConfigError. */
export function readStackConfig(env: Environment = environment()): StackConfig {
  const problems = new Problems(env);
  const isGiven =
    env.TEMPORAL_ADDRESS !== undefined || env.TEMPORAL_PROFILE !== undefined || env.TEMPORAL_CONFIG_FILE !== undefined;
  const temporal = temporalConfig(env, problems);
  const result: StackConfig = {
    databaseUrl: problems.read('DATABASE_URL', databaseUrlShape, undefined, 'mysql://user:password@host:3306/database'),
    temporal: isGiven
      ? { address: temporal.connectionOptions.address ?? '127.0.0.1:7233', namespace: temporal.namespace }
      : undefined,
    namespace: temporal.namespace,
    commandPath: env.PATH ?? '',
    temporalPort: problems.read('CRYPTOFLOW_TEMPORAL_PORT', port, undefined, 'a port'),
    temporalUiPort: problems.read('CRYPTOFLOW_TEMPORAL_UI_PORT', port, undefined, 'a port'),
    databasePort: problems.read('CRYPTOFLOW_DATABASE_PORT', port, undefined, 'a port'),
  };
  problems.throwIfAny();
  return result;
}

const databaseUrlShape = z
  .url({ protocol: /^(mysql|mariadb)$/ })
  .refine((text) => new URL(text).pathname.length > 1, 'names no database');

function temporalConfig(env: Environment, problems: Problems): Config['temporal'] {
  try {
    const overrideEnvVars = Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const loaded = loadClientConnectConfig({ overrideEnvVars });
    const connectionOptions = { address: '127.0.0.1:7233', ...loaded.connectionOptions };
    return { ...loaded, connectionOptions, namespace: loaded.namespace ?? 'default' };
  } catch (error) {
    problems.add(`TEMPORAL_*: ${error instanceof Error ? error.message : String(error)}`);
    return { connectionOptions: {}, namespace: 'default' };
  }
}

const kept = z.coerce.number().int().min(1).max(10_000);
const bucket = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w./-]*)?$/;

function backupConfig(problems: Problems, databaseUrl: string): Settings['backup'] {
  const database = URL.canParse(databaseUrl) ? decodeURIComponent(new URL(databaseUrl).pathname.slice(1)) : '';
  return {
    to: problems.read(
      'CRYPTOFLOW_BACKUP_TO',
      z.string().refine((to) => path.isAbsolute(to) || bucket.test(to)),
      null,
      'the absolute path of a folder, or s3://bucket/prefix',
    ),
    s3Endpoint: problems.read('CRYPTOFLOW_BACKUP_S3_ENDPOINT', z.url({ protocol: /^https?$/ }), null, 'an http(s) URL'),
    keepDaily: problems.read('CRYPTOFLOW_BACKUP_KEEP_DAILY', kept, 14, 'whole days, at least 1'),
    keepWeekly: problems.read('CRYPTOFLOW_BACKUP_KEEP_WEEKLY', kept, 8, 'whole weeks, at least 1'),
    drillDatabase: `${database.replaceAll(/\W/g, '_').slice(0, 58)}_drill`,
  };
}

/** Paths are put behind it. A login in it would not be sent. */
const baseUrlShape = z.string().refine((text) => text.split(',').every((each) => isBaseUrl(each.trim())));
const baseUrlExpected = 'an http(s) URL without user, password, query and fragment, or several separated by commas';

function isBaseUrl(text: string): boolean {
  if (!z.url({ protocol: /^https?$/ }).safeParse(text).success) return false;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '');
}

function sourceConfig(source: Source, problems: Problems): ConfiguredSource {
  const prefix = source.name.toUpperCase();
  const apiKey = problems.read(`${prefix}_API_KEY`, z.string().trim().min(1), undefined, 'a key');
  const planNames = Object.keys(source.plans);
  const fallback = apiKey === undefined ? source.defaultPlan.withoutKey : source.defaultPlan.withKey;
  const planName = problems.read(
    `${prefix}_PLAN`,
    z.enum(planNames as [string, ...string[]]),
    fallback,
    `one of ${planNames.join(', ')}`,
  );
  const plan = source.plans[planName]!;
  if (plan.key && apiKey === undefined)
    problems.add(
      `${prefix}_PLAN is ${planName}, which needs ${prefix}_API_KEY${source.keyUrl ? `: ${source.keyUrl}` : ''}`,
    );
  if (!plan.key && apiKey !== undefined)
    problems.add(
      `${prefix}_API_KEY is set, but ${prefix}_PLAN ${planName} sends no key: set ${prefix}_PLAN to ${source.defaultPlan.withKey}`,
    );
  const limits: Limits = { ...plan.limits };
  const perMinute = problems.read(`${prefix}_PER_MINUTE`, positive, undefined, 'a number above 0');
  const perDay = problems.read(`${prefix}_PER_DAY`, positive, undefined, 'a number above 0');
  const perMonth = problems.read(`${prefix}_PER_MONTH`, positive, undefined, 'a number above 0');
  if (perMinute !== undefined) Object.assign(limits, { perMinute, perSecond: undefined });
  if (perDay !== undefined) limits.perDay = perDay;
  if (perMonth !== undefined) limits.perMonth = perMonth;
  const baseUrl = problems.read(`${prefix}_BASE_URL`, baseUrlShape, plan.baseUrl, baseUrlExpected);
  const pagesPerRun = problems.read(
    `${prefix}_PAGES_PER_RUN`,
    z.coerce.number().int().min(1),
    plan.pagesPerRun,
    'a whole number above 0',
  );
  const bulk = plan.bulk && bulkConfig(plan.bulk, prefix, problems);
  return { source, planName, plan: { ...plan, limits, pagesPerRun }, baseUrl, apiKey, ...(bulk ? { bulk } : {}) };
}

/** Who sends the API's requests elsewhere (to a proxy, or a simulator) has to say where the files are. */
function bulkConfig(host: NonNullable<Plan['bulk']>, prefix: string, problems: Problems): ConfiguredBulk {
  const isElsewhere = problems.isSet(`${prefix}_BASE_URL`) && !problems.isSet(`${prefix}_DUMPS_URL`);
  const speed = problems.read(`${prefix}_DUMPS_KB_PER_SECOND`, positive, undefined, 'a number above 0');
  const hours = problems.read(`${prefix}_DUMPS_WAIT_HOURS`, z.coerce.number().min(0).max(240), 20, 'hours, 0 to 240');
  return {
    ...host,
    mode: problems.read(
      `${prefix}_MODE`,
      z.enum(['dumps', 'auto', 'api']),
      isElsewhere ? 'api' : 'auto',
      'one of dumps, auto, api',
    ),
    baseUrl: problems.read(`${prefix}_DUMPS_URL`, z.url({ protocol: /^https?$/ }), host.baseUrl, 'an http(s) URL'),
    ...(speed === undefined ? {} : { bytesPerSecond: speed * 1_000 }),
    waitMs: hours * 3_600_000,
  };
}

function secretsOf(env: Environment, databaseUrl: string): string[] {
  const keys = sources.map((source) => env[`${source.name.toUpperCase()}_API_KEY`]?.trim());
  const password = URL.canParse(databaseUrl) ? decodeURIComponent(new URL(databaseUrl).password) : undefined;
  // of the bucket for backups: the SDK reads them itself
  const s3 = [env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN];
  // gateways want their token in the path
  const tokens = sources.flatMap((source) =>
    ['BASE_URL', 'DUMPS_URL'].flatMap((name) =>
      (env[`${source.name.toUpperCase()}_${name}`] ?? '').split(',').flatMap((each) => tokensIn(each.trim())),
    ),
  );
  return [...keys, ...s3, ...tokens, env.TEMPORAL_API_KEY, password].filter(
    (secret): secret is string => secret !== undefined && secret.length >= 4,
  );
}

/** Others set variables of these names too: CI systems (GITHUB_ACTIONS …), and Azure's database. */
const sharedPrefixes = ['GITHUB_', 'COSMOS_'];

/** Collects what is wrong, so that all of it is said at once. */
class Problems {
  private readonly found: string[] = [];

  constructor(private readonly env: Environment) {}

  add(problem: string): void {
    this.found.push(problem);
  }

  isSet(name: string): boolean {
    return this.env[name] !== undefined;
  }

  read<T, F>(name: string, shape: z.ZodType<T>, fallback: F, expected: string): T | F {
    const value = this.env[name];
    if (value === undefined) return fallback;
    const parsed = shape.safeParse(value);
    if (parsed.success) return parsed.data;
    // values of keys and URLs may be secret: they are not repeated
    const shown = /KEY|URL/.test(name) ? '' : `"${value}" `;
    this.add(`${name} ${shown}is not ${expected}`);
    return fallback;
  }

  required(name: string, shape: z.ZodType<string>, expected: string): string {
    if (this.env[name] === undefined) this.add(`${name} is missing; it looks like ${expected}`);
    return this.read(name, shape, '', `of the form ${expected}`);
  }

  /** A misspelt name would silently mean the default. */
  unknownNames(): void {
    const prefixes = ['CRYPTOFLOW_', ...sources.map((source) => `${source.name.toUpperCase()}_`)].filter(
      (prefix) => !sharedPrefixes.includes(prefix),
    );
    for (const name of Object.keys(this.env)) {
      const prefix = prefixes.find((each) => name.startsWith(each));
      if (prefix === undefined || environmentNames.includes(name)) continue;
      const known = environmentNames.filter((each) => each.startsWith(prefix));
      this.add(`${name} is not a variable of cryptoflow; known: ${known.join(', ')}`);
    }
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw new ConfigError(this.found);
  }
}

import { sources } from '../activities/registry';
import type { Source } from '../activities/source';
import { retentionVariables } from './retention-config';

// What can be set, for people: the README's table, .env.example, and the names that are known. `config.ts` reads them.

export interface Variable {
  name: string;
  default: string;
  says: string;
  /** the row of the README's table that it shares with others: '`TEMPORAL_TLS_…`' */
  row?: string;
}

const backups = 'CRYPTOFLOW_BACKUP_…';
const spool = 'CRYPTOFLOW_SPOOL_…';
const ports = 'CRYPTOFLOW_…_PORT';

const general: readonly Variable[] = [
  {
    name: 'DATABASE_URL',
    default: 'none: `npm start` and `npm run demo` start a private one',
    says: 'MySQL 8.4+ or MariaDB 10.11+: `mysql://user:password@host:3306/database`, `?ssl=true` for TLS',
  },
  { name: 'DATABASE_POOL_SIZE', default: '10', says: 'connections of one process' },
  { name: 'TEMPORAL_ADDRESS', default: '127.0.0.1:7233', says: 'host and port of the Temporal server' },
  { name: 'TEMPORAL_NAMESPACE', default: 'default', says: 'namespace' },
  { name: 'TEMPORAL_API_KEY', default: 'none', says: 'API key of Temporal Cloud; turns TLS on' },
  { name: 'TEMPORAL_TLS', default: 'false', says: '`true` for TLS' },
  { name: 'TEMPORAL_TLS_CLIENT_CERT_PATH', default: 'none', says: 'mTLS certificate', row: 'TEMPORAL_TLS_…' },
  { name: 'TEMPORAL_TLS_CLIENT_KEY_PATH', default: 'none', says: 'mTLS key', row: 'TEMPORAL_TLS_…' },
  { name: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH', default: 'none', says: 'CA of the server', row: 'TEMPORAL_TLS_…' },
  {
    name: 'TEMPORAL_TLS_SERVER_NAME',
    default: 'none',
    says: 'name to expect in its certificate',
    row: 'TEMPORAL_TLS_…',
  },
  { name: 'TEMPORAL_PROFILE', default: 'default', says: 'profile of the Temporal configuration file' },
  { name: 'TEMPORAL_CONFIG_FILE', default: "the Temporal CLI's own", says: 'configuration file with profiles' },
  {
    name: 'CRYPTOFLOW_REJECT_SHARE',
    default: '0.05',
    says: 'share of rejected rows above which a page stays invisible and its run fails',
  },
  {
    name: 'CRYPTOFLOW_LOG_RETENTION_DAYS',
    default: '30',
    says: "days that log rows are kept; a date's state is never deleted",
  },
  {
    name: 'CRYPTOFLOW_JUMP_FACTOR',
    default: '10',
    says: 'a collected value that is so many times larger or smaller than the last is reported (and kept)',
  },
  ...retentionVariables,
  { name: 'CRYPTOFLOW_REQUEST_TIMEOUT_SECONDS', default: '120', says: 'whole time of one request to a source' },
  {
    name: 'CRYPTOFLOW_DATA_LABEL',
    default: 'none',
    says: 'words that mark what this worker ingests, such as `simulated data`',
  },
  {
    name: 'CRYPTOFLOW_SPOOL_FOLDER',
    default: 'cryptoflow-spool in the folder for temporary files',
    says: 'where downloads of whole days lie until they are loaded; on a disk that outlives the worker a download goes on',
    row: spool,
  },
  { name: 'CRYPTOFLOW_SPOOL_MB', default: '2048', says: 'how large that folder may grow', row: spool },
  { name: 'CRYPTOFLOW_SHUTDOWN_GRACE_SECONDS', default: '20', says: 'time that running pages get when a worker stops' },
  {
    name: 'CRYPTOFLOW_BACKUP_TO',
    default: 'none: `backupDatabase` ends as skipped',
    says: 'where backups go: the absolute path of a folder that all workers share, or `s3://bucket/prefix`',
    row: backups,
  },
  { name: 'CRYPTOFLOW_BACKUP_KEEP_DAILY', default: '14', says: 'days of which backups are kept', row: backups },
  { name: 'CRYPTOFLOW_BACKUP_KEEP_WEEKLY', default: '8', says: 'weeks of which the full backup is kept', row: backups },
  {
    name: 'CRYPTOFLOW_BACKUP_S3_ENDPOINT',
    default: "AWS's own",
    says: 'URL of another S3-compatible service; region and keys are `AWS_REGION`, `AWS_ACCESS_KEY_ID` and the like',
    row: backups,
  },
  {
    name: 'CRYPTOFLOW_TEMPORAL_PORT',
    default: 'a free one',
    says: 'port of the Temporal server that `npm start` and `npm run demo` start',
    row: ports,
  },
  { name: 'CRYPTOFLOW_TEMPORAL_UI_PORT', default: 'a free one', says: 'port of its UI', row: ports },
  { name: 'CRYPTOFLOW_DATABASE_PORT', default: 'a free one', says: 'port of the private database', row: ports },
];

function variablesOf(source: Source): Variable[] {
  const prefix = source.name.toUpperCase();
  const plans = Object.keys(source.plans);
  const { withoutKey, withKey } = source.defaultPlan;
  return [
    {
      name: `${prefix}_API_KEY`,
      default: 'none',
      says: `key of ${source.label}${source.keyUrl ? ` (${source.keyUrl})` : ''}`,
    },
    {
      name: `${prefix}_PLAN`,
      default: `\`${withoutKey}\`; with a key \`${withKey}\``,
      says: plans.map((plan) => `\`${plan}\``).join(', '),
    },
    {
      name: `${prefix}_BASE_URL`,
      default: [...new Set(Object.values(source.plans).map((plan) => plan.baseUrl))].join(', '),
      says: 'where the API is, or several that are asked in turn; what looks like a token in a path is kept secret like a key',
    },
    {
      name: `${prefix}_PER_MINUTE`,
      default: "the plan's",
      says: 'requests a minute that the source documents; nine tenths of it are used',
      row: `${prefix}_PER_…`,
    },
    {
      name: `${prefix}_PER_DAY`,
      default: "the plan's",
      says: 'quota of a UTC day in the units of the source',
      row: `${prefix}_PER_…`,
    },
    { name: `${prefix}_PER_MONTH`, default: "the plan's", says: 'quota of a month', row: `${prefix}_PER_…` },
    {
      name: `${prefix}_PAGES_PER_RUN`,
      default: Object.entries(source.plans)
        .map(([name, plan]) => `${name} ${plan.pagesPerRun}`)
        .join(', '),
      says: 'requests after which a run ends as partial',
    },
    ...(Object.values(source.plans).some((plan) => plan.bulk) ? bulkVariablesOf(source, prefix) : []),
  ];
}

function bulkVariablesOf(source: Source, prefix: string): Variable[] {
  const hosts = Object.values(source.plans).flatMap((plan) => plan.bulk ?? []);
  const row = `${prefix}_DUMPS_…`;
  return [
    {
      name: `${prefix}_MODE`,
      default: `\`auto\`; with ${prefix}_BASE_URL and without ${prefix}_DUMPS_URL \`api\``,
      says: '`dumps`: whole days from files; `api`: the API alone; `auto`: the file, and until it is published the API',
    },
    {
      name: `${prefix}_DUMPS_URL`,
      default: [...new Set(hosts.map((host) => host.baseUrl))].join(', '),
      says: 'where the files are',
      row,
    },
    {
      name: `${prefix}_DUMPS_WAIT_HOURS`,
      default: '20',
      says: 'how long a run waits for a file that is not published',
      row,
    },
    {
      name: `${prefix}_DUMPS_KB_PER_SECOND`,
      default: "the plan's",
      says: 'speed at which files are downloaded, in 1,000 bytes a second',
      row,
    },
  ];
}

/** All environment variables, in the order of the README's table. */
export const variables: readonly Variable[] = [...general, ...sources.flatMap(variablesOf)];
export const environmentNames: readonly string[] = variables.map((variable) => variable.name);

/** What every source can be given, in the README's words: `<SOURCE>` is its name. */
const ofEverySource: readonly Variable[] = [
  { name: '<SOURCE>_API_KEY', default: 'none', says: 'key of the source' },
  { name: '<SOURCE>_PLAN', default: 'below', says: 'what the source allows: one of its plans' },
  {
    name: '<SOURCE>_BASE_URL',
    default: "the plan's",
    says: 'where the API is, or several that are asked in turn; what looks like a token in a path is kept secret like a key',
  },
  ...variablesOf(sources[0]!)
    .filter(({ name }) => /_PER_|_PAGES_/.test(name))
    .map(({ name, says, row }) => {
      const ofAll = (text: string): string => text.replace(/^[A-Z]+/, '<SOURCE>');
      return { name: ofAll(name), default: "the plan's", says, row: row && ofAll(row) };
    }),
];

/** A source in one row: its variables begin with its name; and what only it has. */
function sourceRows(source: Source): Variable[] {
  const own = Object.values(source.plans).some((plan) => plan.bulk)
    ? bulkVariablesOf(source, source.name.toUpperCase())
    : [];
  return [sourceRow(source), ...own];
}

function sourceRow({ name, plans, defaultPlan, keyUrl, licence }: Source): Variable {
  const { withoutKey, withKey } = defaultPlan;
  const hosts = [...new Set(Object.values(plans).map((plan) => plan.baseUrl))].join(', ');
  const names = Object.keys(plans).map((plan) => `\`${plan}\``);
  const key = keyUrl === undefined ? '' : `key: ${keyUrl}; `;
  return {
    name: `${name.toUpperCase()}_…`,
    default: withKey === withoutKey ? `\`${withoutKey}\`` : `\`${withoutKey}\`; with a key \`${withKey}\``,
    says: `${names.length > 1 ? `${names.join(', ')}; ` : ''}${hosts}; ${key}data: ${licence}`,
  };
}

/** Variables that share a row, in one: what is its own of each name, and what it says. */
function inRows(all: readonly Variable[]): Variable[] {
  const rows = new Map<string, Variable>();
  for (const variable of all) {
    const { row, name, says } = variable;
    if (row === undefined) {
      rows.set(name, variable);
      continue;
    }
    const [before = '', after = ''] = row.split('…');
    const own = `\`${name.slice(before.length, name.length - after.length)}\` (${variable.default}): ${says}`;
    const first = rows.get(row);
    rows.set(row, { name: row, default: 'in brackets', says: first ? `${first.says}; ${own}` : own });
  }
  return [...rows.values()];
}

/** The README's table of all variables, in Markdown. */
export function configurationTable(): string {
  const rows = inRows([...general, ...ofEverySource, ...sources.flatMap(sourceRows)]).map(
    (variable) => `| \`${variable.name}\` | ${variable.default} | ${variable.says} |\n`,
  );
  return ['| variable | default | what it says |\n', '|---|---|---|\n', ...rows].join('');
}

/** The text of `.env.example`: all variables without a value, which is the same as leaving them out. */
export function environmentExample(): string {
  const entries = variables.map(
    (variable) =>
      `# ${variable.says.replaceAll('`', '')}\n# default: ${variable.default.replaceAll('`', '')}\n${variable.name}=\n`,
  );
  return [
    '# Copy this file to .env and fill in what you need. A variable of the shell goes before one of this file.\n',
    ...entries,
  ].join('\n');
}

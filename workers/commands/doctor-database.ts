import { sql, type Kysely } from 'kysely';
import { redactDatabaseUrl } from '../../db/connect';
import { schemaState } from '../../db/migrate';
import { listProposals } from '../../db/queries/coin-proposals';
import { catchAllRows } from '../../db/partitions';
import type { Schema } from '../../db/schema';
import type { Connections } from './connections';
import { monthsAhead, type Check } from './doctor-check';

/** Oldest versions that the tests run on. */
const oldest = { MariaDB: [10, 11], MySQL: [8, 4] } as const;

export async function checkDatabase(connections: Connections): Promise<Check[]> {
  const where = redactDatabaseUrl(connections.config().databaseUrl);
  let db: Kysely<Schema>;
  try {
    db = await connections.db();
  } catch (error) {
    return [{ name: 'database', status: 'problem', message: error instanceof Error ? error.message : String(error) }];
  }
  const { rows } = await sql<{ version: string; charset: string; local_files: number }>`
    SELECT VERSION() AS version, @@character_set_database AS charset, @@local_infile AS local_files`.execute(db);
  const { version, charset, local_files } = rows[0]!;
  const { state, detail } = await schemaState(db);
  return [
    checkVersion(version, where),
    charset === 'utf8mb4'
      ? { name: 'charset', status: 'ok', message: charset }
      : {
          name: 'charset',
          status: 'problem',
          message: `new tables would be in ${charset}: ALTER DATABASE … CHARACTER SET utf8mb4`,
        },
    local_files === 1
      ? { name: 'local_infile', status: 'ok', message: 'on' }
      : {
          name: 'local_infile',
          status: 'note',
          message: 'off: bulk loads take slower INSERTs; SET GLOBAL local_infile = 1 on the server',
        },
    { name: 'schema', status: state === 'current' ? 'ok' : 'problem', message: detail },
    ...(state === 'current' ? [await checkPartitions(db), ...(await checkCoins(db))] : []),
  ];
}

function checkVersion(version: string, where: string): Check {
  const product = version.includes('MariaDB') ? 'MariaDB' : 'MySQL';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = oldest[product];
  const isOld = major < needMajor || (major === needMajor && minor < needMinor);
  if (!isOld) return { name: 'database', status: 'ok', message: `${product} ${version} at ${where}` };
  return {
    name: 'database',
    status: 'problem',
    message: `${product} ${version} at ${where} is too old: ${needMajor}.${needMinor} or newer is needed`,
  };
}

async function checkPartitions(db: Kysely<Schema>): Promise<Check> {
  const now = new Date();
  const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + monthsAhead)).toISOString().slice(0, 7);
  const wanted = `p${month.replace('-', '')}`;
  const { rows } = await sql<{ name: string; has_month: number }>`
    SELECT TABLE_NAME AS name, MAX(PARTITION_NAME = ${wanted}) AS has_month FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND PARTITION_NAME IS NOT NULL GROUP BY TABLE_NAME ORDER BY TABLE_NAME`.execute(db);
  const without = rows.filter((row) => Number(row.has_month) === 0).map((row) => row.name);
  if (without.length > 0)
    return {
      name: 'partitions',
      status: 'problem',
      message: `${without.join(', ')} have none for ${month}: npm run cli -- doctor --fix`,
    };
  const strays = await catchAllRows(db);
  if (strays.length === 0) return { name: 'partitions', status: 'ok', message: `up to ${month}` };
  const places = strays.map(({ table, partition }) => `${table}.${partition}`).join(', ');
  return {
    name: 'partitions',
    status: 'note',
    message: `${places} hold rows of no month of their own: queries by time read them all`,
  };
}

/** What syncCoins left to an operator, where there is something. */
async function checkCoins(db: Kysely<Schema>): Promise<Check[]> {
  const names = (await listProposals(db)).map(({ coinId }) => coinId);
  if (names.length === 0) return [];
  const message = `CoinGecko sees ${names.join(', ')} differently: npm run cli -- coins list says how`;
  return [{ name: 'coins', status: 'note', message }];
}

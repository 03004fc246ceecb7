import { retainFamily, start } from '../../activities/retention/family';
import type { Cutoffs } from '../../activities/retention/policies';
import { openDatabase } from '../../db/connect';
import { familyOf } from '../../db/families';
import { crashPoints, type CrashPoint } from './crash-points';

// A process that runs retention as a worker does, and kills itself with SIGKILL at a crash point: nothing of it knows.

export interface CrashTask {
  url: string;
  logId: number;
  cutoffs: Cutoffs;
  /** name of the point; without one it runs to the end */
  point?: string;
  /** at which of its times */
  occurrence: number;
}

async function run({ url, logId, cutoffs, point, occurrence }: CrashTask): Promise<void> {
  const database = openDatabase(url);
  const at = crashPoints.find(({ name }) => name === point);
  if (at) killAt(database.pool, at, occurrence);
  const work = { db: database.db, family: familyOf('onchain_data'), logId, cutoffs, isTimeUp: () => false };
  await retainFamily(work, { ...start, pace: { size: 3 } });
  await database.close();
}

type Pool = ReturnType<typeof openDatabase>['pool'];

function killAt(pool: Pool, { statement, when }: CrashPoint, occurrence: number): void {
  const getConnection = pool.getConnection.bind(pool);
  const watched = new WeakSet<object>();
  let left = occurrence;
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  pool.getConnection = async () => {
    const connection = await getConnection();
    if (watched.has(connection)) return connection;
    watched.add(connection);
    const query = connection.query.bind(connection) as (options: { sql: string }) => Promise<unknown>;
    Object.assign(connection, {
      async query(options: { sql: string }) {
        const isIt = statement.test(options.sql) && --left === 0;
        if (isIt && when === 'before') die();
        const answer = query(options);
        // it has left this process, and the server is at it
        if (isIt && when === 'sent') setTimeout(die, Math.random() * 3);
        const result = await answer;
        if (isIt) die();
        return result;
      },
    });
    return connection;
  };
}

process.once('message', (task: CrashTask) => {
  run(task)
    .then(() => process.exit(0))
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exit(1);
    });
});
process.once('disconnect', () => process.exit(0));

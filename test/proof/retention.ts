import { sql } from 'kysely';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import { projectFolder } from '../../workers/stack/stack';
import { builtChild, sweep } from '../retention/sweep';
import { benchServer, makeDatabase } from './bench-database';
import type { ProofTools } from './proof';

/** 20 kills at each crash point of retention, on 10,560 rows, with writers running meanwhile. */
export async function proveRetention({ say, cleanup }: ProofTools) {
  const url = await makeDatabase(await benchServer('proof-retention', { say, cleanup }), cleanup);
  const { db, close } = openDatabase(url, { poolSize: 6 });
  cleanup.add(close);
  await migrateToLatest(db);
  const version = (await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db)).rows[0]!.version;
  const child = builtChild(projectFolder);
  const { figures, problems } = await sweep({ db, url, coins: 10, days: 11, rounds: 20, child, say });
  return { figures: { database: version, ...figures }, problems };
}

import { performance } from 'node:perf_hooks';
import { sql } from 'kysely';
import { openDatabase } from '../../db/connect';
import { migrateToLatest } from '../../db/migrate';
import { chainQuestions, fillChain, tooMuchRead } from '../db/chain-plans';
import { benchServer, makeDatabase } from './bench-database';
import type { ProofTools } from './proof';

/** Slower than this, and a person waits. */
const slowMs = 2_000;

/** What analysts ask of the chain tables, on 100 days of Bitcoin. DATABASE_URL: on that server. */
export async function proveChain({ say, cleanup, isSmall }: ProofTools) {
  const rows = isSmall ? 2_000_000 : 50_000_000;
  const perDay = 500_000;
  const { db, close } = openDatabase(await makeDatabase(await benchServer('proof-chain', { say, cleanup }), cleanup));
  cleanup.add(close);
  await migrateToLatest(db);
  const version = (await sql<{ version: string }>`SELECT VERSION() AS version`.execute(db)).rows[0]!.version;
  const known = await fillChain(db, { rows, days: rows / perDay }, say);
  const problems: string[] = [];
  const tookMs: Record<string, number> = {};
  for (const question of chainQuestions) {
    const { says, query } = question;
    const read = await tooMuchRead(db, question, known, perDay);
    if (read !== undefined) problems.push(`${says}: reads ${read}`);
    const from = performance.now();
    await query(known).execute(db);
    tookMs[says] = Math.round(performance.now() - from);
    say(`${says}  ${tookMs[says]} ms`);
    if (tookMs[says] > slowMs) problems.push(`${says}: took ${tookMs[says]} ms`);
  }
  return { figures: { database: version, rows, tookMs }, problems };
}

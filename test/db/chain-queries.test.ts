import type { Kysely } from 'kysely';
import { migrateToLatest } from '../../db/migrate';
import type { Schema } from '../../db/schema';
import { databases, freshDatabase } from '../databases';
import { chainQuestions, fillChain, tooMuchRead, type Known } from './chain-plans';

// The same at 50 million rows: npm run proof -- chain

describe.each(databases())('questions to 200,000 transactions, on $name', (server) => {
  let db: Kysely<Schema>;
  let known: Known;
  const days = 23;
  const rows = 200_000;
  beforeAll(async () => {
    ({ db } = await freshDatabase(server));
    await migrateToLatest(db);
    known = await fillChain(db, { rows, days });
  });

  test.each(chainQuestions)('$says: one partition or a range of an index', async (question) => {
    expect(await tooMuchRead(db, question, known, rows / days)).toBeUndefined();
  });
});

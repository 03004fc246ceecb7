import path from 'node:path';
import { migrateToLatest } from '../../db/migrate';
import { builtChild, sweep } from '../retention/sweep';
import { databases, freshDatabase } from '../databases';

// the full one: npm run proof -- retention
test.each(databases())('killed at every point once on $name: nothing lost, nothing counted twice', async (server) => {
  const { db, url } = await freshDatabase(server);
  await migrateToLatest(db);
  const { figures, problems } = await sweep({
    ...{ db, url, coins: 3, days: 11, rounds: 1, child: builtChild(path.join(__dirname, '..', '..')) },
    say: () => undefined,
  });
  expect(problems).toEqual([]);
  expect(figures).toMatchObject({
    rows: 3 * 11 * 96,
    kills: figures.points,
    lost: 0,
    countedTwice: 0,
    roundsThatDiffer: 0,
  });
  expect(figures.points).toBeGreaterThanOrEqual(12);
  expect(figures.writes).toBeGreaterThan(20);
});

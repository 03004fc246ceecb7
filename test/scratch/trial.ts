import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { openDatabase } from '../../db/connect';
import { familyOf } from '../../db/families';
import { migrateToLatest } from '../../db/migrate';
import { retainFamily } from '../../activities/retention/family';
import { fillDetail, daysFrom } from '../retention/detail-rows';
async function main() {
  for (const base of process.argv.slice(2)) {
    const name = `trial_${randomBytes(3).toString('hex')}`;
    const admin = openDatabase(base);
    await admin.pool.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    const url = new URL(base); url.pathname = `/${name}`;
    const { db, close } = openDatabase(url.href);
    try {
      await migrateToLatest(db);
      const family = familyOf('onchain_data');
      const coins = Array.from({ length: 50 }, (_, i) => `coin-${String(i).padStart(2, '0')}`);
      let t = Date.now();
      await fillDetail(db, family, { coins, days: daysFrom('2026-05-01', 20), sources: process.env.OBS ? ['a', 'b', 'c', 'd', 'e', 'f'] : [] });
      console.log(base, 'filled', Date.now() - t);
      t = Date.now();
      const chunks: number[] = [];
      const rest = await retainFamily({ db, family, logId: 1, cutoffs: { detail: '2026-05-21', aggregated: '2026-05-01', summary: '2020-01-01' }, isTimeUp: () => false, onChunk: (ms) => chunks.push(ms) });
      console.log('20 days', Date.now() - t, rest, chunks.length, 'chunks', 'max', Math.max(...chunks), chunks.map((c) => Math.round(c)).join(' '));
      console.log((await sql`SELECT COUNT(*), SUM(sample_count), (SELECT COUNT(*) FROM onchain_data) AS det, (SELECT COUNT(*) FROM source_observations) AS obs, (SELECT SUM(BIT_COUNT(slots_low)+BIT_COUNT(slots_high)) FROM retention_ledger) led FROM onchain_data_aggregated`.execute(db)).rows);
      t = Date.now();
      await retainFamily({ db, family, logId: 1, cutoffs: { detail: '2026-06-21', aggregated: '2026-06-01', summary: '2020-01-01' }, isTimeUp: () => false, onChunk: (ms) => chunks.push(ms) });
      console.log('summary', Date.now() - t, (await sql`SELECT COUNT(*), SUM(sample_count) FROM onchain_data_summary`.execute(db)).rows, (await sql`SELECT PARTITION_NAME n, PARTITION_DESCRIPTION d FROM information_schema.PARTITIONS WHERE TABLE_NAME='onchain_data' AND TABLE_SCHEMA=DATABASE() LIMIT 2`.execute(db)).rows);
    } finally {
      await close();
      await admin.pool.query(`DROP DATABASE ${name}`);
      await admin.close();
    }
  }
}
void main();

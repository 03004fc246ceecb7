import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../db/connect';
import { familyOf } from '../../db/families';
import { migrateToLatest } from '../../db/migrate';
import { aggregateDay } from '../../activities/retention/chunks';
import { fillDetail, daysFrom } from '../retention/detail-rows';
async function main() {
  for (const base of process.argv.slice(2)) {
    const name = `trial_${randomBytes(3).toString('hex')}`;
    const admin = openDatabase(base);
    await admin.pool.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    const url = new URL(base); url.pathname = `/${name}`;
    const { db, pool, close } = openDatabase(url.href);
    try {
      await migrateToLatest(db);
      const family = familyOf('onchain_data');
      const coins = Array.from({ length: 50 }, (_, i) => `coin-${String(i).padStart(2, '0')}`);
      const days = daysFrom('2026-05-01', 10);
      await fillDetail(db, family, { coins, days });
      const times = new Map<string, number>();
      const getConnection = pool.getConnection.bind(pool);
      pool.getConnection = async () => {
        const c = await getConnection();
        if (!(c as any).wrapped) {
          (c as any).wrapped = true;
          const q = c.query.bind(c);
          (c as any).query = async (sql: string, params: any) => {
            const t = performance.now();
            const r = await q(sql, params);
            const key = sql.trim().slice(0, 60).replace(/\s+/g, ' ');
            times.set(key, (times.get(key) ?? 0) + performance.now() - t);
            return r;
          };
        }
        return c;
      };
      const t = performance.now();
      const cpu = process.cpuUsage();
      for (const day of days) await aggregateDay({ db, family, logId: 1 }, day, coins);
      console.log(base, 'per day', (performance.now() - t) / days.length, 'node cpu', process.cpuUsage(cpu).user / 1000 / days.length);
      for (const [k, v] of times) console.log((v / days.length).toFixed(1).padStart(8), k);
    } finally {
      await close();
      await admin.pool.query(`DROP DATABASE ${name}`);
      await admin.close();
    }
  }
}
void main();

import { performance } from 'node:perf_hooks';

/** Admits a number of requests in any span of time, per key; counts by the real clock, also when the world's stands. */
export interface Window {
  /** 0 when the request is admitted, else the milliseconds until one would be. Refused requests do not count. */
  take(key: string): number;
}

export function createWindow(most: number, perMs: number): Window {
  const admitted = new Map<string, number[]>();
  return {
    take(key) {
      const now = performance.now();
      const recent = (admitted.get(key) ?? []).filter((at) => at > now - perMs);
      admitted.set(key, recent);
      const oldest = recent[0];
      if (recent.length >= most && oldest !== undefined) return Math.max(1, oldest + perMs - now);
      recent.push(now);
      return 0;
    },
  };
}

/** Points spent per key and UTC day, by the world's clock. */
export interface DailyPoints {
  /** Adds a cost; false, and nothing added, when the day's points are used up. */
  spend(key: string, date: string, cost: number): boolean;
}

export function createDailyPoints(most: number): DailyPoints {
  const spent = new Map<string, number>();
  return {
    spend(key, date, cost) {
      const before = spent.get(`${key} ${date}`) ?? 0;
      if (before + cost > most) return false;
      spent.set(`${key} ${date}`, before + cost);
      return true;
    },
  };
}

/** A moment at which a process that runs retention is killed: around one of its statements. */
export interface CrashPoint {
  name: string;
  statement: RegExp;
  /** sent: a moment after the server has got it, without an answer */
  when: 'before' | 'sent' | 'after';
}

export const crashPoints: readonly CrashPoint[] = [
  { name: 'before a chunk begins', statement: /^begin/, when: 'before' },
  { name: 'ledger rows made', statement: /^insert into `retention_ledger`(?!.*slots_low)/s, when: 'after' },
  { name: 'ledger held', statement: /^select `coin_id`, `slots_low`.*for update/s, when: 'after' },
  { name: 'rows being condensed', statement: /^\s*SELECT d\.coin_id, COUNT/, when: 'sent' },
  { name: 'rows condensed', statement: /^\s*SELECT d\.coin_id, COUNT/, when: 'after' },
  { name: 'first and last values read', statement: /^\s*SELECT coin_id, timestamp_iso/, when: 'after' },
  { name: 'daily values being merged', statement: /INSERT INTO `onchain_data_aggregated`/, when: 'sent' },
  { name: 'daily values merged', statement: /INSERT INTO `onchain_data_aggregated`/, when: 'after' },
  { name: 'slots marked', statement: /^insert into `retention_ledger`.*slots_low/s, when: 'after' },
  { name: 'rows being deleted', statement: /DELETE d FROM `onchain_data`/, when: 'sent' },
  { name: 'rows deleted', statement: /DELETE d FROM `onchain_data`/, when: 'after' },
  { name: 'observations deleted', statement: /DELETE o FROM source_observations/, when: 'after' },
  { name: 'page counted', statement: /^insert into `ingestion_pages`/, when: 'after' },
  { name: 'units noted', statement: /INSERT INTO changed_units/, when: 'after' },
  { name: 'COMMIT sent', statement: /^commit/, when: 'sent' },
  { name: 'COMMIT answered', statement: /^commit/, when: 'after' },
  { name: 'monthly values merged', statement: /INSERT INTO `onchain_data_summary`/, when: 'after' },
  { name: 'daily values deleted', statement: /DELETE FROM `onchain_data_aggregated`/, when: 'after' },
  { name: 'partitions being merged', statement: /REORGANIZE PARTITION/, when: 'sent' },
];

/** Points that come when all detail is counted: in a sweep they are the last. */
export const latePoints: ReadonlySet<string> = new Set(crashPoints.slice(-3).map(({ name }) => name));

export const lastPoint = crashPoints.at(-1)!.name;

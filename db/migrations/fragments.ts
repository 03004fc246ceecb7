// Pieces of SQL that the first migrations share. Frozen with them: a later migration brings its own.

export const TABLE = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci';
/** Ids, hashes, keys. */
export const ASCII = 'CHARACTER SET ascii COLLATE ascii_bin';
/** Text that people write and that is compared as written. */
export const EXACT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
export const STAMPS = `created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'When the row was written first (UTC)',
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'When a column of the row last changed (UTC)'`;
export const LOG_ID = `log_id BIGINT UNSIGNED NOT NULL COMMENT 'Run (data_ingestion_logs.id) that last changed the row'`;

export type Statement = readonly [name: string, sql: string];

/** p_before, one partition a month from 2026-01 to 2027-12, p_future; checkHealth makes more, ahead of time. */
export function monthly(column: string): string {
  const months = Array.from({ length: 24 }, (_, month) => {
    const name = new Date(Date.UTC(2026, month)).toISOString().slice(0, 7).replace('-', '');
    const end = new Date(Date.UTC(2026, month + 1)).toISOString().slice(0, 10);
    return `PARTITION p${name} VALUES LESS THAN ('${end} 00:00:00')`;
  });
  const all = [
    `PARTITION p_before VALUES LESS THAN ('2026-01-01 00:00:00')`,
    ...months,
    'PARTITION p_future VALUES LESS THAN (MAXVALUE)',
  ];
  return `PARTITION BY RANGE COLUMNS (${column}) (\n  ${all.join(',\n  ')}\n)`;
}

import type { Statement } from './fragments';

export const id = '0009';

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'changed_units',
    `CREATE TABLE IF NOT EXISTS changed_units (
  table_name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Table whose rows were written or deleted',
  coin VARCHAR(150) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Value of the table''s coin column (BTC, or bitcoin); empty: all coins of the day',
  day DATE NOT NULL COMMENT 'UTC day of the rows; in tables by month the first day of the month',
  mark BIGINT UNSIGNED NOT NULL COMMENT 'Another value with every change (UUID_SHORT): a backup removes only the marks that its snapshot saw',
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'When the unit changed first since the last backup (UTC)',
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'When the unit changed last (UTC)',
  PRIMARY KEY (table_name, coin, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='What the next incremental backup has to hold: units written since the last backup'`,
  ],
];

import type { Statement } from './fragments';

export const id = '0007';

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'ingestion_files',
    `CREATE TABLE IF NOT EXISTS ingestion_files (
  log_id BIGINT UNSIGNED NOT NULL COMMENT 'Run (data_ingestion_logs.id) that loaded the file',
  file_name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Name of the file at its source',
  size_bytes BIGINT UNSIGNED NOT NULL COMMENT 'Size as it was downloaded, compressed',
  etag VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'What the source called this version of the file; NULL: nothing',
  sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Hash of the file as it was downloaded',
  records_read BIGINT UNSIGNED NOT NULL COMMENT 'Rows of the file that are in the table: counted there before the run ended',
  sum_column VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Column that was summed in file and table',
  sum_value DECIMAL(65,0) NOT NULL COMMENT 'The sum, the same in both',
  records_removed BIGINT UNSIGNED NOT NULL COMMENT 'Rows of the day that the file does not have, removed',
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'When the row was written first (UTC)',
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'When a column of the row last changed (UTC)',
  PRIMARY KEY (log_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='Whole files that runs have loaded'`,
  ],
];

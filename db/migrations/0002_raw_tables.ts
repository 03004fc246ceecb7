import { ASCII, EXACT, LOG_ID, monthly, STAMPS, TABLE, type Statement } from './fragments';

export const id = '0002';

const COIN_SYMBOL = `coin_symbol VARCHAR(20) ${ASCII} NOT NULL COMMENT 'Upper-case ticker of the chain (coin_metadata.symbol)'`;

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'raw_blockchain_blocks',
    `CREATE TABLE IF NOT EXISTS raw_blockchain_blocks (
  ${COIN_SYMBOL},
  block_id BIGINT UNSIGNED NOT NULL COMMENT 'Height; the genesis block is 0',
  block_hash VARCHAR(128) ${ASCII} NOT NULL COMMENT 'Hash in lower-case hex, as the chain writes it (without 0x, also of Ethereum)',
  block_time DATETIME(6) NOT NULL COMMENT 'Time in the block header (UTC)',
  transaction_count INT UNSIGNED NULL COMMENT 'Transactions in the block, coinbase included; NULL: the source did not say',
  size_bytes BIGINT UNSIGNED NULL COMMENT 'Size in bytes; NULL: the source did not say',
  difficulty DECIMAL(50,15) NULL COMMENT 'Difficulty in the chain''s own unit, 0 after Ethereum''s merge; NULL: the source did not say',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (coin_symbol, block_id),
  UNIQUE KEY uq_coin_hash (coin_symbol, block_hash),
  KEY idx_coin_time (coin_symbol, block_time)
) ${TABLE} COMMENT='Blocks (BlockchainBlock)'`,
  ],
  [
    'raw_blockchain_transactions',
    `CREATE TABLE IF NOT EXISTS raw_blockchain_transactions (
  ${COIN_SYMBOL},
  block_id BIGINT UNSIGNED NOT NULL COMMENT 'Height of the block (raw_blockchain_blocks.block_id)',
  tx_hash VARCHAR(128) ${ASCII} NOT NULL COMMENT 'Hash in lower-case hex, as the chain writes it (without 0x, also of Ethereum)',
  tx_time DATETIME(6) NOT NULL COMMENT 'Time of the block (UTC); the partition key',
  fee_usd DECIMAL(30,12) NULL COMMENT 'Fee in USD at the day''s price; NULL: the source did not say',
  output_total_usd DECIMAL(30,12) NULL COMMENT 'Sum of outputs in USD at the day''s price; NULL: the source did not say',
  fee_native DECIMAL(38,0) NULL COMMENT 'Fee in the chain''s smallest unit (satoshi, wei); NULL: the source did not say',
  output_total_native DECIMAL(38,0) NULL COMMENT 'Sum of outputs (Ethereum: value) in the chain''s smallest unit (satoshi, wei); NULL: the source did not say',
  input_count INT UNSIGNED NULL COMMENT 'Inputs; NULL: the source did not say, or the chain has none',
  output_count INT UNSIGNED NULL COMMENT 'Outputs; NULL: the source did not say, or the chain has none',
  size_bytes INT UNSIGNED NULL COMMENT 'Size in bytes; NULL: the source did not say',
  is_coinbase BOOLEAN NULL COMMENT '1: the transaction that pays the miner; NULL: the source did not say',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (coin_symbol, block_id, tx_hash, tx_time),
  KEY idx_coin_hash (coin_symbol, tx_hash),
  KEY idx_coin_time (coin_symbol, tx_time)
) ${TABLE} COMMENT='Transactions (BlockchainTransaction), one partition a month'
${monthly('tx_time')}`,
  ],
  [
    'raw_blockchain_addresses',
    `CREATE TABLE IF NOT EXISTS raw_blockchain_addresses (
  ${COIN_SYMBOL},
  address VARCHAR(128) ${ASCII} NOT NULL COMMENT 'Address as the chain writes it',
  first_seen_time DATETIME(6) NULL COMMENT 'First transaction (UTC); NULL: never used, or the source did not say',
  last_seen_time DATETIME(6) NULL COMMENT 'Last transaction (UTC); NULL: never used, or the source did not say',
  transaction_count BIGINT UNSIGNED NULL COMMENT 'Transactions of the address; NULL: the source did not say',
  received_total_usd DECIMAL(30,12) NULL COMMENT 'Received, in USD at the time of each receipt; NULL: the source did not say',
  spent_total_usd DECIMAL(30,12) NULL COMMENT 'Spent, in USD at the time of each payment; NULL: the source did not say',
  balance_usd DECIMAL(30,12) NULL COMMENT 'Balance in USD at the price of the last read; NULL: the source did not say',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (coin_symbol, address)
) ${TABLE} COMMENT='State of addresses as last read (BlockchainAddress)'`,
  ],
  [
    'watched_addresses',
    `CREATE TABLE IF NOT EXISTS watched_addresses (
  ${COIN_SYMBOL},
  address VARCHAR(128) ${ASCII} NOT NULL COMMENT 'Address as the chain writes it',
  label VARCHAR(255) ${EXACT} NULL COMMENT 'What an operator calls it; NULL: no name',
  is_active BOOLEAN NOT NULL DEFAULT TRUE COMMENT '0: not read any more, its rows stay',
  ${STAMPS},
  PRIMARY KEY (coin_symbol, address)
) ${TABLE} COMMENT='Addresses that daily ingestion reads'`,
  ],
  [
    'raw_market_prices_volumes',
    `CREATE TABLE IF NOT EXISTS raw_market_prices_volumes (
  coin_id VARCHAR(150) ${ASCII} NOT NULL COMMENT 'CoinGecko id (bitcoin)',
  price_date DATE NOT NULL COMMENT 'UTC day; the values are those of the 00:00 UTC snapshot that begins it',
  price_usd DECIMAL(38,18) NOT NULL COMMENT 'Price of one coin in USD at 00:00 UTC',
  volume_usd DECIMAL(38,18) NULL COMMENT 'Trade volume of the 24 hours before, in USD; NULL: the source did not say',
  market_cap_usd DECIMAL(38,18) NULL COMMENT 'Market capitalisation in USD at 00:00 UTC; NULL: the source did not say',
  ${LOG_ID},
  ${STAMPS},
  PRIMARY KEY (coin_id, price_date),
  KEY idx_price_date (price_date)
) ${TABLE} COMMENT='Price, volume and market capitalisation by day (MarketPrice)'`,
  ],
];

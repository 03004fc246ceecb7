import { ASCII, EXACT, STAMPS, TABLE, type Statement } from './fragments';

export const id = '0001';

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'coin_metadata',
    `CREATE TABLE IF NOT EXISTS coin_metadata (
  symbol VARCHAR(20) ${ASCII} NOT NULL COMMENT 'Upper-case ticker, the coin_symbol of the raw tables (BTC)',
  name VARCHAR(255) NOT NULL COMMENT 'Name for people (Bitcoin)',
  coingecko_id VARCHAR(150) ${ASCII} NOT NULL COMMENT 'CoinGecko id = coin_id, the name of the coin everywhere (bitcoin)',
  blockchair_id VARCHAR(64) ${ASCII} NULL COMMENT 'Chain in Blockchair paths (bitcoin-cash); NULL: Blockchair does not have the chain',
  is_active BOOLEAN NOT NULL DEFAULT TRUE COMMENT '0: the coin is out of use, its rows stay',
  ingestion_enabled BOOLEAN NOT NULL DEFAULT TRUE COMMENT '0: daily ingestion leaves the coin out unless it is asked for by name',
  last_ingested_date DATE NULL COMMENT 'Newest logical date (UTC day) whose ingestion succeeded; NULL: none yet',
  market_cap_rank INT UNSIGNED NULL COMMENT 'Rank by market capitalisation, 1 = largest, as of the last syncCoins; NULL: CoinGecko ranks it not',
  operator_set JSON NULL COMMENT 'Array of the columns that an operator set by hand and syncCoins leaves alone; NULL: none',
  ${STAMPS},
  PRIMARY KEY (symbol),
  UNIQUE KEY uq_coingecko_id (coingecko_id)
) ${TABLE} COMMENT='Coins whose chain is ingested daily'`,
  ],
  [
    'crypto_assets',
    `CREATE TABLE IF NOT EXISTS crypto_assets (
  id INT NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key',
  symbol VARCHAR(100) ${EXACT} NOT NULL COMMENT 'Upper-case ticker (BTC); several assets may share one',
  coin_id VARCHAR(150) ${ASCII} NOT NULL COMMENT 'CoinGecko id, the name of the asset everywhere (bitcoin)',
  name VARCHAR(255) NOT NULL COMMENT 'Name for people (Bitcoin)',
  network_type ENUM('pow','pos','hybrid','token') NOT NULL COMMENT 'How its network agrees; token: it lives on another asset''s chain. Decides which columns apply',
  is_active BOOLEAN NOT NULL DEFAULT TRUE COMMENT '0: not collected any more, its rows stay',
  market_cap_rank INT UNSIGNED NULL COMMENT 'Rank by market capitalisation, 1 = largest, as of the last syncCoins; NULL: CoinGecko ranks it not',
  source_ids JSON NULL COMMENT 'The sources'' own ids, by source: {"defillama":"Bitcoin","coinmetrics":"btc"}; NULL: none known',
  operator_set JSON NULL COMMENT 'Array of the columns that an operator set by hand and syncCoins leaves alone; NULL: none',
  ${STAMPS},
  PRIMARY KEY (id),
  UNIQUE KEY uq_coin_id (coin_id),
  KEY idx_symbol (symbol),
  KEY idx_active_rank (is_active, market_cap_rank)
) ${TABLE} COMMENT='Assets that the 15-minute DAG collects'`,
  ],
  [
    'seed_coin_metadata',
    `INSERT INTO coin_metadata (symbol, name, coingecko_id, blockchair_id) VALUES
  ('BTC', 'Bitcoin', 'bitcoin', 'bitcoin'),
  ('ETH', 'Ethereum', 'ethereum', 'ethereum'),
  ('DOGE', 'Dogecoin', 'dogecoin', 'dogecoin'),
  ('LTC', 'Litecoin', 'litecoin', 'litecoin'),
  ('BCH', 'Bitcoin Cash', 'bitcoin-cash', 'bitcoin-cash'),
  ('DASH', 'Dash', 'dash', 'dash'),
  ('ZEC', 'Zcash', 'zcash', 'zcash')
ON DUPLICATE KEY UPDATE symbol = coin_metadata.symbol`,
  ],
  [
    'seed_crypto_assets',
    `INSERT INTO crypto_assets (symbol, coin_id, name, network_type, source_ids) VALUES
  ('BTC', 'bitcoin', 'Bitcoin', 'pow', '{"coinmetrics":"btc","defillama":"Bitcoin"}'),
  ('ETH', 'ethereum', 'Ethereum', 'pos', '{"coinmetrics":"eth","defillama":"Ethereum"}'),
  ('DOGE', 'dogecoin', 'Dogecoin', 'pow', '{"coinmetrics":"doge","defillama":"Doge"}'),
  ('LTC', 'litecoin', 'Litecoin', 'pow', '{"coinmetrics":"ltc","defillama":"Litecoin"}'),
  ('BCH', 'bitcoin-cash', 'Bitcoin Cash', 'pow', '{"coinmetrics":"bch"}'),
  ('DASH', 'dash', 'Dash', 'hybrid', '{"coinmetrics":"dash"}'),
  ('ZEC', 'zcash', 'Zcash', 'pow', '{"coinmetrics":"zec"}')
ON DUPLICATE KEY UPDATE symbol = crypto_assets.symbol`,
  ],
];

import type { Statement } from './fragments';

export const id = '0006';

/*
 * Assets beside the first seven, and the sources' own ids of all of them. An id that could not be confirmed is left out:
 * a wrong one would bring another asset's values. Chains have the names of DefiLlama's /v2/chains, and behind them those
 * of /protocols where they differ; CoinMetrics ids mean the whole asset (its avaxc and pol_eth are a part of one). GitHub
 * repositories are originals, as its commit search leaves forks out. cosmos: the chain's name at cosmos.directory, the base denomination of what is
 * staked, and its decimals. Ledgers whose validators are chosen without stake (XRP, Stellar, Hedera) count as pos.
 */
type Asset = readonly [symbol: string, coinId: string, name: string, ids: Readonly<Record<string, string | string[]>>];

// prettier-ignore
const proofOfWork: readonly Asset[] = [
  ['BTC', 'bitcoin', 'Bitcoin', { defillama: 'Bitcoin', coinmetrics: 'btc', github: ['bitcoin/bitcoin'] }],
  ['DOGE', 'dogecoin', 'Dogecoin', { defillama: 'Doge', coinmetrics: 'doge', github: ['dogecoin/dogecoin'] }],
  ['LTC', 'litecoin', 'Litecoin', { defillama: 'Litecoin', coinmetrics: 'ltc', github: ['litecoin-project/litecoin'] }],
  ['BCH', 'bitcoin-cash', 'Bitcoin Cash', { coinmetrics: 'bch' }],
  ['ZEC', 'zcash', 'Zcash', { coinmetrics: 'zec', github: ['zcash/zcash'] }],
  ['XMR', 'monero', 'Monero', { coinmetrics: 'xmr', github: ['monero-project/monero'] }],
  ['ETC', 'ethereum-classic', 'Ethereum Classic', { defillama: 'EthereumClassic', coinmetrics: 'etc' }],
  ['KAS', 'kaspa', 'Kaspa', { github: ['kaspanet/rusty-kaspa'] }],
  ['BSV', 'bitcoin-cash-sv', 'Bitcoin SV', { coinmetrics: 'bsv', github: ['bitcoin-sv/bitcoin-sv'] }],
  ['RVN', 'ravencoin', 'Ravencoin', { github: ['RavenProject/Ravencoin'] }],
  ['DGB', 'digibyte', 'DigiByte', { coinmetrics: 'dgb', github: ['DigiByte-Core/digibyte'] }],
  ['ERG', 'ergo', 'Ergo', { defillama: 'Ergo', github: ['ergoplatform/ergo'] }],
  ['CKB', 'nervos-network', 'Nervos Network', { github: ['nervosnetwork/ckb'] }],
];

// prettier-ignore
const hybrid: readonly Asset[] = [
  ['DASH', 'dash', 'Dash', { coinmetrics: 'dash', github: ['dashpay/dash'] }],
  ['DCR', 'decred', 'Decred', { coinmetrics: 'dcr', github: ['decred/dcrd'] }],
  ['CFX', 'conflux-token', 'Conflux', { defillama: 'Conflux', github: ['Conflux-Chain/conflux-rust'] }],
];

// prettier-ignore
const proofOfStake: readonly Asset[] = [
  ['ETH', 'ethereum', 'Ethereum', { defillama: 'Ethereum', coinmetrics: 'eth', ethereum: 'mainnet', github: ['ethereum/go-ethereum'] }],
  ['SOL', 'solana', 'Solana', { defillama: 'Solana', solana: 'mainnet-beta', github: ['anza-xyz/agave'] }],
  ['ADA', 'cardano', 'Cardano', { defillama: 'Cardano', coinmetrics: 'ada', koios: 'mainnet', github: ['IntersectMBO/cardano-node'] }],
  ['ATOM', 'cosmos', 'Cosmos Hub', { defillama: ['CosmosHub', 'Cosmos'], cosmos: ['cosmoshub', 'uatom', '6'], github: ['cosmos/gaia'] }],
  ['XRP', 'ripple', 'XRP', { defillama: ['XRPL', 'Ripple'], coinmetrics: 'xrp', github: ['XRPLF/rippled'] }],
  ['BNB', 'binancecoin', 'BNB', { defillama: ['BSC', 'Binance'] }],
  ['TRX', 'tron', 'TRON', { defillama: 'Tron', coinmetrics: 'trx', github: ['tronprotocol/java-tron'] }],
  ['AVAX', 'avalanche-2', 'Avalanche', { defillama: 'Avalanche', github: ['ava-labs/avalanchego'] }],
  ['SUI', 'sui', 'Sui', { defillama: 'Sui', github: ['MystenLabs/sui'] }],
  ['XLM', 'stellar', 'Stellar', { defillama: 'Stellar', coinmetrics: 'xlm', github: ['stellar/stellar-core'] }],
  ['HBAR', 'hedera-hashgraph', 'Hedera', { defillama: 'Hedera', github: ['hiero-ledger/hiero-consensus-node'] }],
  ['TON', 'the-open-network', 'Toncoin', { defillama: 'TON', github: ['ton-blockchain/ton'] }],
  ['DOT', 'polkadot', 'Polkadot', { defillama: 'Polkadot', coinmetrics: 'dot', github: ['paritytech/polkadot-sdk'] }],
  ['HYPE', 'hyperliquid', 'Hyperliquid', { defillama: ['Hyperliquid L1', 'Hyperliquid'] }],
  ['NEAR', 'near', 'NEAR Protocol', { defillama: 'Near', github: ['near/nearcore'] }],
  ['APT', 'aptos', 'Aptos', { defillama: 'Aptos', github: ['aptos-labs/aptos-core'] }],
  ['ICP', 'internet-computer', 'Internet Computer', { defillama: 'ICP', coinmetrics: 'icp', github: ['dfinity/ic'] }],
  ['POL', 'polygon-ecosystem-token', 'POL', { defillama: 'Polygon', github: ['0xPolygon/heimdall-v2'] }],
  ['ALGO', 'algorand', 'Algorand', { defillama: 'Algorand', coinmetrics: 'algo', github: ['algorand/go-algorand'] }],
  ['FIL', 'filecoin', 'Filecoin', { defillama: 'Filecoin', github: ['filecoin-project/lotus'] }],
  ['VET', 'vechain', 'VeChain', { defillama: 'VeChain', github: ['vechain/thor'] }],
  ['XTZ', 'tezos', 'Tezos', { defillama: 'Tezos', coinmetrics: 'xtz' }],
  ['INJ', 'injective-protocol', 'Injective', { defillama: 'Injective', cosmos: ['injective', 'inj', '18'], github: ['InjectiveFoundation/injective-core'] }],
  ['TIA', 'celestia', 'Celestia', { defillama: 'Celestia', github: ['celestiaorg/celestia-app'] }],
  ['OSMO', 'osmosis', 'Osmosis', { defillama: 'Osmosis', github: ['osmosis-labs/osmosis'] }],
  ['SEI', 'sei-network', 'Sei', { defillama: 'Sei', github: ['sei-protocol/sei-chain'] }],
  ['KAVA', 'kava', 'Kava', { defillama: 'Kava', github: ['Kava-Labs/kava'] }],
  ['CRO', 'crypto-com-chain', 'Cronos', { defillama: 'Cronos', github: ['crypto-org-chain/cronos'] }],
  ['EGLD', 'elrond-erd-2', 'MultiversX', { defillama: ['MultiversX', 'Elrond'], github: ['multiversx/mx-chain-go'] }],
  ['FLOW', 'flow', 'Flow', { defillama: 'Flow', github: ['onflow/flow-go'] }],
  ['S', 'sonic-3', 'Sonic', { defillama: 'Sonic' }],
  ['TAO', 'bittensor', 'Bittensor', { defillama: 'Bittensor', github: ['opentensor/subtensor'] }],
  ['THETA', 'theta-token', 'Theta Network', { defillama: 'Theta', github: ['thetatoken/theta-protocol-ledger'] }],
  ['NEO', 'neo', 'NEO', { defillama: 'NEO', coinmetrics: 'neo', github: ['neo-project/neo'] }],
];

// prettier-ignore
const tokens: readonly Asset[] = [
  ['USDT', 'tether', 'Tether', { coinmetrics: 'usdt' }],
  ['USDC', 'usd-coin', 'USDC', { coinmetrics: 'usdc', github: ['circlefin/stablecoin-evm'] }],
  ['DAI', 'dai', 'Dai', { coinmetrics: 'dai' }],
  ['WBTC', 'wrapped-bitcoin', 'Wrapped Bitcoin', { coinmetrics: 'wbtc' }],
  ['LINK', 'chainlink', 'Chainlink', { coinmetrics: 'link', github: ['smartcontractkit/chainlink'] }],
  ['UNI', 'uniswap', 'Uniswap', { coinmetrics: 'uni', github: ['Uniswap/v4-core', 'Uniswap/interface'] }],
  ['AAVE', 'aave', 'Aave', { coinmetrics: 'aave', github: ['aave-dao/aave-v3-origin'] }],
  ['SHIB', 'shiba-inu', 'Shiba Inu', { coinmetrics: 'shib_eth' }],
  ['LDO', 'lido-dao', 'Lido DAO', { github: ['lidofinance/core'] }],
  ['CRV', 'curve-dao-token', 'Curve DAO', { coinmetrics: 'crv' }],
  ['COMP', 'compound-governance-token', 'Compound', { coinmetrics: 'comp', github: ['compound-finance/comet'] }],
  ['SNX', 'havven', 'Synthetix', { coinmetrics: 'snx' }],
  ['YFI', 'yearn-finance', 'yearn.finance', { coinmetrics: 'yfi' }],
  ['GRT', 'the-graph', 'The Graph', { github: ['graphprotocol/graph-node'] }],
  ['ARB', 'arbitrum', 'Arbitrum', { github: ['OffchainLabs/nitro'] }],
  ['OP', 'optimism', 'Optimism', { github: ['ethereum-optimism/optimism'] }],
  ['PEPE', 'pepe', 'Pepe', {}],
];

/** Frozen: a database that has run these statements never sees a change made here. Add a file instead. */
export const statements: readonly Statement[] = [
  [
    'coin_proposals',
    `CREATE TABLE IF NOT EXISTS coin_proposals (
  coin_id VARCHAR(150) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Asset that the source sees differently (crypto_assets.coin_id)',
  kind ENUM('ticker','gone') NOT NULL COMMENT 'ticker: another ticker than ours; gone: the source lists the id no more',
  ours VARCHAR(255) NOT NULL COMMENT 'What we have',
  theirs VARCHAR(255) NULL COMMENT 'What the source has; NULL: nothing, as the id is gone',
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'When the row was written first (UTC)',
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'When a column of the row last changed (UTC)',
  PRIMARY KEY (coin_id, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='Changes of coins that syncCoins found and leaves to an operator'`,
  ],
  ['seed_proof_of_work', seed('pow', proofOfWork)],
  ['seed_hybrid', seed('hybrid', hybrid)],
  ['seed_proof_of_stake', seed('pos', proofOfStake)],
  ['seed_tokens', seed('token', tokens)],
];

/** An asset that is there keeps what it has, and what an operator set above all; only ids that it lacks are added. */
function seed(kind: string, assets: readonly Asset[]): string {
  const rows = assets.map(
    ([symbol, coinId, name, ids]) => `('${symbol}', '${coinId}', '${name}', '${kind}', '${JSON.stringify(ids)}')`,
  );
  const isOperators = (column: string): string =>
    `JSON_CONTAINS(COALESCE(crypto_assets.operator_set, '[]'), '"${column}"')`;
  return `INSERT INTO crypto_assets (symbol, coin_id, name, network_type, source_ids) VALUES
  ${rows.join(',\n  ')}
ON DUPLICATE KEY UPDATE
  network_type = IF(${isOperators('network_type')}, crypto_assets.network_type, VALUES(network_type)),
  source_ids = IF(${isOperators('source_ids')}, crypto_assets.source_ids,
    JSON_MERGE_PATCH(VALUES(source_ids), COALESCE(crypto_assets.source_ids, '{}')))`;
}

/** The one barrel: a worker bundles a single file. Export names are the workflow types. */
export { dailyIngestion } from './daily-ingestion';
export { ingestDataset } from './ingest-dataset';
export { backfill } from './backfill';
export { applyRetention } from './apply-retention';
export { checkHealth } from './check-health';
export { syncCoins } from './sync-coins';
export { pauseSource } from './pause-source';
export { collectOnchainAndSentiment } from './collect-onchain-and-sentiment';
export { collectSlot } from './collect-slot';
export { collectDay } from './collect-day';
export { backupDatabase } from './backup-database';
// `ingest<Source>` for every source of the registry; other types are refused with the list of those that exist
export { ingestSource as default } from './daily-ingestion';

import { type BlockContents, type Row, bitcoinLikeBlock } from './bitcoin-like';
import { type BlockSlot, createTimeline, type Timeline } from './chain';
import type { ChainTraits, Coin } from './coins';
import { ethereumBlock, hasSyntheticRow, MERGE_MS } from './ethereum';
import type { Market } from './prices';
import { DAY_MS } from './time';

export type TableName = 'blocks' | 'transactions';

/** One chain's tables: rows are made a block at a time, the moment they are asked for. */
export interface ChainTables {
  coin: Coin & { chain: ChainTraits };
  timeline: Timeline;
  /** Rows of one block, ascending by id. */
  rows(table: TableName, slot: BlockSlot): Row[];
  /** How many rows a block has, without making them. */
  rowCount(table: TableName, slot: BlockSlot): number;
  /** How many rows come before a block. */
  rowsBefore(table: TableName, slot: BlockSlot): number;
  /** Replaces fields of the row with this id or hash; returns what undoes it. */
  change(table: TableName, key: string, fields: Row): () => void;
  /** Grows with every change. */
  version(): number;
}

/** Blocks whose transactions are kept: a few days of the default size. */
const KEPT_BLOCKS = 600;
/** Before a coin had a market, Blockchair values it at this made-up price. */
const FIRST_PRICE_USD = 0.01;

export function createChainTables(
  seed: string,
  coin: Coin & { chain: ChainTraits },
  market: Market,
  size: { blocksPerDay: number; transactionsPerDay: number },
): ChainTables {
  const traits = coin.chain;
  const timeline = createTimeline(seed, traits, size);
  const makeBlock = traits.family === 'ethereum' ? ethereumBlock : bitcoinLikeBlock;
  const contents = new Map<number, BlockContents>();
  const changes: Record<TableName, Map<string, Row>> = { blocks: new Map(), transactions: new Map() };
  let version = 0;
  const blocksBeforeMerge = traits.family === 'ethereum' ? timeline.lastAt(MERGE_MS - 1) + 1 : 0;

  function contentsOf(slot: BlockSlot): BlockContents {
    const known = contents.get(slot.id);
    if (known) return known;
    const price = market.fair(coin, slot.ms - (slot.ms % DAY_MS))?.price ?? FIRST_PRICE_USD;
    const made = makeBlock(seed, traits, slot, price);
    contents.set(slot.id, made);
    for (const oldest of contents.keys()) {
      if (contents.size <= KEPT_BLOCKS) break;
      contents.delete(oldest);
    }
    return made;
  }

  function syntheticRows(slot: BlockSlot): number {
    return traits.family === 'ethereum' && hasSyntheticRow(slot) ? 1 : 0;
  }

  return {
    coin,
    timeline,
    rows(table, slot) {
      const made = contentsOf(slot);
      const rows = table === 'blocks' ? [made.block] : made.transactions;
      const changed = changes[table];
      if (changed.size === 0) return rows;
      return rows.map((row) => {
        const fields = changed.get(String(row['id'])) ?? changed.get(String(row['hash']));
        return fields ? { ...row, ...fields } : row;
      });
    },
    rowCount: (table, slot) => (table === 'blocks' ? 1 : slot.transactions + syntheticRows(slot)),
    rowsBefore(table, slot) {
      if (table === 'blocks') return slot.id;
      return slot.transactionsBefore + Math.min(slot.id, blocksBeforeMerge);
    },
    change(table, key, fields) {
      changes[table].set(key, fields);
      version += 1;
      return () => {
        changes[table].delete(key);
        version += 1;
      };
    },
    version: () => version,
  };
}

import type { Kysely, Transaction } from 'kysely';
import type { Schema } from '../schema';

/** A change of a coin that its source suggests; an operator decides. */
export interface CoinProposal {
  coinId: string;
  /** ticker: the source has another one; gone: it lists the id no more */
  kind: 'ticker' | 'gone';
  ours: string;
  /** null: nothing, as the id is gone */
  theirs: string | null;
}

/** All open proposals, by coin, with whether the coin is ingested daily. */
export async function listProposals(db: Kysely<Schema>): Promise<(CoinProposal & { isDaily: boolean })[]> {
  const rows = await db
    .selectFrom('coin_proposals as proposal')
    .leftJoin('coin_metadata as coin', 'coin.coingecko_id', 'proposal.coin_id')
    .select(['proposal.coin_id', 'proposal.kind', 'proposal.ours', 'proposal.theirs', 'coin.symbol'])
    .orderBy('proposal.coin_id')
    .orderBy('proposal.kind')
    .execute();
  return rows.map((row) => ({
    coinId: row.coin_id,
    kind: row.kind,
    ours: row.ours,
    theirs: row.theirs,
    isDaily: row.symbol !== null,
  }));
}

/** The proposals for these coins are exactly these from now on; one that was there already keeps its times. */
export async function replaceProposals(
  trx: Transaction<Schema>,
  coinIds: readonly string[],
  proposals: readonly CoinProposal[],
): Promise<void> {
  if (coinIds.length === 0) return;
  const keys = new Set(proposals.map(({ coinId, kind }) => `${coinId} ${kind}`));
  const known = await trx
    .selectFrom('coin_proposals')
    .select(['coin_id', 'kind'])
    .where('coin_id', 'in', coinIds)
    .execute();
  for (const { coin_id, kind } of known) {
    if (keys.has(`${coin_id} ${kind}`)) continue;
    await trx.deleteFrom('coin_proposals').where('coin_id', '=', coin_id).where('kind', '=', kind).execute();
  }
  for (const { coinId, kind, ours, theirs } of proposals) {
    await trx
      .insertInto('coin_proposals')
      .values({ coin_id: coinId, kind, ours, theirs })
      .onDuplicateKeyUpdate({ ours, theirs })
      .execute();
  }
}

/** What an operator has decided is no proposal any more. */
export async function dropProposals(
  trx: Transaction<Schema>,
  coinId: string,
  kind: CoinProposal['kind'],
): Promise<void> {
  await trx.deleteFrom('coin_proposals').where('coin_id', '=', coinId).where('kind', '=', kind).execute();
}

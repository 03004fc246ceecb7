import { sql } from 'kysely';
import { sourceAssets } from '../../activities/assets';
import { findSource, sources } from '../../activities/registry';
import { listAssets } from '../../db/queries/assets';
import { listProposals } from '../../db/queries/coin-proposals';
import { addAsset, listCoins, refreshCoins, setCoinEnabled } from '../../db/queries/coins';
import { migrateToLatest } from '../../db/migrate';
import { describeRecorded, payload } from '../payloads';
import { databases, freshDatabase } from '../databases';

/** The sources that need a name of their own for an asset; coingecko's is the coin id, blockchaininfo has Bitcoin only. */
const known = sources
  .flatMap(({ name, observe }) => (observe ? [name] : []))
  .filter((name) => !['coingecko', 'blockchaininfo'].includes(name));

describe.each(databases())('assets on $name', (server) => {
  test('the seed: at least 50 of every kind, each once, with ids of known sources', async () => {
    const { db } = await freshDatabase(server);
    await migrateToLatest(db);
    const assets = await listAssets(db);
    expect(assets.length).toBeGreaterThanOrEqual(50);
    for (const names of [assets.map(({ coinId }) => coinId), assets.map(({ symbol }) => symbol)])
      expect(new Set(names).size).toBe(assets.length);
    const count = (kind: string) => assets.filter((asset) => asset.kind === kind).length;
    expect({ pow: count('pow'), hybrid: count('hybrid'), pos: count('pos'), token: count('token') }).toEqual({
      ...{ pow: 13, hybrid: 3, pos: 34, token: 17 },
    });
    for (const { coinId, symbol, name, kind, isActive, sourceIds } of assets) {
      expect(coinId).toMatch(/^[a-z0-9-]+$/);
      expect(symbol).toMatch(/^[A-Z0-9]+$/);
      expect([name === '', isActive]).toEqual([false, true]);
      expect(known).toEqual(expect.arrayContaining(Object.keys(sourceIds)));
      // a token has no chain of its own
      if (kind === 'token') expect(Object.keys(sourceIds)).not.toContain('defillama');
      for (const repository of [sourceIds.github ?? []].flat()) expect(repository).toMatch(/^[\w-]+\/[\w.-]+$/);
      expect(sourceIds.coinmetrics ?? 'none').toMatch(/^[a-z_]+$/);
    }
    for (const source of known) {
      const ids = assets.flatMap(({ sourceIds }) => (sourceIds[source] ? [String(sourceIds[source])] : []));
      expect(ids.length).toBeGreaterThan(0);
      expect(new Set(ids).size).toBe(ids.length);
    }
    const idsAt = (name: string) => sourceAssets(findSource(name), assets).map(({ coinId }) => coinId);
    expect(idsAt('coingecko')).toHaveLength(assets.length);
    expect(['blockchaininfo', 'ethereum', 'solana', 'koios', 'cosmos'].map(idsAt)).toEqual([
      ...[['bitcoin'], ['ethereum'], ['solana'], ['cardano'], ['cosmos', 'injective-protocol']],
    ]);
    expect(assets.find(({ coinId }) => coinId === 'bitcoin')!.sourceIds).toEqual({
      ...{ coinmetrics: 'btc', defillama: 'Bitcoin', github: ['bitcoin/bitcoin'] },
    });
    // daily ingestion is asked of more coins by an operator only
    expect((await listCoins(db)).map(({ symbol }) => symbol).toSorted()).toEqual([
      ...['BCH', 'BTC', 'DASH', 'DOGE', 'ETH', 'LTC', 'ZEC'],
    ]);
  });

  test('what an operator set before the seed came stays, and what was missing is added', async () => {
    const { db } = await freshDatabase(server);
    await migrateToLatest(db);
    await sql`DELETE FROM crypto_assets WHERE coin_id IN ('monero', 'polkadot')`.execute(db);
    await db.transaction().execute(async (trx) => {
      const monero = { coinId: 'monero', symbol: 'XMR', name: 'Monero!', networkType: 'token' } as const;
      await addAsset(trx, monero, { name: 'Monero!' });
      const ids = JSON.stringify({ defillama: 'Dot', coinmetrics: null });
      const polkadot = { coinId: 'polkadot', symbol: 'DOT1', name: 'Polkadot', networkType: 'hybrid' } as const;
      await addAsset(trx, polkadot, { network_type: 'hybrid', source_ids: ids });
      await setCoinEnabled(trx, 'kaspa', false);
    });
    await sql`UPDATE crypto_assets SET source_ids = '{"coinmetrics":"mine"}' WHERE coin_id = 'zcash'`.execute(db);
    await sql`DELETE FROM schema_migrations WHERE name >= '0006_02'`.execute(db);
    expect((await migrateToLatest(db)).applied).toHaveLength(4);
    const by = new Map((await listAssets(db)).map((asset) => [asset.coinId, asset]));
    expect(by.get('monero')).toMatchObject({ name: 'Monero!', kind: 'pow', sourceIds: { coinmetrics: 'xmr' } });
    expect(by.get('polkadot')).toMatchObject({ symbol: 'DOT1', kind: 'hybrid', sourceIds: { defillama: 'Dot' } });
    expect(by.get('polkadot')!.sourceIds).not.toHaveProperty('coinmetrics');
    expect(by.get('zcash')!.sourceIds).toEqual({ coinmetrics: 'mine', github: ['zcash/zcash'] });
    expect(by.get('kaspa')!.isActive).toBe(false);
  });

  test('another ticker and a vanished id are proposed, not done; a decision ends the proposal', async () => {
    const { db } = await freshDatabase(server);
    await migrateToLatest(db);
    const row = (coinId: string, symbol: string) => ({ coinId, symbol, name: 'POL (ex-MATIC)', rank: 40 });
    const refresh = (gone: string[]) =>
      db.transaction().execute((trx) => refreshCoins(trx, [row('polygon-ecosystem-token', 'NEW')], gone));
    await refresh(['kaspa', 'nobody']);
    const open = [
      { coinId: 'kaspa', kind: 'gone', ours: 'KAS', theirs: null, isDaily: false },
      { coinId: 'polygon-ecosystem-token', kind: 'ticker', ours: 'POL', theirs: 'NEW', isDaily: false },
    ];
    expect(await listProposals(db)).toEqual(open);
    const stamps = () =>
      sql`SELECT updated_at FROM coin_proposals ORDER BY coin_id`.execute(db).then(({ rows }) => rows);
    const before = await stamps();
    expect(await refresh(['kaspa'])).toEqual({ updated: 0, unchanged: 2 });
    expect(await stamps()).toEqual(before);
    const polygon = async () => (await listAssets(db)).find(({ coinId }) => coinId === 'polygon-ecosystem-token');
    expect(await polygon()).toMatchObject({ symbol: 'POL', name: 'POL (ex-MATIC)' });

    await db.transaction().execute((trx) => setCoinEnabled(trx, 'kaspa', false));
    expect(await listProposals(db)).toEqual(open.slice(1));
    const { symbol, name, kind } = (await polygon())!;
    const words = { coinId: 'polygon-ecosystem-token', symbol, name, networkType: kind };
    await db.transaction().execute((trx) => addAsset(trx, words, { symbol }));
    expect(await listProposals(db)).toEqual([]);
    await refresh([]);
    expect(await listProposals(db)).toEqual([]);
  });
});

describeRecorded('ids of the seed and recorded lists', () => {
  test('chains of DefiLlama that were there in 2023 have the same CoinGecko id, or were renamed since', async () => {
    const { db } = await freshDatabase(databases()[0]!);
    await migrateToLatest(db);
    const chains = payload('defillama/chains__2023_snapshot.json') as { name: string; gecko_id: string | null }[];
    const renamed = ['CosmosHub', 'MultiversX', 'Polygon'];
    for (const { coinId, sourceIds } of await listAssets(db)) {
      const chain = chains.find(({ name }) => name === [sourceIds.defillama].flat()[0]);
      if (chain && !renamed.includes(chain.name)) expect([chain.name, chain.gecko_id]).toEqual([chain.name, coinId]);
    }
  });
});

import { sql } from 'kysely';
import type { SlotResult } from '../../activities/collect';
import { databases } from '../databases';
import { startProduct, type Product } from '../product';
import { startSimulator, type Simulator } from '../simulator';
import { startUpstream, type Upstream } from '../sources/upstream';

// The APIs of networks and GitHub through the real workers; Ethereum has two endpoints, of which the first is down.

const names = ['ethereum', 'solana', 'cosmos', 'koios', 'github'] as const;

let product: Product;
let down: Upstream;
let other: Simulator;
beforeAll(async () => {
  down = await startUpstream((_request, response) => response.writeHead(503).end('down for maintenance'));
  other = await startSimulator({ limits: 'none' });
  const environment = { ETHEREUM_BASE_URL: `${down.url},${other.baseUrls.ethereum}` };
  product = await startProduct({ server: databases()[0]!, environment });
});
afterAll(async () => {
  await product?.stop();
  await Promise.all([down.close(), other.close()]);
});

test('each says of its own assets what it can, and the next endpoint answers for the one that is down', async () => {
  const result = await product.run<SlotResult>('collectOnchainAndSentiment', { sources: names });
  expect(result.sources.filter(({ status }) => status !== 'success')).toEqual([]);
  const { rows } = await sql<{ coin_id: string; source: string; fields: string }>`
    SELECT coin_id, source, fields FROM source_observations ORDER BY source, coin_id`.execute(product.db);
  const fieldsOf = (source: string, coinId: string) => {
    const { asked: _asked, ...values } = JSON.parse(
      rows.find((row) => row.source === source && row.coin_id === coinId)?.fields ?? '{}',
    ) as Record<string, unknown>;
    return Object.keys(values).toSorted();
  };
  expect(fieldsOf('ethereum', 'ethereum')).toEqual(['block_height', 'block_time_seconds']);
  expect(fieldsOf('solana', 'solana')).toEqual([
    ...['block_height', 'block_time_seconds', 'circulating_supply'],
    ...['staked_percentage', 'total_supply', 'validator_count'],
  ]);
  for (const coinId of ['cosmos', 'injective-protocol'])
    expect(fieldsOf('cosmos', coinId)).toEqual([
      ...['annual_provisions', 'block_height', 'community_tax', 'staked_coins', 'total_supply', 'validator_count'],
    ]);
  expect(fieldsOf('koios', 'cardano')).toEqual([
    ...['block_height', 'block_time_seconds', 'issued_supply', 'staked_coins'],
  ]);
  expect(rows.filter(({ source }) => source === 'github').length).toBeGreaterThanOrEqual(5);

  const { rows: failures } = await sql<{ source: string; http_status: number; attempt: number }>`
    SELECT source, http_status, attempt FROM source_call_failures`.execute(product.db);
  expect(failures).toEqual([{ source: 'ethereum', http_status: 503, attempt: 1 }]);
  expect([down.arrived.length, other.requests.length]).toEqual([1, 1]);
});

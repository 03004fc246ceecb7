import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { findFile } from '../../db/queries/ingestion-files';
import { listRuns } from '../../db/queries/ingestion-logs';
import type { DagResult } from '../../workflows/daily-ingestion';
import { databases } from '../databases';
import { describeRecorded, payloadText, payloadsFolder } from '../payloads';
import { startProduct, type Product } from '../product';

/** Recorded files under the names that Blockchair gives them, as downloaded where that is recorded too. */
async function serveRecordings(): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const [, chain, table, day] = /_([a-z-]+)_([a-z]+)_(\d{8})\.tsv\.gz(?:\?|$)/.exec(request.url ?? '') ?? [];
    const file = path.join(payloadsFolder, 'blockchair-dumps', `${chain}_${table}__${day}.tsv`);
    if (!existsSync(file)) return void response.writeHead(404).end();
    const body = existsSync(`${file}.gz`) ? readFileSync(`${file}.gz`) : gzipSync(readFileSync(file));
    response.writeHead(200, { 'content-length': body.length, etag: `"${day}-${body.length}"` });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

describeRecorded('recorded dumps', () => {
  describe.each(databases())('of Blockchair, on $name', (server) => {
    let host: Awaited<ReturnType<typeof serveRecordings>>;
    let product: Product;
    beforeAll(async () => {
      host = await serveRecordings();
      product = await startProduct({
        server,
        environment: { BLOCKCHAIR_MODE: 'dumps', BLOCKCHAIR_DUMPS_URL: host.url },
      });
    });
    afterAll(async () => {
      await product?.stop();
      host?.close();
    });

    test.each([
      ['bitcoin', 'BTC', 'blocks', '2009-01-03'],
      ['bitcoin', 'BTC', 'blocks', '2009-01-09'],
      ['bitcoin', 'BTC', 'transactions', '2009-01-03'],
      ['bitcoin', 'BTC', 'transactions', '2009-01-09'],
      ['dash', 'DASH', 'blocks', '2020-03-12'],
      ['dash', 'DASH', 'blocks', '2023-08-31'],
    ])('%s %s %s of %s: to the row, with the sum of the file', async (coin, symbol, dataset, date) => {
      const text = payloadText(`blockchair-dumps/${coin}_${dataset}__${date.replaceAll('-', '')}.tsv`);
      const [header, ...lines] = text.split('\n').map((line) => line.split('\t'));
      const sumOf = (column: string) =>
        String(lines.reduce((sum, cells) => sum + BigInt(cells[header!.indexOf(column)]!), 0n));
      const input = { date, coins: [coin], datasets: [dataset] };
      const { status, totals } = await product.run<DagResult>('ingestBlockchair', input);
      expect({ status, ...totals }).toMatchObject({ status: 'success', inserted: lines.length, rejected: 0 });

      const isBlocks = dataset === 'blocks';
      const [table, column, sum] = isBlocks
        ? ['raw_blockchain_blocks', 'size_bytes', sumOf('size')]
        : ['raw_blockchain_transactions', 'output_total_native', sumOf('output_total')];
      const time = sql.ref(isBlocks ? 'block_time' : 'tx_time');
      const { rows } = await sql`SELECT COUNT(*) AS n, CAST(SUM(${sql.ref(column!)}) AS CHAR) AS total
        FROM ${sql.table(table!)} WHERE coin_symbol = ${symbol} AND DATE(${time}) = ${date}`.execute(product.db);
      expect(rows).toEqual([{ n: lines.length, total: sum }]);
      const [run] = await listRuns(product.db, { source: 'blockchair', limit: 1 });
      expect(await findFile(product.db, run!.id)).toMatchObject({ rows: lines.length, sumColumn: column, sum });

      const again = await product.run<DagResult>('ingestBlockchair', input);
      expect(again.totals).toMatchObject({ unchanged: lines.length, inserted: 0, updated: 0 });
    });
  });
});

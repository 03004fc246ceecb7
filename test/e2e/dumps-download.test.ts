import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { listRuns } from '../../db/queries/ingestion-logs';
import { findFile } from '../../db/queries/ingestion-files';
import { databases } from '../databases';
import { temporalAddress } from '../product';
import { withRig, type Rig } from '../proof/faults/rig';

// they wait for states: how long that takes is the machine's affair
jest.setTimeout(240_000);

const date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
const transactions = 1_000;

/** Serves one file, as a host that the test can make break off. */
async function startHost(body: Buffer) {
  const host = {
    body,
    etag: '"first"',
    /** where each GET wanted to begin */
    asked: [] as number[],
    /** how the n-th GET, from 0, is answered; whole when left out */
    answer: undefined as undefined | ((get: number, response: ServerResponse, part: Buffer) => void),
    url: '',
    close: () => void server.close(),
  };
  const server = createServer((request, response) => {
    const ifRange = request.headers['if-range'];
    const range = ifRange === undefined || ifRange === host.etag ? request.headers.range : undefined;
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const part = host.body.subarray(from);
    response.writeHead(from === 0 ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': part.length,
      etag: host.etag,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${host.body.length - 1}/${host.body.length}` }),
    });
    if (request.method === 'HEAD') return void response.end();
    host.asked.push(from);
    if (host.answer) host.answer(host.asked.length - 1, response, part);
    else response.end(part);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return host;
}

/** A day of dogecoin behind a host of our own, at 20 kB a second. */
async function withHost(
  work: (tools: {
    rig: Rig;
    host: Awaited<ReturnType<typeof startHost>>;
    environment: Record<string, string>;
  }) => Promise<void>,
): Promise<void> {
  const options = { databaseServer: databases()[0]!.url, temporalAddress: temporalAddress() };
  await withRig({ ...options, simulator: { transactionsPerDay: transactions } }, async (rig) => {
    const file = `/dogecoin/transactions/blockchair_dogecoin_transactions_${date.replaceAll('-', '')}.tsv.gz`;
    const response = await fetch(`${rig.simulator.baseUrls.blockchairDumps}${file}`);
    const host = await startHost(Buffer.from(await response.arrayBuffer()));
    rig.cleanup.add(async () => host.close());
    const spool = mkdtempSync(path.join(tmpdir(), 'cryptoflow-spool-'));
    rig.cleanup.add(async () => rmSync(spool, { recursive: true, force: true }));
    const environment = {
      BLOCKCHAIR_MODE: 'dumps',
      BLOCKCHAIR_DUMPS_URL: host.url,
      BLOCKCHAIR_DUMPS_KB_PER_SECOND: '20',
      CRYPTOFLOW_SPOOL_FOLDER: spool,
    };
    await work({ rig, host, environment });
  });
}

async function load(rig: Rig): Promise<{ log: Awaited<ReturnType<typeof listRuns>>[number]; failures: string[] }> {
  const handle = await rig.client.workflow.start('ingestDataset', {
    taskQueue: 'cryptoflow',
    workflowId: `ingest/blockchair.transactions/dogecoin/${date}`,
    args: [{ dataset: 'blockchair.transactions', coin: 'dogecoin', date }],
  });
  await handle.result();
  const [log] = await listRuns(rig.db, { coinId: 'dogecoin', limit: 1 });
  const { rows } = await sql<{ message: string }>`SELECT message FROM source_call_failures ORDER BY id`.execute(rig.db);
  return { log: log!, failures: rows.map(({ message }) => message) };
}

test.concurrent('a download goes on where it was, behind a killed worker and a connection that is cut', () =>
  withHost(async ({ rig, host, environment }) => {
    const third = Math.floor(host.body.length / 3);
    host.answer = (get, response, part) => {
      if (get > 1) return void response.end(part);
      response.write(part.subarray(0, third));
      // the reader keeps to 20 kB a second, and rests when that comes
      if (get === 1) setTimeout(() => response.socket?.resetAndDestroy(), 300);
    };
    const first = rig.startWorker(environment);
    const loaded = load(rig);
    while (host.asked.length === 0) await sleep(20);
    await sleep(500);
    await first.kill();
    const second = rig.startWorker(environment);
    const { log, failures } = await loaded;
    expect(log).toMatchObject({ status: 'success', inserted: transactions });
    expect(await findFile(rig.db, log.id)).toMatchObject({ sizeBytes: host.body.length, rows: transactions });
    expect(host.asked).toEqual([0, third, 2 * third]);
    expect(failures).toEqual([expect.stringMatching(/ECONNRESET|aborted/)]);
    // the same process: what happens to a socket is no reason to die
    expect(second.output()).not.toMatch(/Error: |unhandled/i);
  }),
);

test.concurrent('a file that is replaced meanwhile is brought anew', () =>
  withHost(async ({ rig, host, environment }) => {
    const lines = gunzipSync(host.body).toString('latin1').split('\n');
    host.answer = (get, response, part) => {
      if (get > 0) return void response.end(part);
      response.write(part.subarray(0, 20_000), () => {
        host.body = gzipSync(lines.slice(0, -1).join('\n'));
        host.etag = '"second"';
        response.socket?.resetAndDestroy();
      });
    };
    rig.startWorker(environment);
    const { log } = await load(rig);
    expect(log).toMatchObject({ status: 'success', inserted: transactions - 1 });
    expect(await findFile(rig.db, log.id)).toMatchObject({ etag: '"second"', sizeBytes: host.body.length });
    expect(host.asked).toEqual([0, 0]);
  }),
);

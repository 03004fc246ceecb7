import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Cleanup } from '../../../workers/stack/cleanup';
import { randomFrom } from '../../simulator/world/random';

// A day of Bitcoin as Blockchair publishes it, of any size: all 22 columns with values as they are in real files, about
// 3,000 transactions a block.

const header =
  'block_id hash time size weight version lock_time is_coinbase has_witness input_count output_count input_total input_total_usd output_total output_total_usd fee fee_usd fee_per_kb fee_per_kb_usd fee_per_kwu fee_per_kwu_usd cdd_total'
    .split(' ')
    .join('\t');
const rowsPerBlock = 3_000;
const usdPerSatoshi = 78_000 / 1e8;

export interface DumpFile {
  date: string;
  gzip: string;
  plain: string;
  rows: number;
}

/** Made once per date and size and kept: the same seed gives the same file. */
export async function makeDumpFile(folder: string, date: string, rows: number): Promise<DumpFile> {
  mkdirSync(folder, { recursive: true });
  const gzip = path.join(folder, `transactions-${date}-${rows}.tsv.gz`);
  const plain = gzip.slice(0, -3);
  if (!existsSync(gzip)) {
    await pipeline(
      Readable.from(text(date, rows), { objectMode: false }),
      createGzip({ level: 6 }),
      createWriteStream(`${gzip}.new`),
    );
    renameSync(`${gzip}.new`, gzip);
  }
  if (!existsSync(plain)) {
    await pipeline(createReadStream(gzip), createGunzip(), createWriteStream(`${plain}.new`));
    renameSync(`${plain}.new`, plain);
  }
  return { date, gzip, plain, rows };
}

function* text(date: string, rows: number): Generator<string> {
  const random = randomFrom(`bench/${date}`);
  const blocks = Math.ceil(rows / rowsPerBlock);
  const firstBlock = 900_000 + 10_000 * Number(date.slice(8));
  let lines = [header];
  for (let row = 0; row < rows; row += 1) {
    const block = Math.floor(row / rowsPerBlock);
    const second = Math.floor((block * 86_400) / blocks);
    const time = new Date(Date.parse(date) + second * 1_000).toISOString().slice(11, 19);
    lines.push(transaction(random, firstBlock + block, `${date} ${time}`, row % rowsPerBlock === 0));
    if (lines.length < 1_000) continue;
    yield `${lines.join('\n')}${row + 1 < rows ? '\n' : ''}`;
    lines = [];
  }
  yield lines.join('\n');
}

function transaction(random: ReturnType<typeof randomFrom>, block: number, time: string, coinbase: boolean): string {
  const inputs = coinbase ? 1 : Math.ceil(1 / (0.15 + 0.85 * random.unit()));
  const outputs = random.chance(0.7) ? 2 : random.integer(1, 9);
  const size = 10 + 148 * inputs + 34 * outputs + random.integer(-3, 3);
  const weight = Math.round(size * 2.7);
  const output = Math.round((5 * Math.exp(12 * random.unit() ** 2)) / usdPerSatoshi);
  const fee = coinbase ? 0 : Math.round(size * (1 + random.unit() * 8));
  const input = coinbase ? 0 : output + fee;
  const usd = (satoshi: number): string => String(Number((satoshi * usdPerSatoshi).toFixed(4)));
  const perKb = (fee / size) * 1_000;
  const perKwu = (fee / weight) * 1_000;
  const cdd = Number(((output / 1e8) * 40 * random.unit() ** 6).toPrecision(14));
  return [
    ...[block, random.hex(64), time, size, weight, random.chance(0.6) ? 2 : 1, random.chance(0.7) ? 0 : block - 1],
    ...[coinbase ? 1 : 0, random.chance(0.85) ? 1 : 0, inputs, outputs, input, usd(input), output, usd(output)],
    ...[fee, usd(fee), Number(perKb.toPrecision(6)), usd(perKb), Number(perKwu.toPrecision(6)), usd(perKwu), cdd],
  ].join('\t');
}

/** Serves each file under the name that Blockchair would give it, as fast as it goes. */
export async function serveDumps(files: readonly DumpFile[], cleanup: Cleanup): Promise<string> {
  const served = new Map(files.map(({ date, gzip }) => [pathOf(date), gzip]));
  const server = createServer((request, response) => {
    const gzip = served.get(new URL(request.url ?? '/', 'http://dumps').pathname);
    if (gzip === undefined) {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>404</html>');
      return;
    }
    const size = statSync(gzip).size;
    const etag = `"${createHash('sha1').update(`${gzip} ${size}`).digest('hex').slice(0, 16)}"`;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from === 0 ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': size - from,
      'accept-ranges': 'bytes',
      etag,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${size - 1}/${size}` }),
    });
    if (request.method === 'HEAD') response.end();
    else createReadStream(gzip, { start: from, highWaterMark: 256 * 1024 }).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.add(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function pathOf(date: string): string {
  return `/bitcoin/transactions/blockchair_bitcoin_transactions_${date.replaceAll('-', '')}.tsv.gz`;
}

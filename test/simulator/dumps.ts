import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { dumpText } from './dumps/text';
import { DAY_MS, HOUR_MS } from './world/time';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import type { ChainTables, TableName } from './world/tables';
import type { World } from './world/world';

export interface DumpOptions {
  /** How long after the end of its day a file appears; 0 when left out. */
  lagHours?: number;
  /** Of a caller without a key; 10,000 are real, no limit when left out. */
  bytesPerSecond?: number;
}

interface File {
  body: Buffer;
  etag: string;
}

const refusal =
  '<html>\r\n<head><title>402 Payment Required</title></head>\r\n<body>\r\n<center><h1>402 Payment Required</h1></center>\r\n' +
  '<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n';
const keptFiles = 16;

/**
 * Blockchair's daily dumps: `/{chain}/{table}/blockchair_{chain}_{table}_YYYYMMDD.tsv.gz`, made of the same world as the
 * REST answers. A changed row is a republished file with another ETag.
 */
export function createDumps(
  world: World,
  { keys, limited, lagHours = 0, bytesPerSecond }: DumpOptions & { keys: readonly string[]; limited: boolean },
): Upstream {
  const files = new Map<string, File>();
  const open = new Map<string, number>();

  function fileOf(chain: ChainTables, table: TableName, date: string): File | undefined {
    const dayMs = Date.parse(date);
    if (world.now().getTime() < dayMs + DAY_MS + lagHours * HOUR_MS) return undefined;
    const name = `${chain.coin.chain.slug}/${table}/${date}/${chain.version()}`;
    const known = files.get(name);
    if (known) return known;
    const text = dumpText(chain, table, dayMs);
    // a day before the chain began, or between its genesis and the first block, has no file
    if (text === undefined) return undefined;
    const body = gzipSync(text, { level: 6 });
    const made = { body, etag: `"${createHash('sha1').update(body).digest('hex').slice(0, 16)}"` };
    files.set(name, made);
    for (const oldest of files.keys()) if (files.size > keptFiles) files.delete(oldest);
    return made;
  }

  return {
    source: 'blockchair-dumps',
    mounts: ['blockchair-dumps'],
    errorBody: (status) => ({ error: `${status}` }),
    withoutRows: (body) => body,
    answer(request) {
      const key = request.query.get('key');
      const isKnown = key !== null && keys.includes(key);
      const caller = request.client;
      const connections = (open.get(caller) ?? 0) + 1;
      // a second connection is refused with a page, also with status 200
      if (limited && !isKnown && connections > 1) return page(402);
      open.set(caller, connections);
      const done = (): void => void open.set(caller, (open.get(caller) ?? 1) - 1);
      const file = find(world, request.path, fileOf);
      if (!file) return { ...page(404), done };
      return { ...answerFile(damaged(file, request), request, isKnown ? undefined : bytesPerSecond), done };
    },
  };
}

function page(status: number): Answer {
  const text = status === 402 ? refusal : refusal.replaceAll('402 Payment Required', '404 Not Found');
  return { status, body: Buffer.from(text), headers: { 'content-type': 'text/html' }, file: {} };
}

function find(
  world: World,
  path: string,
  fileOf: (chain: ChainTables, table: TableName, date: string) => File | undefined,
): File | undefined {
  const [, slug = '', table = '', year, month, day] =
    /^\/([a-z-]+)\/(blocks|transactions)\/blockchair_\1_\2_(\d{4})(\d\d)(\d\d)\.tsv\.gz$/.exec(path) ?? [];
  const chain = world.chains.get(slug);
  const date = `${year}-${month}-${day}`;
  return chain && !Number.isNaN(Date.parse(date)) ? fileOf(chain, table as TableName, date) : undefined;
}

function damaged({ body, etag }: File, { fault }: UpstreamRequest): File {
  if (fault.truncateTo !== undefined) return { body: body.subarray(0, fault.truncateTo), etag };
  if (fault.flipBit === undefined) return { body, etag };
  const copy = Buffer.from(body);
  const byte = Math.floor(fault.flipBit / 8) % copy.length;
  copy[byte]! ^= 1 << (fault.flipBit % 8);
  return { body: copy, etag };
}

function answerFile({ body, etag }: File, { headers }: UpstreamRequest, bytesPerSecond: number | undefined): Answer {
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', etag };
  const range = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  const isSame = headers['if-range'] === undefined || headers['if-range'] === etag;
  if (range === undefined || !isSame) return { status: 200, body, headers: common, file: { bytesPerSecond } };
  const from = Number(range);
  if (from >= body.length)
    return { ...page(416), headers: { 'content-type': 'text/html', 'content-range': `bytes */${body.length}` } };
  return {
    status: 206,
    body: body.subarray(from),
    headers: { ...common, 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` },
    file: { bytesPerSecond },
  };
}

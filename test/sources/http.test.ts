import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { source as blockchair } from '../../activities/blockchair';
import { source as coingecko } from '../../activities/coingecko';
import type { FailureType } from '../../activities/failures';
import { createAgent, retryAfterMs, type RequestOptions } from '../../activities/http';
import type { Source } from '../../activities/source';
import { startSimulator, type Simulator } from '../simulator';
import type { Fault } from '../simulator/faults';
import { failureOf, impatient, overHttp } from './asking';
import { startUpstream, until, type Upstream } from './upstream';

const statsRequest = { path: '/bitcoin/stats', cost: 1 };

describe('faults of the simulated services', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ limits: 'none' });
  });
  afterEach(() => simulator.clearFaults());
  afterAll(() => simulator.close());

  const ask = (source: Source, options: Partial<RequestOptions> = {}) =>
    overHttp(source, simulator.baseUrls[source.name as 'blockchair' | 'coingecko'], options).getJson(
      source === blockchair ? statsRequest : { path: '/ping' },
    );

  // source, fault → failure type, wait that the source asks for, part of the message
  test.each<['blockchair' | 'coingecko', Fault, FailureType, number | undefined, string]>([
    [
      'blockchair',
      { status: 402 },
      'QuotaExhausted',
      undefined,
      '402 on /blockchair/bitcoin/stats: You have exceeded the daily limit',
    ],
    ['blockchair', { status: 429 }, 'RateLimited', 60_000, 'exceeded the limit of 30 requests per minute'],
    ['blockchair', { status: 429, retryAfter: 7 }, 'RateLimited', 7_000, 'exceeded the limit'],
    ['blockchair', { status: 429, retryAfter: 900 }, 'RateLimited', 900_000, 'exceeded the limit'],
    ['blockchair', { status: 430 }, 'RateLimited', 600_000, 'Your IP address is temporary blacklisted'],
    ['blockchair', { status: 434 }, 'RateLimited', 600_000, '434'],
    ['blockchair', { status: 435 }, 'RateLimited', 2_000, 'soft limit of 5 requests per second'],
    ['blockchair', { status: 436 }, 'RateLimited', 60_000, 'too complex'],
    ['blockchair', { status: 437 }, 'RateLimited', 60_000, '437'],
    ['blockchair', { status: 503 }, 'Unavailable', 60_000, 'temporarily unavailable for your IP address'],
    ['blockchair', { status: 503, retryAfter: 5 }, 'Unavailable', 5_000, 'temporarily unavailable'],
    ['blockchair', { status: 500 }, 'Unavailable', undefined, 'Server error, please try again later'],
    ['blockchair', { status: 502 }, 'Unavailable', undefined, '502'],
    ['blockchair', { status: 404 }, 'NotAvailable', undefined, 'Unknown endpoint'],
    ['blockchair', { status: 400 }, 'BadInput', undefined, 'Bad request'],
    ['blockchair', { status: 422 }, 'BadInput', undefined, '422'],
    ['blockchair', { status: 401 }, 'Unauthorized', undefined, '401'],
    ['coingecko', { status: 429, retryAfter: 119 }, 'RateLimited', 119_000, '429 on /coingecko/api/v3/ping: '],
    ['coingecko', { status: 429 }, 'RateLimited', undefined, '429'],
    ['coingecko', { status: 500 }, 'Unavailable', undefined, '500'],
    ['coingecko', { status: 503 }, 'Unavailable', undefined, '503'],
    ['coingecko', { status: 404 }, 'NotAvailable', undefined, 'coin not found'],
    ['coingecko', { status: 401 }, 'Unauthorized', undefined, '401'],
    ['coingecko', { status: 403 }, 'Unauthorized', undefined, '403'],
    ['coingecko', { status: 422 }, 'BadInput', undefined, 'Request refused'],
  ])('%s answers %j: %s', async (name, fault, type, retryAfter, message) => {
    const source = name === 'blockchair' ? blockchair : coingecko;
    simulator.fault(source.name, fault);
    const failure = await failureOf(ask(source));
    expect(failure).toMatchObject({
      type,
      message: expect.stringContaining(message) as string,
      details: { source: source.name, dataset: `${source.name}.test`, method: 'GET', status: fault.status },
    });
    expect(failure.retryAfterMs).toBe(retryAfter);
    expect(failure.details.body).toContain('error');
  });

  test.each<[string, Fault, string]>([
    ['hang', { hang: true }, 'no answer within the time limit'],
    ['reset', { reset: true }, 'ECONNRESET'],
    ['truncated gzip', { truncatedGzip: true }, 'the compressed answer is cut off or damaged'],
    ['HTML', { html: true }, 'the answer is not JSON'],
    ['a body that drips', { slowBody: { bytesPerSecond: 100 } }, 'the answer took too long as a whole'],
  ])('%s is Unavailable', async (_title, fault, message) => {
    simulator.fault('blockchair', fault);
    const failure = await failureOf(ask(blockchair));
    expect(failure).toMatchObject({
      type: 'Unavailable',
      message: expect.stringContaining(message) as string,
      details: { source: 'blockchair', url: `${simulator.baseUrls.blockchair}/bitcoin/stats` },
    });
  });

  test('a slow answer within the limits is an answer', async () => {
    simulator.fault('blockchair', { latencyMs: 200, slowBody: { bytesPerSecond: 4_000 } });
    expect(await ask(blockchair)).toMatchObject({ context: { code: 200 } });
  });

  test('a refusal counts also when its body cannot be read', async () => {
    simulator.fault('coingecko', { status: 429, retryAfter: 30, truncatedGzip: true });
    expect(await failureOf(ask(coingecko))).toMatchObject({
      type: 'RateLimited',
      retryAfterMs: 30_000,
      details: { status: 429 },
    });
  });

  test('one attempt is one request, whatever happens: nothing is tried again', async () => {
    for (const fault of [{ status: 503 }, { reset: true }, { truncatedGzip: true }, { html: true }]) {
      simulator.fault('blockchair', fault);
      const before = simulator.requests.length;
      await failureOf(ask(blockchair));
      expect(simulator.requests.length - before).toBe(1);
      simulator.clearFaults();
    }
  });

  test('a second request in one attempt is refused, after a success and after a failure', async () => {
    const http = overHttp(blockchair, simulator.baseUrls.blockchair);
    await http.getJson(statsRequest);
    await expect(http.getJson(statsRequest)).rejects.toThrow('blockchair.test asked twice in one attempt');
    simulator.fault('blockchair', { status: 500 });
    const failed = overHttp(blockchair, simulator.baseUrls.blockchair);
    await failureOf(failed.getJson(statsRequest));
    await expect(failed.getJson(statsRequest)).rejects.toThrow('asked twice');
  });

  test('the permit comes before the request, with its cost; one that is refused costs no request', async () => {
    const costs: number[] = [];
    const permit = async (cost: number): Promise<void> => void costs.push(cost);
    await overHttp(blockchair, simulator.baseUrls.blockchair, { permit }).getJson({ path: '/stats', cost: 11.4 });
    await overHttp(coingecko, simulator.baseUrls.coingecko, { permit }).getJson({ path: '/ping' });
    expect(costs).toEqual([11.4, 1]);
    const before = simulator.requests.length;
    const refused = overHttp(blockchair, simulator.baseUrls.blockchair, {
      permit: () => Promise.reject(new Error('not yet')),
    });
    await expect(refused.getJson(statsRequest)).rejects.toThrow('not yet');
    expect(simulator.requests).toHaveLength(before);
  });
});

test('nobody listens: Unavailable, with the reason', async () => {
  const upstream = await startUpstream(() => {});
  await upstream.close();
  expect(await failureOf(overHttp(blockchair, upstream.url).getJson(statsRequest))).toMatchObject({
    type: 'Unavailable',
    message: expect.stringContaining('ECONNREFUSED') as string,
  });
});

describe('what the simulated services never do', () => {
  let answer: (response: ServerResponse, target: string) => void;
  let upstream: Upstream;
  beforeAll(async () => {
    upstream = await startUpstream((request, response) => answer(response, request.url ?? ''));
  });
  afterAll(() => upstream.close());

  const ask = (options: Parameters<typeof overHttp>[2] = {}, source: Source = blockchair) =>
    overHttp(source, upstream.url, options).getJson(statsRequest);
  const send = (status: number, headers: Record<string, string>, body: string | Buffer = '') =>
    (answer = (response) => response.writeHead(status, headers).end(body));

  test('a body over the cap is refused, counted after decompression, and its connection ends', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
    expect(bomb.length).toBeLessThan(100_000);
    send(200, { 'content-encoding': 'gzip' }, bomb);
    expect(await failureOf(ask())).toMatchObject({
      type: 'SchemaMismatch',
      message: expect.stringContaining('the answer is larger than 20971520 bytes') as string,
      details: { status: 200 },
    });
    answer = (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' ')));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect((await failureOf(ask())).message).toContain('larger than');
    await until(() => upstream.open() === 0);
  });

  test('a body just under the cap is read', async () => {
    // not JSON, which takes seconds to parse: what is said about it shows that it was read
    send(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(20 * 1024 * 1024, 'x')));
    expect((await failureOf(ask())).message).toContain('the answer is not JSON');
  });

  test('damaged gzip frees its connection at once, though the rest would still come', async () => {
    answer = (response) => {
      const damaged = gzipSync(
        Buffer.from(JSON.stringify({ data: Array.from({ length: 5_000 }, (_, index) => index) })),
      );
      damaged.fill(0xff, 200, 400);
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(damaged);
    };
    expect((await failureOf(ask())).message).toContain('the compressed answer is cut off or damaged');
    await until(() => upstream.open() === 0);
  });

  test('a connection that ends half-way through the body is no short answer', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"data":[]}', () => response.destroy());
    };
    expect(await failureOf(ask())).toMatchObject({ type: 'Unavailable', details: { status: 200 } });
    answer = (response) => {
      response.writeHead(200).write('{"data":[]}', () => response.destroy());
    };
    expect(await failureOf(ask())).toMatchObject({ type: 'Unavailable' });
  });

  test('a body that stops coming is given up', async () => {
    answer = (response) => response.writeHead(200).write('{"data":');
    const failure = await failureOf(ask({ totalTimeoutMs: 10_000 }));
    expect(failure).toMatchObject({
      type: 'Unavailable',
      message: expect.stringContaining('the answer stopped half-way') as string,
    });
    await until(() => upstream.open() === 0);
  });

  test.each([
    [301, 'https://elsewhere.example/stats'],
    [302, '/other/path'],
    [307, 'http://169.254.169.254/'],
    [308, 'https://elsewhere.example/stats'],
  ])('a redirect (%i) is not followed, and the failure says where it led', async (status, location) => {
    send(status, { location });
    const before = upstream.arrived.length;
    expect(await failureOf(ask())).toMatchObject({
      type: 'Unavailable',
      message: `blockchair ${status} on /bitcoin/stats: a redirect, which is not followed, to ${location}`,
      details: { status },
    });
    expect(upstream.arrived.length - before).toBe(1);
  });

  test.each([204, 202, 206])('status %i is no answer', async (status) => {
    send(status, {});
    expect(await failureOf(ask())).toMatchObject({ type: 'Unavailable', details: { status } });
  });

  test.each(['', 'null and void', '{"data":', 'error code: 1015'])('200 with "%s" is not JSON', async (body) => {
    send(200, {}, body);
    expect((await failureOf(ask())).message).toBe('blockchair 200 on /bitcoin/stats: the answer is not JSON');
  });

  test('an error inside a 200 is an error', async () => {
    const inside = (code: number) => JSON.stringify({ data: null, context: { code, error: `said ${code}` } });
    const expected: [number, FailureType][] = [
      [400, 'BadInput'],
      [402, 'QuotaExhausted'],
      [404, 'NotAvailable'],
      [430, 'RateLimited'],
      [500, 'Unavailable'],
    ];
    for (const [code, type] of expected) {
      send(200, {}, inside(code));
      expect(await failureOf(ask())).toMatchObject({
        type,
        message: expect.stringContaining(`said ${code}`) as string,
      });
    }
  });

  test('gzip without a body is still a refusal', async () => {
    send(429, { 'content-encoding': 'gzip', 'retry-after': '3' });
    expect(await failureOf(ask())).toMatchObject({ type: 'RateLimited', retryAfterMs: 3_000 });
  });

  test('an endless reason of the source does not make an endless message', async () => {
    send(400, {}, JSON.stringify({ data: null, context: { code: 400, error: 'x'.repeat(100_000) } }));
    const failure = await failureOf(ask());
    expect(failure.message.length).toBeLessThan(700);
    expect(failure.details.body).toHaveLength(500);
  });

  test('requests say who asks, take gzip, and carry the key where the plan says', async () => {
    send(200, {}, '{}');
    const sent = async (source: Source, plan: string, apiKey?: string) => {
      await ask({ plan, apiKey }, source);
      return upstream.arrived.at(-1)!;
    };
    const keyless = await sent(blockchair, 'keyless');
    expect(keyless.headers['user-agent']).toMatch(/^cryptoflow\//);
    expect(keyless.headers).toMatchObject({ accept: 'application/json', 'accept-encoding': 'gzip' });
    expect(keyless.url).toBe('/bitcoin/stats');
    expect((await sent(blockchair, 'key', 'abc def/1+2')).url).toBe('/bitcoin/stats?key=abc+def%2F1%2B2');
    const demo = await sent(coingecko, 'demo', 'CG-1');
    expect([demo.url, demo.headers['x-cg-demo-api-key']]).toEqual(['/bitcoin/stats', 'CG-1']);
    const pro = await sent(coingecko, 'pro', 'CG-2');
    expect([pro.headers['x-cg-pro-api-key'], pro.headers['x-cg-demo-api-key']]).toEqual(['CG-2', undefined]);
    const unwanted = await sent(coingecko, 'keyless', 'CG-3');
    expect(JSON.stringify([unwanted.url, unwanted.rawHeaders])).not.toContain('CG-3');
  });

  test('a base URL may have a path, with a slash at its end or without', async () => {
    send(200, {}, '{}');
    for (const base of ['/mirror/api', '/mirror/api/']) {
      await overHttp(blockchair, upstream.url + base).getJson({ path: '/stats', query: { limit: 1, none: undefined } });
      expect(upstream.arrived.at(-1)!.url).toBe('/mirror/api/stats?limit=1');
    }
  });

  describe('cancellation', () => {
    test.each([
      ['before the answer', () => {}],
      ['half-way through the body', (response: ServerResponse) => void response.writeHead(200).write('{"data":')],
      [
        'half-way through a compressed body',
        (response: ServerResponse) =>
          void response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync('{"data":[]}').subarray(0, 12)),
      ],
    ])('%s ends the request at once and frees the connection', async (_title, begin) => {
      const own = await startUpstream((_request, response) => begin(response));
      const agent = createAgent({ ...impatient, headersTimeoutMs: 20_000, bodyTimeoutMs: 20_000 });
      try {
        const cancel = new AbortController();
        const asked = overHttp(blockchair, own.url, { agent, signal: cancel.signal, totalTimeoutMs: 20_000 })
          .getJson(statsRequest)
          .catch((error: unknown) => error);
        await until(() => own.arrived.length === 1);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const reason = new Error('the activity was cancelled');
        const started = performance.now();
        cancel.abort(reason);
        expect(await asked).toBe(reason);
        // far from the 20 s of every timeout
        expect(performance.now() - started).toBeLessThan(5_000);
        await until(() => own.open() === 0);
      } finally {
        await agent.destroy();
        await own.close();
      }
    });

    test('cancelled while it waits for its permit: no request is sent', async () => {
      const before = upstream.arrived.length;
      const reason = new Error('the activity was cancelled');
      const cancel = new AbortController();
      const permit = async (): Promise<void> => cancel.abort(reason);
      await expect(ask({ signal: cancel.signal, permit })).rejects.toBe(reason);
      expect(upstream.arrived).toHaveLength(before);
    });
  });

  test('at most 16 requests to a source are under way at once, the others wait', async () => {
    answer = (response) => void setTimeout(() => response.end('{}'), 50);
    const own = await startUpstream((_request, response) => answer(response, ''));
    const agent = createAgent(impatient);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, own.open())), 5);
    await Promise.all(Array.from({ length: 40 }, () => overHttp(blockchair, own.url, { agent }).getJson(statsRequest)));
    clearInterval(watch);
    expect(most).toBe(16);
    await agent.destroy();
    await own.close();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-22T15:30:10Z');
  test.each<[string | string[] | undefined, number | undefined]>([
    ['119', 119_000],
    ['0', 0],
    [['5', '9'], 5_000],
    ['Sun, 22 Nov 2026 15:31:10 GMT', 60_000],
    ['Sun, 22 Nov 2026 15:29:10 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });
});

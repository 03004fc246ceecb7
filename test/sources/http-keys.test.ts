import type { ServerResponse } from 'node:http';
import { source as blockchair } from '../../activities/blockchair';
import { createRedact } from '../../activities/failures';
import { tokensIn } from '../../activities/http';
import { bitcoin, failureOf, overHttp, pageOf, textOf } from './asking';
import { startUpstream, type Upstream } from './upstream';

let answer: (response: ServerResponse, target: string) => void;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream((request, response) => answer(response, request.url ?? ''));
});
afterAll(() => upstream.close());

const ask = (options: Parameters<typeof overHttp>[2] = {}) =>
  overHttp(blockchair, upstream.url, options).getJson({ path: '/bitcoin/stats', cost: 1 });

describe('the key appears nowhere', () => {
  // characters that URLs, forms and JSON each write in their own way
  const apiKey = "se/cret (key)+1!'~%";
  const forms = [apiKey, encodeURIComponent(apiKey), new URLSearchParams({ key: apiKey }).toString().slice(4)];
  const echoes = [...forms, ...forms.map((form) => form.toLowerCase()), apiKey.replaceAll('/', '\\/')];

  const expectHidden = (text: string): void => {
    for (const echo of echoes) expect(text).not.toContain(echo);
    expect(text).not.toContain(JSON.stringify(apiKey).slice(1, -1));
    expect(text).not.toContain('cret');
  };
  const everywhere = (target: string) => `${target} ${echoes.join(' ')} ${new URL(target, upstream.url).href}`;

  test.each([
    ['text', 403, (target: string) => everywhere(target)],
    [
      'an error of the source',
      430,
      (target: string) => JSON.stringify({ data: null, context: { code: 430, error: everywhere(target) } }),
    ],
    [
      'PHP',
      400,
      (target: string) =>
        JSON.stringify({ data: null, context: { code: 400, error: everywhere(target) } }).replaceAll('/', '\\/'),
    ],
    ['text that is no JSON', 200, (target: string) => everywhere(target)],
    ['a key at the cut of the snippet', 500, () => `${'x'.repeat(490)}${apiKey}`],
  ])('echoed in %s', async (_title, status, body) => {
    answer = (response, target) => response.writeHead(status).end(body(target));
    const failure = await failureOf(ask({ plan: 'key', apiKey }));
    expect(failure.details.url).toContain('***');
    expectHidden(textOf(failure));
  });

  test('echoed in a redirect', async () => {
    answer = (response, target) => response.writeHead(302, { location: `https://elsewhere.example${target}` }).end();
    const failure = await failureOf(ask({ plan: 'key', apiKey }));
    expect(failure.message).toContain('https://elsewhere.example');
    expectHidden(textOf(failure));
  });

  test('echoed in a good answer: rows and rejects quote it redacted', async () => {
    answer = (response, target) => {
      const data = [{ id: 1, hash: everywhere(target), time: 'soon' }];
      response.writeHead(200).end(JSON.stringify({ data, context: { code: 200 } }));
    };
    const context = pageOf(blockchair, { coin: bitcoin, date: '2026-11-21' });
    const page = await blockchair.datasets.blocks.fetchPage(
      overHttp(blockchair, upstream.url, { plan: 'key', apiKey }),
      context,
    );
    expect(page.rejects).toHaveLength(1);
    expectHidden(JSON.stringify(page));
    answer = (response, target) =>
      response.writeHead(200).end(JSON.stringify({ data: everywhere(target), context: { code: 200 } }));
    const failure = await failureOf(
      blockchair.datasets.blocks.fetchPage(overHttp(blockchair, upstream.url, { plan: 'key', apiKey }), context),
    );
    expect(failure.type).toBe('SchemaMismatch');
    expectHidden(textOf(failure));
  });

  test('when the connection fails', async () => {
    answer = (response) => response.destroy();
    expectHidden(textOf(await failureOf(ask({ plan: 'key', apiKey }))));
    answer = (response) => void response.write('{');
    expectHidden(textOf(await failureOf(ask({ plan: 'key', apiKey }))));
  });

  test('in the path of a gateway: rows, rejects and failures quote it redacted', async () => {
    const token = 'aB3-aB3-aB3-aB3';
    const baseUrl = `${upstream.url}/v2/${token}`;
    const blocks = () =>
      blockchair.datasets.blocks.fetchPage(
        overHttp(blockchair, baseUrl, { redact: createRedact(tokensIn(baseUrl)) }),
        pageOf(blockchair, { coin: bitcoin, date: '2026-11-21' }),
      );
    answer = (response, target) => {
      const data = [{ id: 1, hash: `${target} ${token}`, time: 'soon' }];
      response.writeHead(200).end(JSON.stringify({ data, context: { code: 200 } }));
    };
    expect(JSON.stringify(await blocks())).not.toContain(token);
    answer = (response, target) => response.writeHead(503).end(target);
    const failure = await failureOf(blocks());
    expect(failure.message).toContain('/v2/***/bitcoin/blocks');
    expect(textOf(failure)).not.toContain(token);
  });

  test.each([
    ['https://api.example/v3/coins-and-markets', []],
    ['https://eth.example/v2/0a1b2c3d4e5f', ['0a1b2c3d4e5f']],
    ['https://example.quiknode.example/AbCdEfGhIjKlMnOpQrStUv/', ['AbCdEfGhIjKlMnOpQrStUv']],
    ['https://gateway.example/t%2Foken-1234567/x', ['t%2Foken-1234567', 't/oken-1234567']],
    ['nonsense', []],
  ])('tokens in %s', (url, tokens) => expect([...new Set(tokensIn(url))]).toEqual(tokens));

  test('other secrets are hidden too, in any spelling', () => {
    const redact = createRedact([apiKey, 'pass', 'password', '']);
    for (const echo of echoes) expect(redact(`a ${echo} b`)).toBe('a *** b');
    expect(redact('password=pass, PASSWORD')).toBe('***=***, ***');
    expect(redact('nothing to hide')).toBe('nothing to hide');
    expect(createRedact([])('anything')).toBe('anything');
  });
});

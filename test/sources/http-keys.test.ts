import type { ServerResponse } from 'node:http';
import { source as blockchair } from '../../activities/blockchair';
import { createRedact } from '../../activities/failures';
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

  test('other secrets are hidden too, in any spelling', () => {
    const redact = createRedact([apiKey, 'pass', 'password', '']);
    for (const echo of echoes) expect(redact(`a ${echo} b`)).toBe('a *** b');
    expect(redact('password=pass, PASSWORD')).toBe('***=***, ***');
    expect(redact('nothing to hide')).toBe('nothing to hide');
    expect(createRedact([])('anything')).toBe('anything');
  });
});

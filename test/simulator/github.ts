import { createWindow } from './limits';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import { randomFrom } from './world/random';
import { dayNumber, DAY_MS, MINUTE_MS } from './world/time';
import type { World } from './world/world';

/** Searches a minute, without a token and with one. */
const PER_MINUTE = { keyless: 10, token: 30 };

/** GitHub's search for commits. */
export function createGitHub(world: World, options: { tokens: readonly string[]; limited: boolean }): Upstream {
  const keyless = createWindow(PER_MINUTE.keyless, MINUTE_MS);
  const token = createWindow(PER_MINUTE.token, MINUTE_MS);
  return {
    source: 'github',
    mounts: ['github'],
    errorBody,
    withoutRows: () => ({ total_count: 0, incomplete_results: false, items: [] }),
    answer(request): Answer {
      const given = request.headers.authorization?.replace(/^Bearer /, '');
      if (given !== undefined && !options.tokens.includes(given)) return { status: 401, body: errorBody(401) };
      if (request.headers['user-agent'] === undefined) return { status: 403, body: errorBody(403) };
      const waitMs = options.limited ? (given ? token.take(given) : keyless.take(request.client)) : 0;
      if (waitMs > 0) return limited(world, waitMs);
      if (request.path !== '/search/commits') return { status: 404, body: errorBody(404) };
      return search(world, request);
    },
  };
}

/** A limit is a 403, and says by header when it is over. */
function limited(world: World, waitMs: number): Answer {
  const reset = Math.ceil((world.now().getTime() + waitMs) / 1_000);
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
  return { status: 403, body: errorBody(429), headers };
}

function errorBody(status: number): unknown {
  const message: Readonly<Record<number, string>> = {
    401: 'Bad credentials',
    403: 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
    404: 'Not Found',
    422: 'Validation Failed',
    429: "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit.)",
  };
  return {
    message: message[status] ?? 'Server Error',
    documentation_url: 'https://docs.github.com/rest/search/search#search-commits',
    status: String(status),
  };
}

function search(world: World, { query }: UpstreamRequest): Answer {
  const words = (query.get('q') ?? '').split(' ');
  const repositories = words.filter((word) => word.startsWith('repo:')).map((word) => word.slice(5));
  const [from, to] = (words.find((word) => word.startsWith('committer-date:')) ?? '').slice(15).split('..');
  if (repositories.length === 0 || !from || !to || repositories.some((name) => name.startsWith('gone/')))
    return { status: 422, body: errorBody(422) };
  const total = repositories.reduce((sum, name) => sum + commits(world, name, Date.parse(from), Date.parse(to)), 0);
  return { status: 200, body: { total_count: total, incomplete_results: false, items: [] } };
}

/** So many on each day, at noon. */
function commits(world: World, repository: string, fromMs: number, toMs: number): number {
  const pace = randomFrom(`${world.seed}/github/${repository}`).integer(1, 9);
  let total = 0;
  for (let day = dayNumber(fromMs); day <= dayNumber(toMs); day++) {
    const noon = day * DAY_MS + DAY_MS / 2;
    if (noon < fromMs || noon > toMs) continue;
    total += randomFrom(`${world.seed}/github/${repository}/${day}`).integer(0, pace);
  }
  return total;
}

import { resolveCoin } from '../../activities/coins';
import { rules, type FailureType } from '../../activities/failures';
import { findSource } from '../../activities/registry';
import { parseSpan } from '../../activities/spans';
import { failedAttempts, failureCauses } from '../../db/queries/failure-causes';
import { table } from '../output';
import { UsageError, type Command } from './command';

const types = Object.keys(rules) as FailureType[];
const defaultSince = '24h';

/** What fits a line of a wide terminal; --json has all of it. */
const messageChars = 160;

export const failures: Command = {
  name: 'failures',
  summary: 'failed calls of sources, by cause: every attempt, where Temporal keeps only the last',
  action: {
    says: 'failed calls of sources, by cause, most frequent first',
    options: {
      source: { value: '<name>', says: 'of one source' },
      type: { value: '<type>', says: `one of ${types.join(', ')}` },
      coin: { value: '<coin>', says: 'CoinGecko id or ticker' },
      date: { value: '<date>', says: 'logical date, the UTC day of the data' },
      since: { value: '<span>', says: `back from now: 90m, 6h, 2d; ${defaultSince}` },
      limit: { value: '<number>', says: 'at most so many causes, and attempts; 20' },
      all: { says: 'the attempts too, newest first' },
    },
    notes: ['A failed attempt is tried again unless its type says otherwise; failed runs: logs --status failed.'],
    examples: ['failures', 'failures --source blockchair --since 2d --all', 'failures --type RateLimited --json'],
    async run(call, connections) {
      const since = call.text('since') ?? defaultSince;
      const sinceMs = parseSpan(since);
      if (sinceMs === undefined)
        throw new UsageError(`--since "${since}" is not right - it has to be a span like 90m, 6h or 2d - correct it`);
      const source = call.text('source');
      if (source !== undefined) findSource(source);
      const filter = { source, errorType: call.oneOf('type', types), date: call.day('date'), sinceMs };
      const limit = call.count('limit', { from: 1, to: 100_000 }) ?? 20;
      const coin = call.text('coin');
      const db = await connections.db();
      const coinId = coin === undefined ? undefined : (await resolveCoin(db, coin)).coinId;
      const causes = await failureCauses(db, { ...filter, coinId, limit });
      const attempts = call.isSet('all') ? await failedAttempts(db, { ...filter, coinId, limit }) : undefined;
      return {
        document: { since, causes, ...(attempts && { attempts }) },
        lines: [
          ...(causes.length > 0 ? causeLines(causes) : [`no failed call in the last ${since}`]),
          ...(attempts && attempts.length > 0 ? ['', ...attemptLines(attempts)] : []),
        ],
      };
    },
  },
};

function causeLines(causes: Awaited<ReturnType<typeof failureCauses>>): string[] {
  return table(
    causes.map((cause) => [
      ...[cause.source, cause.error_type, cause.http_status, Number(cause.failures)],
      ...[second(cause.first_at), second(cause.last_at), cause.message.slice(0, messageChars)],
    ]),
    { header: ['source', 'type', 'status', 'count', 'first', 'last', 'newest message'] },
  );
}

function attemptLines(attempts: Awaited<ReturnType<typeof failedAttempts>>): string[] {
  return table(
    attempts.map((row) => [
      ...[second(row.failed_at), row.dataset ?? row.source, row.coin_id ?? 'all', row.logical_date],
      ...[row.error_type, row.http_status, row.attempt, row.message.slice(0, messageChars)],
    ]),
    { header: ['when', 'dataset', 'coin', 'date', 'type', 'status', 'attempt', 'message'] },
  );
}

/** `2026-11-21T04:05:06Z`; people need no fractions. */
function second(time: string): string {
  return `${time.slice(0, 19).replace(' ', 'T')}Z`;
}

import { findAsset } from '../../activities/assets';
import { listAssets } from '../../db/queries/assets';
import { metricNames, readMetrics, type MetricValue } from '../../db/queries/metrics';
import { isoTime, table } from '../output';
import { UsageError, type Call, type Command } from './command';

const dayMs = 86_400_000;
const usualDays = 7;

export const metrics: Command = {
  name: 'metrics',
  summary: 'values of a coin over any period: by slot, by day, by month, wherever they live',
  action: {
    says: 'values of a coin over any period, from wherever they live, saying where that is',
    args: ['<coin>'],
    options: {
      from: { value: '<date>', says: 'first UTC day' },
      to: { value: '<date>', says: 'last UTC day; today when left out' },
      days: {
        value: '<number>',
        says: `instead: today and so many UTC days before, by day; ${usualDays} when no period is given`,
      },
      metric: { value: '<a,b>', says: 'such as transaction_count; all when left out' },
      by: { value: 'slot|day', says: 'slot: every value as it is kept; day: what is kept by slot condensed to days' },
      limit: { value: '<number>', says: 'at most so many values; 200' },
    },
    notes: [
      'What is kept by slot, by day or by month is a matter of its age (CRYPTOFLOW_ONCHAIN_RETENTION_DAYS, CRYPTOFLOW_SENTIMENT_RETENTION_DAYS).',
      'A month that is only partly within the period is given as a whole.',
    ],
    examples: [
      'metrics BTC --days 7',
      'metrics bitcoin --from 2025-06-01 --to 2026-11-21 --metric transaction_count,block_height',
      'metrics ETH --from 2026-11-21 --to 2026-11-21 --by slot --json',
    ],
    async run(call, connections) {
      const period = periodOf(call);
      const names = call.list('metric');
      for (const name of names ?? []) {
        if (!metricNames.includes(name))
          throw new UsageError(`there is no metric "${name}" - known: ${metricNames.join(', ')} - correct it`);
      }
      const limit = call.count('limit', { from: 1, to: 10_000_000 }) ?? (call.isJson ? 10_000_000 : 200);
      const db = await connections.db();
      const { coinId } = findAsset(await listAssets(db), call.arg('coin'));
      const values = await readMetrics(db, { coinId, ...period, metrics: names });
      const shown = values.slice(0, limit);
      const lines =
        shown.length > 0 ? [...table(shown.map(cells), { header }), ...livesIn(values)] : [`no value of ${coinId}`];
      const document = { coin_id: coinId, from: period.from, to: period.to, values: shown };
      return {
        document,
        lines: values.length > limit ? [...lines, `… and more: --limit ${values.length}`] : lines,
      };
    },
  },
};

/** `--from` and `--to` give values as they are kept, `--days` gives days: each unless `--by` says otherwise. */
function periodOf(call: Call): { from: string; to: string; byDay: boolean } {
  const [from, to] = [call.day('from'), call.day('to')];
  const days = call.count('days', { from: 0, to: 36_500 });
  if (days !== undefined && (from !== undefined || to !== undefined))
    throw new UsageError('--days stands beside --from or --to - each is a period of its own - leave one out');
  const now = new Date();
  const last = to ?? dayOf(now.getTime());
  const first = from ?? dayOf(Date.parse(last) - (days ?? usualDays) * dayMs);
  if (first > last) throw new UsageError(`--from ${first} is after --to ${last} - a period goes forward - swap them`);
  const by = call.oneOf('by', ['slot', 'day']);
  return { from: first, to: last, byDay: by ? by === 'day' : from === undefined };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const header = ['metric', 'period', 'kept', 'samples', 'mean', 'min', 'max', 'first', 'last'];

function cells({ metric, resolution, period, samples, mean, min, max, first, last }: MetricValue) {
  const when = resolution === 'monthly' ? period.slice(0, 7) : isoTime(period).replace(':00.000000Z', 'Z');
  return [metric, when, resolution, samples, short(mean), short(min), short(max), short(first), short(last)];
}

/** People need no 19 digits behind the point; `--json` has them. */
function short(amount: string): string {
  const [whole = '', fraction] = amount.split('.');
  return fraction === undefined ? whole : `${whole}.${fraction.slice(0, whole.length > 6 ? 2 : 6)}`;
}

/** `kept  detail 2026-08-27 to 2026-11-24 (onchain_data), …`: where the period's values came from. */
function livesIn(values: readonly MetricValue[]): string[] {
  const tables = [...new Set(values.map((value) => value.table))];
  return tables.map((name) => {
    const own = values.filter((value) => value.table === name);
    const periods = own.map(({ period }) => period.slice(0, own[0]!.resolution === 'monthly' ? 7 : 10)).toSorted();
    return `${own[0]!.resolution}  ${periods[0]} to ${periods.at(-1)}  ${name}`;
  });
}

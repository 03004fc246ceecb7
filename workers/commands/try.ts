import { resolveCoin } from '../../activities/coins';
import { askSource } from '../../activities/ask-source';
import { findDataset } from '../../activities/registry';
import type { Page } from '../../activities/source';
import { watchedAddresses } from '../../db/queries/watched-addresses';
import { counted, table, type Cell } from '../output';
import { isDay } from './arguments';
import { ensureBudgets } from './budgets';
import { UsageError, type Command } from './command';

export const tryDataset: Command = {
  name: 'try',
  summary: 'one request to a source: prints rows and rejects, writes nothing',
  action: {
    says: 'one request to a source: prints rows and rejects, writes nothing',
    args: ['<dataset>', '<coin>', '<date>'],
    options: {
      cursor: { value: '<cursor>', says: 'of a later page, as the page before names it' },
      addresses: { value: '<a,b>', says: 'for datasets of addresses; those that are watched when left out' },
    },
    notes: ['The request counts against the budget of the source like any other.'],
    examples: ['try blockchair.blocks bitcoin 2026-11-21', 'try coingecko.prices bitcoin 2026-11-21 --json'],
    async run(call, connections) {
      const date = call.arg('date');
      if (!isDay(date))
        throw new UsageError(`"${date}" is not a day - it has to be a UTC day like 2026-11-21 - correct it`);
      const named = findDataset(call.arg('dataset'));
      const deps = await connections.deps();
      const coin = await resolveCoin(deps.db, call.arg('coin'));
      const addresses =
        named.dataset.needs === 'addresses'
          ? (call.list('addresses') ?? (await watchedAddresses(deps.db, coin.symbol))).toSorted()
          : [];
      if (named.dataset.needs === 'addresses' && addresses.length === 0) {
        throw new UsageError(
          `${named.fullName} has nothing to ask for - no address of ${coin.coinId} is watched - give some with --addresses`,
        );
      }
      await ensureBudgets(deps);
      const page = await askSource(
        deps,
        named,
        { coin: coin.coinId, date, cursor: call.text('cursor') ?? null, addresses, budgetClass: 'live' },
        new AbortController().signal,
      );
      const { rows, rejects, next, expected } = page;
      return {
        document: { dataset: named.fullName, coin: coin.coinId, date, rows, rejects, next, expected: expected ?? null },
        lines: pageLines(`${named.fullName}  ${coin.coinId}  ${date}`, page),
      };
    },
  },
};

function pageLines(title: string, { rows, rejects, next, expected }: Page): string[] {
  const columns = Object.keys(rows[0] ?? {});
  return [
    [
      title,
      counted(rows.length, 'row'),
      counted(rejects.length, 'reject'),
      ...(expected === undefined ? [] : [`${expected} expected`]),
      'nothing was written',
    ].join('  '),
    ...table(
      rows.map((row) => columns.map((column) => row[column] as Cell)),
      { header: columns },
    ),
    ...(rejects.length > 0
      ? [
          '',
          'rejects',
          ...table(
            rejects.map(({ key, field, reason, raw }) => [key, field, reason, raw.slice(0, 120)]),
            { header: ['key', 'field', 'reason', 'raw'] },
          ),
        ]
      : []),
    ...(next === null ? [] : ['', `next page: --cursor ${next}`]),
  ];
}

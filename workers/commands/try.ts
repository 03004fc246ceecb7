import { askReading, findReading } from '../../activities/ask-reading';
import { askSource } from '../../activities/ask-source';
import { findAsset } from '../../activities/assets';
import { resolveCoin } from '../../activities/coins';
import type { Observation } from '../../activities/observation';
import { findDataset, sources } from '../../activities/registry';
import type { Page } from '../../activities/source';
import { listAssets } from '../../db/queries/assets';
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
    notes: [
      'The request counts against the budget of the source like any other.',
      'What is collected every 15 minutes is tried by its reading (coingecko.markets, coinmetrics.metrics): what the source says now, or of the days before the date.',
    ],
    examples: [
      'try blockchair.blocks bitcoin 2026-11-21',
      'try coingecko.prices bitcoin 2026-11-21 --json',
      'try coinmetrics.metrics bitcoin 2026-11-21',
    ],
    async run(call, connections) {
      const date = call.arg('date');
      if (!isDay(date))
        throw new UsageError(`"${date}" is not a day - it has to be a UTC day like 2026-11-21 - correct it`);
      const reading = findReading(sources, call.arg('dataset'));
      if (reading) {
        const deps = await connections.deps();
        const asset = findAsset(await listAssets(deps.db), call.arg('coin'));
        await ensureBudgets(deps);
        const slot = `${date}T00:00:00.000Z`;
        const answer = await askReading(deps, reading, asset, slot, new AbortController().signal);
        return {
          document: { reading: reading.fullName, coin: asset.coinId, date, ...answer },
          lines: pageLines(`${reading.fullName}  ${asset.coinId}`, { rows: [], next: null, ...answer }),
        };
      }
      const named = findDataset(call.arg('dataset'));
      const deps = await connections.deps();
      const coin =
        named.dataset.of === 'assets'
          ? findAsset(await listAssets(deps.db), call.arg('coin'))
          : await resolveCoin(deps.db, call.arg('coin'));
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
      const { rows, rejects, next, expected, observations } = page;
      const what = { dataset: named.fullName, coin: coin.coinId, date };
      return {
        document: { ...what, rows, ...(observations && { observations }), rejects, next, expected: expected ?? null },
        lines: pageLines(`${named.fullName}  ${coin.coinId}  ${date}`, page),
      };
    },
  },
};

function pageLines(title: string, { rows: plain, observations, rejects, next, expected }: Page): string[] {
  const rows = observations ? valuesOf(observations) : plain;
  const columns = Object.keys(rows[0] ?? {});
  return [
    [
      title,
      counted(rows.length, observations ? 'value' : 'row'),
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

/** One line a value: what it is, since when, and what it was made of. */
function valuesOf(observations: readonly Observation[]): Record<string, Cell>[] {
  return observations.flatMap(({ coinId, asOf, fields }) =>
    Object.entries(fields).map(([field, { value, from }]) => ({
      ...{ coin_id: coinId, field, value, at: asOf ?? 'now', from: from ?? '' },
    })),
  );
}

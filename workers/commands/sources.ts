import { randomUUID } from 'node:crypto';
import { fieldTable, fieldTableMarkdown } from '../../activities/collect/field-table';
import { findSource, sources as allSources } from '../../activities/registry';
import { changeByHand, changePause, type ChangedBy } from '../../activities/sources';
import { parseSpan } from '../../activities/spans';
import type { Limits } from '../../activities/source';
import { datesAtOnce, setDatesAtOnce } from '../../db/queries/admitted-dates';
import { endless, listBudgets } from '../../db/queries/source-budgets';
import { table } from '../output';
import { ensureBudgets } from './budgets';
import { UsageError, type Action, type Command } from './command';
import { operator } from './connections';

const list: Action = {
  says: 'plans and limits of the sources, what is spent, and which are paused',
  notes: [
    'Spent: live + backfill of the quota, in the units of the source. Connections: in use of those allowed at once.',
    'The last line says how many old dates are worked on at once, and how many wait.',
  ],
  examples: ['sources list', 'sources list --json'],
  async run(_call, connections) {
    const deps = await connections.deps();
    await ensureBudgets(deps);
    const [budgets, dates] = await Promise.all([listBudgets(deps.db), datesAtOnce(deps.db)]);
    const rows = [...deps.sources.values()].flatMap(({ source, planName, plan, unusable }) => {
      const budget = budgets.find((each) => each.source === source.name);
      return budget ? [{ ...budget, plan: planName, limits: plan.limits, unusable: unusable ?? null }] : [];
    });
    const header = ['source', 'plan', 'limits', 'spent today', 'this month', 'connections', 'state'];
    const cells = rows.map((row) => [
      ...[row.source, row.plan, limitsText(row.limits)],
      spentText(row.day_live, row.day_backfill, row.day_quota),
      spentText(row.month_live, row.month_backfill, row.month_quota),
      row.max_concurrency === null ? null : `${row.leases_held} of ${row.max_concurrency}`,
      stateText(row),
    ]);
    const { atOnce, admitted, waiting } = dates;
    const now = admitted.map((place) => place.logicalDate).join(', ') || 'none';
    return {
      document: { sources: rows, oldDates: { atOnce, admitted, waiting } },
      lines: [...table(cells, { header }), '', `old dates  ${atOnce} at once, now ${now}; ${waiting} wait`],
    };
  },
};

const pause: Action = {
  says: 'ask the source nothing until resumed; its runs wait, nothing fails',
  args: ['<source>'],
  options: {
    for: { value: '<span>', says: '90m, 6h, 2d; until it is resumed when left out' },
    reason: { value: '<text>', says: 'shown to everyone who waits' },
  },
  examples: ['sources pause blockchair --for 6h --reason "maintenance"'],
  async run(call, connections) {
    const text = call.text('for');
    const forMs = text === undefined ? null : parseSpan(text);
    if (forMs === undefined)
      throw new UsageError(`--for "${text}" is not right - it has to be a span like 90m, 6h or 2d - correct it`);
    const { name } = findSource(call.arg('source'));
    const deps = await connections.deps();
    await ensureBudgets(deps);
    const reason = call.text('reason') ?? null;
    const message = await changePause(deps.db, { source: name, pause: { forMs, reason } }, byHand());
    return { document: { source: name, state: 'paused', done: message }, lines: [message] };
  },
};

const resume: Action = {
  says: 'ask the source again; those who wait notice within half a minute',
  args: ['<source>'],
  examples: ['sources resume blockchair'],
  async run(call, connections) {
    const { name } = findSource(call.arg('source'));
    const deps = await connections.deps();
    await ensureBudgets(deps);
    const message = await changePause(deps.db, { source: name, pause: undefined }, byHand());
    return { document: { source: name, state: 'active', done: message }, lines: [message] };
  },
};

const admit: Action = {
  says: 'how many old dates are worked on at once, of those that schedules or people started; 2 at first',
  args: ['<number>'],
  notes: ['Dates that are part of a `backfill` have its own --concurrency. Those that are admitted already stay so.'],
  examples: ['sources admit 4'],
  async run(call, connections) {
    const text = call.arg('number');
    const atOnce = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (atOnce < 1 || atOnce > 100)
      throw new UsageError(`"${text}" is not right - it has to be a whole number from 1 to 100 - correct it`);
    const message = `${atOnce} old dates are worked on at once`;
    await changeByHand(await connections.db(), 'admit', byHand(), message, (trx) => setDatesAtOnce(trx, atOnce));
    return { document: { atOnce, done: message }, lines: [message] };
  },
};

const fields: Action = {
  says: 'which source gives each metric column, for which assets, in which unit, how old it may be; in Markdown',
  notes: [
    'Made from what the sources state. Nothing is connected to.',
    'blockchaininfo, ethereum, solana and koios speak of Bitcoin, Ethereum, Solana and Cardano; the others of the assets for which `coins assets` has an id.',
  ],
  examples: ['sources fields', 'sources fields --json'],
  async run() {
    const rows = fieldTable(allSources);
    return { document: rows, lines: fieldTableMarkdown(rows) };
  },
};

export const sources: Command = {
  name: 'sources',
  summary: 'what the sources allow and give, what is spent, and pauses',
  actions: { list, fields, pause, resume, admit },
};

function byHand(): ChangedBy {
  const runId = randomUUID();
  return {
    dataType: 'cli.sources',
    workflowId: `cli/${runId}`,
    firstExecutionRunId: runId,
    runId,
    triggeredBy: `cli ${operator()}`,
  };
}

function limitsText({ perSecond, perMinute, perDay, perMonth, connections }: Limits): string {
  return [
    ...(perSecond === undefined ? [] : [`${perSecond}/s`]),
    ...(perMinute === undefined ? [] : [`${perMinute}/min`]),
    ...(perDay === undefined ? [] : [`${perDay}/day`]),
    ...(perMonth === undefined ? [] : [`${perMonth}/month`]),
    ...(connections === undefined ? [] : [`${connections} at once`]),
  ].join(', ');
}

/** `120 + 30 of 1440` */
function spentText(live: string, backfill: string, quota: string | null): string {
  const spent = `${Number(live)} + ${Number(backfill)}`;
  return quota === null ? spent : `${spent} of ${Number(quota)}`;
}

function stateText(row: {
  paused_until: string | null;
  paused_reason: string | null;
  unusable: string | null;
}): string {
  if (row.unusable !== null) return row.unusable;
  if (row.paused_until === null) return 'active';
  const until = row.paused_until === endless ? '' : ` until ${row.paused_until.slice(0, 16).replace(' ', 'T')}Z`;
  return `paused${until}${row.paused_reason ? `: ${row.paused_reason}` : ''}`;
}

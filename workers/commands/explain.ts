import { findAsset } from '../../activities/assets';
import {
  explainable,
  explainColumn,
  tableOfColumn,
  type ExplainedColumn,
  type ExplainedField,
  type SaidBySource,
} from '../../activities/collect/explain';
import { readObservation, rules } from '../../activities/collect/known';
import { slotColumn, slotName, slotOfColumn } from '../../activities/collect/slots';
import { compareDecimals, plainDecimal } from '../../activities/numbers';
import { sources } from '../../activities/registry';
import { listAssets } from '../../db/queries/assets';
import { findRun, type LoggedRun } from '../../db/queries/ingestion-logs';
import { observationsOf } from '../../db/queries/observations';
import { newestSlotOf, slotRowOf } from '../../db/queries/slot-rows';
import { duration, table } from '../output';
import { UsageError, type Command } from './command';

/** What the stored row says, beside what its observations say. */
interface StoredCell {
  value: string | null;
  /** false: an observation, or the asset, was changed since; or there is none to compare with */
  isWhatObservationsSay: boolean | null;
  dataSource: string | null;
  qualityScore: string | null;
  logId: number;
  run: Pick<LoggedRun, 'source' | 'dataType' | 'status' | 'startedAt' | 'workflowId' | 'triggeredBy'> | null;
}

interface Explanation extends ExplainedColumn {
  coinId: string;
  slot: string;
  observations: number;
  /** null: there is no such row, or the field has no column */
  stored: StoredCell | null;
}

export const explain: Command = {
  name: 'explain',
  summary: 'where a value of onchain_data or crypto_sentiment_data comes from: what every source said',
  action: {
    says: 'where a value comes from: what every source said of it, what was used, and why not the others',
    args: ['<asset>', '<field>'],
    options: {
      slot: { value: '<slot>', says: 'a quarter-hour like 2026-11-21T10:15Z; the newest one when left out' },
    },
    notes: [
      'Fields',
      ...inLines(explainable).map((line) => `  ${line}`),
      '',
      'A value is used when its own time is not after the slot, it is young enough, and no better source has one.',
    ],
    examples: [
      'explain BTC active_addresses --slot 2026-11-21T10:15Z',
      'explain ethereum network_value_to_transactions',
      'explain SOL block_height --json',
    ],
    async run(call, connections) {
      const field = call.arg('field');
      if (!explainable.includes(field))
        throw new UsageError(`there is no field "${field}" - known: ${explainable.join(', ')} - correct it`);
      const wanted = call.slot('slot');
      const db = await connections.db();
      const asset = findAsset(await listAssets(db), call.arg('asset'));
      const { coinId } = asset;

      // inputs are no columns, but what is made of them is one of onchain_data's
      const home = tableOfColumn(field) ?? 'onchain_data';
      // every slot has its row in onchain_data
      const newest = wanted === undefined ? await newestSlotOf(db, 'onchain_data', coinId) : slotColumn(wanted);
      if (newest === undefined)
        throw new Error(
          `${coinId} has no row in onchain_data - it was not collected yet - see: npm run cli -- logs --source cryptoflow`,
        );
      const slot = slotOfColumn(newest);
      const row = await slotRowOf(db, home, coinId, newest);
      const observed = await observationsOf(db, [newest], { coinIds: [coinId] });
      if (!row && observed.length === 0)
        throw new Error(
          `${coinId} has no row of ${slotName(slot)} in ${home}, and no source said anything - the slot was not collected - collect it: start collectOnchainAndSentiment {"slot":"${slotName(slot)}"}`,
        );

      const observations = new Map(
        observed.map(({ source, fields }) => [source, readObservation(source, fields, slot)]),
      );
      const explained = explainColumn(field, { asset, slot, observations, rules, sources });
      const run = row && (await findRun(db, Number(row.log_id)));
      const explanation: Explanation = {
        ...{ coinId, slot, observations: observed.length, ...explained },
        stored: row && explained.table !== null ? storedCell(row, explained, observed.length > 0, run) : null,
      };
      return { document: documentOf(explanation), lines: linesOf(explanation, row !== undefined) };
    },
  },
};

function storedCell(
  row: Readonly<Record<string, unknown>>,
  { column, value }: ExplainedColumn,
  isObserved: boolean,
  run: LoggedRun | undefined,
): StoredCell {
  const cell = textOf(row[column]);
  return {
    value: cell,
    isWhatObservationsSay: isObserved ? isSame(cell, value) : null,
    dataSource: textOf(row.data_source),
    qualityScore: textOf(row.data_quality_score),
    logId: Number(row.log_id),
    run: run ?? null,
  };
}

function textOf(cell: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  return typeof cell === 'string' ? cell : String(cell as number);
}

function isSame(one: string | null, other: string | null): boolean {
  if (one === null || other === null) return one === other;
  return compareDecimals(plainDecimal(one), plainDecimal(other)) === 0;
}

/** Names as the database has them. */
function documentOf({ coinId, slot, observations, stored, ...explained }: Explanation) {
  return {
    coin_id: coinId,
    slot,
    column: explained.column,
    table_name: explained.table,
    unit: explained.unit,
    stored: stored && {
      value: stored.value,
      is_what_observations_say: stored.isWhatObservationsSay,
      data_source: stored.dataSource,
      data_quality_score: stored.qualityScore,
      log_id: stored.logId,
      run: stored.run && {
        source: stored.run.source,
        data_type: stored.run.dataType,
        status: stored.run.status,
        started_at: stored.run.startedAt,
        workflow_id: stored.run.workflowId,
        triggered_by: stored.run.triggeredBy,
      },
    },
    observations,
    value: explained.value,
    formula: explained.formula,
    not_applicable: explained.notApplicable,
    fields: explained.fields.map(({ field, unit, value, source, conflictBeyond, said }) => ({
      ...{ field, unit, value, source, conflict_beyond: conflictBeyond },
      said: said.map(({ ageSeconds, isUsed, ...each }) => ({ ...each, age_seconds: ageSeconds, is_used: isUsed })),
    })),
  };
}

function linesOf(explanation: Explanation, hasRow: boolean): string[] {
  const {
    coinId,
    slot,
    column,
    table: home,
    unit,
    observations,
    stored,
    value,
    formula,
    fields,
    notApplicable,
  } = explanation;
  const title = [coinId, column, slotName(slot), stored ? (plain(stored.value) ?? '-') : (value ?? '-'), unit];
  return [
    title.join('  '),
    ...(notApplicable === null ? [] : [`always empty: ${notApplicable}`]),
    ...(formula === null ? [] : [`formula  ${formula}`]),
    ...(observations === 0
      ? ['no observation of this slot is stored: the value cannot be traced further than to its run']
      : fields.flatMap((field) => ['', ...fieldLines(field, formula !== null)])),
    '',
    ...(home === null ? ['no column: it is an input of our own columns'] : storedLines(stored, value, hasRow, home)),
  ];
}

function fieldLines({ field, unit, value, conflictBeyond, said }: ExplainedField, isInput: boolean): string[] {
  const head = isInput ? [`${field}  ${value ?? '-'}  ${unit}`] : [];
  if (said.length === 0) return [...head, `no source has ${field}`];
  const header = ['source', 'value', "value's time", 'age', 'used', 'before conversion'];
  const conflict =
    conflictBeyond === null ? [] : [`the sources differ by more than ${Math.round(conflictBeyond * 10_000) / 100} %`];
  return [...head, ...table(said.map(saidCells), { header }), ...conflict];
}

function saidCells({ source, value, at, ageSeconds, isUsed, reason, from }: SaidBySource) {
  return [source, value, at, ageSeconds === null ? null : ageOf(ageSeconds), isUsed ? 'yes' : `no: ${reason}`, from];
}

function ageOf(seconds: number): string {
  return seconds < 0 ? `${duration(-seconds * 1_000)} after it` : duration(seconds * 1_000);
}

function storedLines(stored: StoredCell | null, value: string | null, hasRow: boolean, home: string): string[] {
  if (!stored || !hasRow) return [`stored   no row in ${home}: no source gave anything that belongs into it`];
  const { isWhatObservationsSay, run, logId } = stored;
  const note =
    isWhatObservationsSay === false
      ? `; the observations now say ${value ?? 'nothing'}: an observation or the asset has changed since, a rerun of the slot makes them agree`
      : '';
  const by = run
    ? `run ${logId}  ${run.source}.${run.dataType}  ${run.status}  ${run.workflowId}  (${run.triggeredBy})`
    : `run ${logId}  no longer in the log`;
  return [`stored   ${plain(stored.value) ?? 'NULL'} in ${home}${note}`, `row      ${by}`];
}

function plain(value: string | null): string | null {
  return value === null ? null : plainDecimal(value);
}

/** Names side by side, as wide as a terminal. */
function inLines(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length < 100) lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(name);
  }
  return lines;
}

import { divideDecimals, shiftDecimal } from '../decimals';
import type { FieldName } from '../fields';
import { rawText } from '../numbers';
import type { Observation, SourceAsset } from '../observation';
import { namesOf, readFields, type FieldReader, type FieldReaders } from '../observed';
import type { Reject } from '../source';
import { row } from './schema';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Hours after the end of a day from which on its values are used, live and in the past alike. The source computes them
 * at 00:00 UTC and reviews them later: recorded are 9:59 h and 14:00 h after the end of the day.
 */
export const publicationLagHours = 15;
export const maxAgeHours = 72;

/** Days before a slot (or date) of which values can be used: the oldest is 15 h + 72 h after its end. */
export const daysBack = Math.ceil((publicationLagHours + maxAgeHours) / 24);

const plain = (key: string): FieldReader => ({ key, zeroIsUnknown: true });

export const metricFields = {
  active_addresses: { key: 'AdrActCnt' },
  transaction_count: { key: 'TxCnt' },
  transaction_volume: plain('TxTfrValAdjUSD'),
  realized_cap: plain('CapRealUSD'),
  mvrv_ratio: plain('CapMVRVCur'),
  nvt_ratio: plain('NVTAdj'),
  // all that was ever issued; what of it circulates is the same only where nothing is locked up
  circulating_supply: plain('SplyCur'),
  // per cent already: 100 × issuance of the day × 365 ÷ supply
  supply_inflation_rate: { key: 'IssContPctAnn' },
  market_cap: plain('CapMrktCurUSD'),
} as const satisfies FieldReaders;

/** The difficulty of the day's last block, or where that is not given its mean. */
const difficulties = ['DiffLast', 'DiffMean'] as const;

/** Every metric that is asked for. */
export const metrics: readonly string[] = [
  ...Object.values(metricFields).map(({ key }) => key),
  ...['HashRate', ...difficulties],
];

export const fieldsGiven: readonly FieldName[] = [...namesOf(metricFields), 'hash_rate', 'difficulty'];

const tera = ['TH/s', 0] as const;
const giga = ['GH/s', -3] as const;
const mega = ['MH/s', -6] as const;

/** `HashRate` has a unit of each asset's own (its documentation, "Mean Hash Rate"); of others it is not known. */
const hashRateUnits: Readonly<Record<string, readonly [unit: string, shift: number]>> = {
  ...{ btc: tera, bch: tera, bsv: tera, ltc: tera, doge: tera, eth: tera, etc: tera },
  ...{ dash: giga, btg: giga, vtc: giga, zec: giga },
  xmr: mega,
};

/** Rows of the source as observations of the assets that bear its names; a day without any value is left out. */
export function observationsOf(
  rows: readonly unknown[],
  assets: readonly SourceAsset[],
): { observations: Observation[]; rejects: Reject[] } {
  const observations: Observation[] = [];
  const rejects: Reject[] = [];
  for (const raw of rows) {
    const parsed = row.safeParse(raw);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      rejects.push({ key: null, field: path.join('.') || null, reason: `row: ${message}`, raw: rawText(raw) });
      continue;
    }
    const { asset: sourceId, time } = parsed.data;
    const asOf = new Date(Date.parse(time) + dayMs + publicationLagHours * hourMs).toISOString();
    for (const { coinId } of assets.filter((asset) => asset.sourceId === sourceId)) {
      const read = readFields(coinId, parsed.data, readersOf(sourceId, parsed.data));
      rejects.push(...read.rejects);
      const fields = withRealizedCap(read.fields);
      if (Object.keys(fields).length > 0) observations.push({ coinId, asOf, fields });
    }
  }
  return { observations, rejects };
}

function readersOf(sourceId: string, values: Readonly<Record<string, unknown>>): FieldReaders {
  const difficulty = difficulties.find((key) => (values[key] ?? null) !== null);
  const hashRate = hashRateUnits[sourceId];
  return {
    ...metricFields,
    ...(difficulty && { difficulty: plain(difficulty) }),
    ...(hashRate && { hash_rate: hashRateReader(...hashRate) }),
  };
}

function hashRateReader(unit: string, shift: number): FieldReader {
  if (shift === 0) return plain('HashRate');
  const convert = (rate: string) => ({ value: shiftDecimal(rate, shift), from: `${rate} ${unit} ÷ ${10 ** -shift}` });
  return { ...plain('HashRate'), convert };
}

/** The free plan has no CapRealUSD, but the ratio that is defined as market cap ÷ realized cap. */
function withRealizedCap(fields: Observation['fields']): Observation['fields'] {
  const { realized_cap: given, market_cap: cap, mvrv_ratio: ratio } = fields;
  if (given || !cap || !ratio) return fields;
  const from = `CapMrktCurUSD ${cap.value} ÷ CapMVRVCur ${ratio.value}`;
  return { ...fields, realized_cap: { value: divideDecimals(cap.value, ratio.value, 2), from } };
}

import { SourceFailure } from '../failures';
import { schemaMismatch } from '../http';
import { rawText } from '../numbers';
import type { Observation, ReadingAnswer, ReadingContext, SourceAsset } from '../observation';
import { byCoinId, readFields, type FieldReaders } from '../observed';
import type { Page, PageContext, Reject, SourceHttp } from '../source';
import { chainNames } from './names';
import { chain, chainHistory, chainPoint, chains } from './schema';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Of live and past values alike. */
export const tvlMaxAgeHours = 2;

// a chain that could not be measured stands there with 0
export const chainFields = {
  total_value_locked: { key: 'tvl', zeroIsUnknown: true },
} as const satisfies FieldReaders;

/** USD locked on every chain, without liquid staking and without counting twice: the figure of its home page. */
export async function fetchChains(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const body = await http.getJson({ path: '/v2/chains' });
  const answer = chains.safeParse(body);
  if (!answer.success) throw schemaMismatch('defillama chains', answer.error.issues, body);
  const rejects: Reject[] = [];
  const byName = new Map<string, Readonly<Record<string, unknown>>>();
  for (const raw of answer.data) {
    const row = chain.safeParse(raw).data;
    if (row) byName.set(row.name, row);
    else rejects.push({ key: null, field: 'name', reason: 'name: a chain without a name', raw: rawText(raw) });
  }
  const observations = assets.flatMap((asset): Observation[] => {
    const name = chainNames(asset).find((each) => byName.has(each));
    if (name === undefined) return [];
    const read = readFields(asset.coinId, byName.get(name)!, chainFields);
    rejects.push(...read.rejects);
    return read.fields.total_value_locked ? [{ coinId: asset.coinId, asOf: null, fields: read.fields }] : [];
  });
  return { observations, rejects };
}

/**
 * The same at 00:00 UTC of the date, a chain a page: each answer is the whole history of its chain. `cursor` is the
 * asset that was asked for last. The last point of a history is "now", with its own time.
 */
export async function fetchChainHistory(http: SourceHttp, { assets, date, cursor }: PageContext): Promise<Page> {
  const left = byCoinId(assets).filter(({ coinId }) => cursor === null || coinId > cursor);
  const asset = left[0]!;
  const next = left.length > 1 ? asset.coinId : null;
  const body = await ask(http, asset);
  if (body instanceof SourceFailure) {
    // one chain that is gone, or has another name now, is no reason to do without the others
    const reason = `total_value_locked: ${body.message}`;
    const absent = { key: asset.coinId, field: 'total_value_locked', reason, raw: asset.sourceId, absent: true };
    return { rows: [], rejects: [absent], next, resume: null, observations: [] };
  }
  const answer = chainHistory.safeParse(body);
  if (!answer.success) throw schemaMismatch('defillama chain history', answer.error.issues, body);
  const oldest = Date.parse(date) - tvlMaxAgeHours * hourMs;
  const end = Date.parse(date) + dayMs;
  const observations: Observation[] = [];
  const rejects: Reject[] = [];
  for (const raw of answer.data) {
    const point = chainPoint.safeParse(raw).data;
    if (!point) rejects.push({ key: asset.coinId, field: 'date', reason: 'date: expected seconds', raw: rawText(raw) });
    const ms = (point?.date ?? 0) * 1_000;
    if (!point || ms < oldest || ms >= end) continue;
    const read = readFields(asset.coinId, point, chainFields);
    rejects.push(...read.rejects);
    if (read.fields.total_value_locked)
      observations.push({ coinId: asset.coinId, asOf: new Date(ms).toISOString(), fields: read.fields });
  }
  return { rows: [], rejects, next, resume: null, observations };
}

async function ask(http: SourceHttp, { sourceId }: SourceAsset): Promise<unknown> {
  try {
    return await http.getJson({ path: `/v2/historicalChainTvl/${encodeURIComponent(sourceId)}` });
  } catch (error) {
    if (error instanceof SourceFailure && error.type === 'NotAvailable') return error;
    throw error;
  }
}

import { schemaMismatch } from '../http';
import type { ReadingAnswer, ReadingContext } from '../observation';
import { readFields } from '../observed';
import type { SourceHttp } from '../source';
import { statsFields } from './fields';
import { stats } from './schema';

/** Bitcoin as it is now, with one call. */
export async function fetchStats(http: SourceHttp, { assets }: ReadingContext): Promise<ReadingAnswer> {
  const { coinId } = assets[0]!;
  const body = await http.getJson({ path: '/stats', query: { format: 'json' } });
  const answer = stats.safeParse(body);
  if (!answer.success) throw schemaMismatch('blockchain.info stats', answer.error.issues, body);
  const { fields, rejects } = readFields(coinId, answer.data, statsFields);
  return { observations: [{ coinId, asOf: new Date(answer.data.timestamp).toISOString(), fields }], rejects };
}

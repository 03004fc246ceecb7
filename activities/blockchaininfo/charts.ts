import { schemaMismatch } from '../http';
import type { Observation } from '../observation';
import { rawText } from '../numbers';
import { readFields } from '../observed';
import type { Page, PageContext, Reject, SourceHttp } from '../source';
import { charts } from './fields';
import { chart, point } from './schema';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * A value of a day has to last until that of the next one. There is no publication lag: at the end of a day /stats says
 * the same of the 24 hours before.
 */
export const dayMaxAgeHours = 26;

/** What a date's slots may use of one chart; `cursor` is the chart before. */
export async function fetchChart(http: SourceHttp, { coin, date, cursor }: PageContext): Promise<Page> {
  const index = cursor === null ? 0 : charts.findIndex(({ name }) => name === cursor) + 1;
  const { name, field, of } = charts[index]!;
  const start = new Date(Date.parse(date) - 2 * dayMs).toISOString().slice(0, 10);
  const body = await http.getJson({
    path: `/charts/${name}`,
    // sampled answers leave out days without a word
    query: { start, timespan: '3days', format: 'json', sampled: 'false' },
  });
  const answer = chart.safeParse(body);
  if (!answer.success) throw schemaMismatch(`blockchain.info chart ${name}`, answer.error.issues, body);
  const oldest = Date.parse(date) - dayMaxAgeHours * hourMs;
  const end = Date.parse(date) + dayMs;
  const observations: Observation[] = [];
  const rejects: Reject[] = [];
  for (const raw of answer.data.values) {
    const parsed = point.safeParse(raw).data;
    if (!parsed)
      rejects.push({ key: coin.coinId, field: name, reason: `${name}: expected seconds`, raw: rawText(raw) });
    if (!parsed) continue;
    const ms = parsed.x * 1_000 + (of === 'day' ? dayMs : 0);
    if (ms < oldest || ms >= end) continue;
    const read = readFields(coin.coinId, { [name]: parsed.y }, { [field]: { key: name, zeroIsUnknown: true } });
    rejects.push(...read.rejects);
    if (read.fields[field])
      observations.push({ coinId: coin.coinId, asOf: new Date(ms).toISOString(), fields: read.fields });
  }
  return { rows: [], rejects, next: index + 1 < charts.length ? name : null, resume: null, observations };
}

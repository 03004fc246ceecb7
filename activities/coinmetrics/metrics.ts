import { schemaMismatch } from '../http';
import type { ReadingAnswer, ReadingContext, SourceAsset } from '../observation';
import { byCoinId } from '../observed';
import type { Page, PageContext, SourceHttp } from '../source';
import { daysBack, metrics, observationsOf } from './rows';
import { answer } from './schema';

const dayMs = 86_400_000;

/** A URI may have 10,000 characters (414 beyond), and a comma takes three of them. */
export const assetsPerRequest = 400;

/** The documented maximum; four days of 400 assets are 1,600 rows. */
const pageSize = 10_000;

/** All days of which a slot may still use values, of all assets with one call: the source corrects the last of them. */
export async function fetchMetrics(http: SourceHttp, { assets, slot }: ReadingContext): Promise<ReadingAnswer> {
  const { rows } = await ask(http, assets, slot.slice(0, 10));
  return observationsOf(rows, assets);
}

/**
 * The same for a date of the past. `cursor` is the last asset of the batch before, and behind a `|` the source's own
 * token where a batch has more pages.
 */
export async function fetchMetricsPage(http: SourceHttp, { assets, date, cursor }: PageContext): Promise<Page> {
  const [after = '', token] = cursor?.split('|') ?? [];
  const left = byCoinId(assets).filter(({ coinId }) => coinId > after);
  const batch = left.slice(0, assetsPerRequest);
  const { rows, next } = await ask(http, batch, date, token);
  const nextBatch = left.length > batch.length ? batch.at(-1)!.coinId : null;
  return { rows: [], ...observationsOf(rows, batch), next: next ? `${after}|${next}` : nextBatch, resume: null };
}

async function ask(
  http: SourceHttp,
  assets: readonly SourceAsset[],
  date: string,
  token?: string,
): Promise<{ rows: unknown[]; next: string | undefined }> {
  const body = await http.getJson({
    path: '/timeseries/asset-metrics',
    query: {
      assets: assets.map(({ sourceId }) => sourceId).join(','),
      metrics: metrics.join(','),
      frequency: '1d',
      // both included; a time with a zone is refused
      start_time: dateBefore(date, daysBack),
      end_time: dateBefore(date, 1),
      page_size: pageSize,
      paging_from: 'start',
      // else one asset that it does not know, or one metric that is not free, fails all
      ignore_unsupported_errors: 'true',
      ignore_forbidden_errors: 'true',
      next_page_token: token,
    },
  });
  const parsed = answer.safeParse(body);
  if (!parsed.success) throw schemaMismatch('coinmetrics asset metrics', parsed.error.issues, body);
  return { rows: parsed.data.data, next: parsed.data.next_page_token ?? undefined };
}

function dateBefore(date: string, days: number): string {
  return new Date(Date.parse(date) - days * dayMs).toISOString().slice(0, 10);
}

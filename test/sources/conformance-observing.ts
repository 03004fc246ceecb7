import { sourceAssets } from '../../activities/assets';
import { spanMs } from '../../activities/spans';
import { fieldOf, type FieldName } from '../../activities/fields';
import type { Observation, ReadingAnswer, SourceAsset } from '../../activities/observation';
import type { NamedDataset } from '../../activities/registry';
import type { Page, Source, SourceHttp } from '../../activities/source';
import type { Asset } from '../../db/queries/assets';

/** What a source that observes is tried with. */
export interface ObservingSample {
  connect: () => SourceHttp;
  assets: readonly Asset[];
  /** start of a quarter-hour, ISO */
  slot: string;
}

const dayMs = 86_400_000;

/** What a source that says something about assets has to keep to. */
export async function expectObserving(
  source: Source,
  { connect, assets, slot }: ObservingSample,
  once: (http: SourceHttp) => SourceHttp,
): Promise<void> {
  const { observe } = source;
  if (!observe) return;
  const stated = Object.entries(observe.fields) as [FieldName, NonNullable<(typeof observe.fields)[FieldName]>][];
  for (const [name, field] of stated) {
    expect(Number.isInteger(field.rank) && field.rank > 0).toBe(true);
    expect(spanMs(field.maxAge)).toBeGreaterThan(0);
    expect(field.unit).not.toBe('');
    for (const kind of field.kinds ?? []) expect(fieldOf(name).kinds).toContain(kind);
  }
  const follows = Object.entries(observe.follows ?? {});
  for (const [, { of }] of follows) expect(stated.map(([name]) => name)).toEqual(expect.arrayContaining([...of]));
  const given = Object.values(observe.readings).flatMap(({ gives }): string[] => [...gives]);
  given.push(...follows.map(([name]) => name));
  expect([...new Set(given)].toSorted()).toEqual(stated.map(([name]) => name).toSorted());
  const history = source.datasets.history;
  expect(stated.some(([, field]) => field.history)).toBe(history !== undefined);
  if (history) expect(history).toMatchObject({ table: 'source_observations', of: 'assets', daily: false });

  const known = sourceAssets(source, assets);
  for (const reading of Object.values(observe.readings)) {
    expect(reading.batch).toBeGreaterThan(0);
    spanMs(reading.every);
    const asked = known.filter((asset) => reading.covers?.(asset) ?? true).slice(0, reading.batch);
    if (asked.length === 0) continue;
    const fetch = (): Promise<ReadingAnswer> =>
      reading.fetch(once(connect()), { assets: asked, slot, plan: Object.values(source.plans)[0]! });
    const answer = await fetch();
    expect(answer.observations.length).toBeGreaterThan(0);
    expectObservations(answer.observations, asked, reading.gives);
    expect(await fetch()).toEqual(answer);
  }
}

/** The pages of a date say what its slots may use, and nothing that came after it. */
export function expectHistory(
  { source }: NamedDataset,
  pages: readonly Page[],
  assets: readonly SourceAsset[],
  date: string,
): void {
  const { fields } = source.observe!;
  const past = (Object.keys(fields) as FieldName[]).filter((name) => fields[name]!.history);
  const observations = pages.flatMap((page) => page.observations ?? []);
  expect(observations.length).toBeGreaterThan(0);
  expectObservations(observations, assets, past);
  for (const page of pages) expect(page.rows).toEqual([]);
  for (const { asOf, fields: values } of observations) {
    expect(asOf! < new Date(Date.parse(date) + dayMs).toISOString()).toBe(true);
    for (const name of Object.keys(values) as FieldName[])
      expect(Date.parse(asOf!)).toBeGreaterThanOrEqual(Date.parse(date) - spanMs(fields[name]!.maxAge));
  }
}

function expectObservations(
  observations: readonly Observation[],
  assets: readonly SourceAsset[],
  gives: readonly FieldName[],
): void {
  const said = observations.flatMap(({ coinId, asOf, fields }) => {
    expect(assets.map((asset) => asset.coinId)).toContain(coinId);
    if (asOf !== null) expect(new Date(asOf).toISOString()).toBe(asOf);
    return (Object.keys(fields) as FieldName[]).map((name) => {
      expect(gives).toContain(name);
      expect(fields[name]!.value).toMatch(/^-?\d+(\.\d+)?$/);
      if (fields[name]!.from !== undefined) expect(fields[name]!.from).toMatch(/^.*\d.*$/);
      return `${coinId} ${asOf} ${name}`;
    });
  });
  expect(new Set(said).size).toBe(said.length);
}

/** Many dates with one request say the same of each date as a request of its own. */
export async function expectHistoryRange(
  { source, dataset }: NamedDataset,
  { connect, date }: { connect: () => SourceHttp; date: string },
  asset: SourceAsset,
  pageOf: (date: string) => Promise<Page[]>,
): Promise<void> {
  const plan = Object.values(source.plans)[0]!;
  const dates = [2, 1, 0].map((days) => new Date(Date.parse(date) - days * dayMs).toISOString().slice(0, 10));
  const [from, , to] = dates as [string, string, string];
  const page = await dataset.range!.fetch(connect(), { coin: asset, from, to, today: to, plan });
  for (const each of dates) {
    const single = (await pageOf(each)).flatMap(({ observations }) => observations ?? []);
    const first = single.map(({ asOf }) => asOf!).toSorted()[0]!;
    const end = new Date(Date.parse(each) + dayMs).toISOString();
    expect(page.observations!.filter(({ asOf }) => asOf! >= first && asOf! < end)).toEqual(single);
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aggregate, parseTableQuery, QueryError, sorted } from './blockchair/query';
import { isObject } from './json';
import { RECORDED_ERRORS, RECORDED_TABLES, RECORDINGS, type RecordedTable } from './replay/recordings';
import { rowsOfAnswer, rowsOfDump } from './replay/rows';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import type { Row } from './world/bitcoin-like';

/**
 * The same upstreams, answering with the recorded bodies of a folder, byte for byte; 404 for what is not recorded.
 * A table request with filters is answered from the recorded rows (`rows` and `total_rows` count those), so that a
 * recorded day can be paged to its end; a day of which nothing is recorded is a 404. Keys and limits are not checked.
 */
export function createReplay(folder: string, upstreams: readonly Upstream[]): Upstream[] {
  const read = (file: string): Buffer => readFileSync(join(folder, file));
  const tables = RECORDED_TABLES.filter(({ file }) => existsSync(join(folder, file)));
  const rows = new Map<string, Row[]>();

  function rowsOf(table: RecordedTable): Row[] {
    let known = rows.get(table.path);
    if (!known) {
      known = [table.file, ...table.more].flatMap((file) =>
        file.endsWith('.tsv') ? rowsOfDump(read(file).toString()) : rowsOfAnswer(JSON.parse(read(file).toString())),
      );
      rows.set(table.path, known);
    }
    return known;
  }

  return upstreams.map((upstream) => ({
    ...upstream,
    errorBody(status) {
      const recorded = RECORDED_ERRORS.find((error) => error.source === upstream.source && error.status === status);
      return recorded && existsSync(join(folder, recorded.file)) ? read(recorded.file) : upstream.errorBody(status);
    },
    answer(request) {
      const notRecorded = { status: 404, body: upstream.errorBody(404) };
      const table = upstream.source === 'blockchair' && tables.find(({ path }) => path === request.path);
      if (table) return answerFromRows(table, request) ?? notRecorded;
      const recording = RECORDINGS.find(
        ({ source, path, when }) =>
          source === upstream.source && path.test(request.path) && (when?.(request.query) ?? true),
      );
      if (!recording || !existsSync(join(folder, recording.file))) return notRecorded;
      return { status: recording.status ?? 200, body: read(recording.file), headers: recording.headers ?? {} };
    },
  }));

  function answerFromRows(table: RecordedTable, request: UpstreamRequest): Answer | undefined {
    const all = rowsOf(table);
    const asked = ['q', 'a', 's', 'offset'].some((name) => request.query.has(name));
    if (!asked && table.file.endsWith('.json')) return { status: 200, body: read(table.file) };
    try {
      const query = parseTableQuery(request.query, [...new Set(all.flatMap((row) => Object.keys(row)))]);
      const days = query.filters.filter(({ field }) => field === 'time' || field === 'date');
      if (!all.some((row) => days.every((filter) => filter.matches(row)))) return undefined;
      const found = all.filter((row) => query.filters.every((filter) => filter.matches(row)));
      const aggregates = query.aggregates.length > 0;
      const data = aggregates
        ? [aggregate(found, query.aggregates)]
        : sorted(found, query.sorts).slice(query.offset, query.offset + query.limit);
      const context = {
        ...contextOf(table),
        limit: query.limit,
        offset: aggregates ? null : query.offset,
        rows: data.length,
        total_rows: aggregates ? 1 : found.length,
      };
      return { status: 200, body: { data, context } };
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return { status: 400, body: { data: null, context: { code: 400, error: error.message } } };
    }
  }

  function contextOf(table: RecordedTable): Record<string, unknown> {
    const answer: unknown = table.file.endsWith('.json') ? JSON.parse(read(table.file).toString()) : {};
    return isObject(answer) && isObject(answer['context']) ? answer['context'] : { code: 200 };
  }
}

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { blockDumps, transactionDumps } from '../../activities/blockchair/dumps';
import { bitcoinTransactionRow, blockRow, ethereumTransactionRow, outsideDay } from '../../activities/blockchair/rows';
import { bitcoinTransaction, block, ethereumTransaction } from '../../activities/blockchair/schema';
import { differences } from '../../activities/bulk/compare';
import { cellTexts } from '../../activities/bulk/canonical';
import { noTotals, readDayFile, type DayTotals } from '../../activities/bulk/day-file';
import { unzipped } from '../../activities/bulk/load-day';
import type { Bulk, Row, SourceCoin } from '../../activities/source';
import { describeRecorded, payloadText } from '../payloads';
import { bitcoin, coin, ethereum } from './asking';

const dash = coin('dash', 'DASH');

async function read(bulk: Bulk, of: SourceCoin, date: string, text: string, pieces = [Buffer.from(text)]) {
  const totals = noTotals();
  const lines: string[] = [];
  const chunks = (async function* () {
    yield* pieces;
  })();
  const keyColumns = bulk === blockDumps ? 1 : 3;
  for await (const batch of readDayFile(chunks, { bulk, coin: of, date, keyColumns }, totals)) {
    lines.push(...batch.text.toString().slice(0, -1).split('\n'));
  }
  return { lines, totals };
}

describeRecorded('recorded dumps', () => {
  const file = (name: string): string => payloadText(`blockchair-dumps/${name}.tsv`);
  test.each([
    ['bitcoin_blocks__20090103', blockDumps, bitcoin, '2009-01-03', 1, 285n],
    ['bitcoin_blocks__20090109', blockDumps, bitcoin, '2009-01-09', 14, undefined],
    ['bitcoin_transactions__20090103', transactionDumps, bitcoin, '2009-01-03', 1, 5_000_000_000n],
    ['bitcoin_transactions__20090109', transactionDumps, bitcoin, '2009-01-09', 14, 70_000_000_000n],
    ['dash_blocks__20200312', blockDumps, dash, '2020-03-12', 545, undefined],
    ['dash_blocks__20230831', blockDumps, dash, '2023-08-31', 547, undefined],
    ['ethereum_transactions__header_and_1_row_2016-06-18', transactionDumps, ethereum, '2016-06-18', 1, undefined],
  ] as const)('%s is read to the row', async (name, bulk, of, date, rows, sum) => {
    const text = file(name);
    const { lines, totals } = await read(bulk, of, date, text);
    expect(totals).toMatchObject({ rows, rejects: [] });
    expect(totals.sum).toBe(sum ?? columnSum(text, bulk === blockDumps ? 'size' : 'value'));
    // cut anywhere, it is the same file
    const bytes = Buffer.from(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 977) }, (_, index) =>
      bytes.subarray(index * 977, (index + 1) * 977),
    );
    expect((await read(bulk, of, date, text, pieces)).lines).toEqual(lines);
  });

  test('a line is the row of the API, as the database shows it', async () => {
    const { lines } = await read(transactionDumps, bitcoin, '2009-01-03', file('bitcoin_transactions__20090103'));
    expect(lines[0]!.split('\t')).toEqual([
      ...['0', '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b', '2009-01-03 18:15:05.000000'],
      ...['0.000000000000', '0.500000000000', '0', '5000000000', '1', '1', '204', '1'],
    ]);
  });
});

function columnSum(text: string, column: string): bigint {
  const [header, ...lines] = text.split('\n').map((line) => line.split('\t'));
  const at = header!.indexOf(column);
  return lines.reduce((sum, cells) => sum + BigInt(cells[at]!), 0n);
}

const date = '2026-11-21';
const hash = 'ab'.repeat(32);

/** What each cell may hold, right and wrong; every line takes one of them and is otherwise in order. */
const strange: readonly string[] = [
  ...[
    String.raw`\N`,
    '',
    '0',
    '-0',
    '-1',
    '1',
    '007',
    '00',
    '1.5',
    '1.',
    '.5',
    '1e3',
    '9.9247685185185e-7',
    '-0.000385704925',
  ],
  ...['4294967295', '4294967296', '9007199254740991', '9007199254740992', '123456789012345678', '1'.repeat(39)],
  ...[
    '1'.repeat(25),
    '0.1234567890123456789',
    '0.9999999999996',
    'abc',
    ' 1',
    '1 ',
    '+1',
    '0x10',
    'true',
    `0x${hash}`,
    hash,
  ],
  ...[
    '2026-11-21 23:59:59',
    '2026-11-20 23:59:59',
    '2026-11-21 24:00:00',
    '2026-11-21',
    'x'.repeat(129),
    'a b',
    'é',
    '"',
  ],
];

const shapes = {
  block: {
    bulk: blockDumps,
    of: bitcoin,
    cells: {
      id: '920000',
      hash,
      time: '2026-11-21 10:00:00',
      transaction_count: '3',
      size: '900',
      difficulty: '0.000244140625',
    },
    numbers: ['id', 'transaction_count', 'size'],
    flags: [] as string[],
    schema: block,
    toRow: (item: never) => blockRow(bitcoin, item),
  },
  bitcoin: {
    bulk: transactionDumps,
    of: bitcoin,
    cells: {
      ...{ block_id: '920000', hash, time: '2026-11-21 10:00:00', size: '225', is_coinbase: '0', input_count: '1' },
      ...{
        output_count: '2',
        output_total: '5000',
        output_total_usd: '3.9',
        fee: '225',
        fee_usd: '0.1755',
        cdd_total: '-1e-7',
      },
    },
    numbers: ['block_id', 'size', 'input_count', 'output_count'],
    flags: ['is_coinbase'],
    schema: bitcoinTransaction.omit({ id: true }),
    toRow: (item: never) => bitcoinTransactionRow(bitcoin, item),
  },
  ethereum: {
    bulk: transactionDumps,
    of: ethereum,
    cells: {
      ...{ block_id: '920000', hash, time: '2026-11-21 10:00:00', type: 'call', recipient: 'cd'.repeat(20) },
      ...{ value: '105500282832602990', value_usd: '1.6173', fee: '478956950703000', fee_usd: '0.0073' },
    },
    numbers: ['block_id'],
    flags: [] as string[],
    schema: ethereumTransaction.omit({ id: true }),
    toRow: (item: never) => ethereumTransactionRow(ethereum, item),
  },
} as const;

describe.each(Object.entries(shapes))('every cell of a line (%s)', (_name, shape) => {
  const { bulk, of } = shape;
  const names = Object.keys(shape.cells);
  const lineOf = (cells: Record<string, string>): string => names.map((name) => cells[name]).join('\t');

  /** What the API's schema says of the same values, as JSON has them. */
  function byTheApi(cells: Record<string, string>): Row | undefined {
    const item = Object.fromEntries(
      Object.entries(cells).map(([name, text]): [string, unknown] => {
        if (text === String.raw`\N`) return [name, null];
        if (name === 'recipient' && /^[\da-f]{40}$/.test(text)) return [name, `0x${text}`];
        if ((shape.flags as readonly string[]).includes(name)) return [name, { 1: true, 0: false }[text] ?? text];
        const isNumber = (shape.numbers as readonly string[]).includes(name) && /^-?\d+(\.\d+)?$/.test(text);
        return [name, isNumber ? Number(text) : text];
      }),
    );
    const parsed = shape.schema.safeParse(item);
    if (!parsed.success || outsideDay(parsed.data.time, date)) return undefined;
    return shape.toRow(parsed.data as never);
  }

  test.each(names)('%s', async (name) => {
    for (const text of strange) {
      const cells = { ...shape.cells, [name]: text } as Record<string, string>;
      const { lines, totals } = await read(bulk, of, date, `${names.join('\t')}\n${lineOf(cells)}`);
      const row = byTheApi(cells);
      const said = { name, text, reasons: totals.rejects.map(({ reason }) => reason) };
      if (row === undefined) {
        expect({ ...said, rows: totals.rows }).toMatchObject({ rows: 0, reasons: [expect.any(String)] });
        expect(totals.rejects[0]).toMatchObject({ line: 2, raw: lineOf(cells) });
      } else if (totals.rows === 1) {
        expect({ ...said, line: lines[0] }).toEqual({ ...said, line: asShown(bulk, of, row) });
      } else {
        // the schema takes it, the column would not: the API's way rejects it in the database
        expect(said.reasons).toEqual([expect.stringContaining('does not fit the column')]);
      }
    }
  });
});

/** The line that a row becomes: decimals with all their places, times with microseconds. */
function asShown(bulk: Bulk, of: SourceCoin, row: Row): string {
  const columns = bulk.columns(of);
  return cellTexts(columns, row)
    .map((text, index) => {
      const { looks } = columns[index]!;
      if (text === String.raw`\N`) return text;
      if (looks.form === 'time') return `${text}.000000`;
      if (looks.form !== 'decimal' || looks.scale === 0) return text;
      const [whole, fraction = ''] = text.split('.');
      return `${whole}.${fraction.padEnd(looks.scale, '0')}`;
    })
    .join('\t');
}

describe('a file as a whole', () => {
  const { cells } = shapes.bitcoin;
  const header = Object.keys(cells).join('\t');
  const line = (more: Partial<Record<keyof typeof cells, string>>): string =>
    Object.values({ ...cells, ...more }).join('\t');
  const readText = (text: string) => read(transactionDumps, bitcoin, date, text);

  test('rows come in the order of the key, and one that stands twice is rejected', async () => {
    const hashes = Array.from({ length: 500 }, (_, index) => createHash('sha256').update(`${index}`).digest('hex'));
    const shared = ['aaaa02', 'aaaa01', 'aaaa03', 'aaaa01'];
    const text = [
      header,
      ...[...hashes, ...shared].map((each) => line({ hash: each })),
      line({ block_id: '920001' }),
    ].join('\n');
    const { lines, totals } = await readText(text);
    expect(lines).toEqual(lines.toSorted());
    expect(totals).toMatchObject({ rows: 504, firstGroup: 920000, lastGroup: 920001 });
    expect(totals.rejects).toMatchObject([{ line: 505, reason: 'the same row stands twice' }]);
    expect(totals.sum).toBe(504n * 5000n);
  });

  test('columns are found by name, wherever they stand; unknown ones are left alone', async () => {
    const names = Object.keys(cells).toReversed();
    const values = Object.values(cells).toReversed();
    const { lines } = await readText(`new\t${names.join('\t')}\n\t${values.join('\t')}`);
    expect(lines).toEqual((await readText(`${header}\n${line({})}`)).lines);
  });

  test('a column that is needed and missing, an unknown order, an empty file: SchemaMismatch', async () => {
    const type = (text: string) =>
      readText(text).then(
        () => 'read',
        (error: { type?: string; message: string }) => `${error.type}: ${error.message}`,
      );
    expect(await type(header.replace('fee_usd', 'fees'))).toMatch(/^SchemaMismatch: .*no column fee_usd/);
    expect(await type('')).toMatch(/^SchemaMismatch: .*is empty/);
    expect(await type(header)).toMatch(/^SchemaMismatch: .*no rows/);
    expect(await type(`${header}\n${line({})}\n${line({ block_id: '919999' })}`)).toMatch(/^SchemaMismatch: .*order/);
    expect(await type(`${header}\n${line({})}\n${line({}).slice(0, 120)}`)).toMatch(/^Unavailable: .*middle of a line/);
    const { totals } = await readText(`${header}\n1\t2\n${line({})}`);
    expect(totals).toMatchObject({
      rows: 1,
      rejects: [{ line: 2, reason: '2 cells, 12 expected', raw: '1\t2' }],
    } satisfies {
      rows: number;
      rejects: Partial<DayTotals['rejects'][number]>[];
    });
  });
});

test('bits that are turned and ends that are cut off are noticed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cryptoflow-test-'));
  const file = path.join(folder, 'day.tsv.gz');
  const whole = gzipSync(createHash('sha256').update('x').digest('hex').repeat(500) + 'abc'.repeat(3_000));
  const text = async (bytes: Buffer): Promise<string> => {
    writeFileSync(file, bytes);
    let found = '';
    for await (const chunk of unzipped(file, new AbortController().signal, () => undefined)) found += chunk.toString();
    return found;
  };
  const original = await text(whole);
  const lastOfData = whole.length - 9;
  for (let at = 10; at < whole.length; at += 1) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 1 << (at % 8);
    // a bit that fills up the last byte says nothing
    const outcome = await text(damaged).then(
      (found) => (found === original ? 'harmless' : 'other text'),
      (error: { type?: string }) => error.type,
    );
    if (at !== lastOfData || outcome !== 'harmless') expect({ at, outcome }).toEqual({ at, outcome: 'Unavailable' });
  }
  for (let length = 1; length < whole.length; length += 7)
    await expect(text(whole.subarray(0, length))).rejects.toMatchObject({ type: 'Unavailable' });
  expect(await text(whole)).toBe(original);
  expect(readdirSync(folder)).toEqual(['day.tsv.gz']);
  rmSync(folder, { recursive: true });
});

test('differences of a block: what is new, changed, gone', () => {
  const given = ['1\ta\tx', '1\tb\ty', '1\td\tz'];
  const there = ['1\ta\tx', '1\tb\told', '1\tc\tz'];
  expect(differences(given, there, 2)).toEqual({
    inserted: ['1\td\tz'],
    updated: ['1\tb\ty'],
    removed: ['1\tc\tz'],
    unchanged: 1,
  });
});

import { surplus } from '../../activities/backup/keep';
import { parseManifest } from '../../activities/backup/manifest';
import { assertRowText, valueText, type ValueKind } from '../../activities/backup/row-text';
import { unitCondition } from '../../activities/backup/shapes';
import { unitsOf } from '../../db/queries/changed-units';

const kinds: ValueKind[] = ['number', 'text', 'bytes'];

describe('the text of a row', () => {
  test.each([
    [['1', 'BTC', null], "(1,'BTC',NULL)"],
    [['-12345678901234567890.000000000000000001', '', ''], "(-12345678901234567890.000000000000000001,'',x'')"],
    [[null, "it's", 'a'], "(NULL,_utf8mb4 x'69742773',x'61')"],
    [['0', 'back\\slash', '\xff'], "(0,_utf8mb4 x'6261636B5C736C617368',x'FF')"],
    [['0', 'NULL', null], "(0,'NULL',NULL)"],
    [['0', '\xe2\x82\xbf', null], "(0,_utf8mb4 x'E282BF',NULL)"],
    [['0', 'a\nb', null], "(0,_utf8mb4 x'610A62',NULL)"],
  ])('%j', (values, text) => {
    expect(`(${values.map((value, index) => valueText(kinds[index]!, value)).join(',')})`).toBe(text);
    expect(() => assertRowText(text, kinds)).not.toThrow();
  });

  test.each([
    ["(1,'a',NULL", 'no bracket'],
    ["(1,'a')", 'too few'],
    ["(1,'a',NULL,2)", 'too many'],
    ["(1,'a',NULL),(2,'b',NULL)", 'two rows'],
    ["(1,'a\\',NULL)", 'a backslash'],
    ["(1,'a'' OR 1',NULL)", 'a doubled quote'],
    ["(1,'a' OR '1',NULL)", 'an expression'],
    ["(SLEEP(9),'a',NULL)", 'a function'],
    ["((SELECT 1),'a',NULL)", 'a subquery'],
    ["(1e9,'a',NULL)", 'a float'],
    ["(1 ,'a',NULL)", 'a space'],
    ["(0x41,'a',NULL)", 'another literal'],
    ["(1,x'41',NULL)", 'bytes for text'],
    ["(1,_utf8mb4 x'4',NULL)", 'half a byte'],
    ["(1,_utf8mb4 x'4g',NULL)", 'no digit'],
    ["(1,_latin1 x'41',NULL)", 'another character set'],
    ["(1,/*'a'*/,NULL)", 'a comment'],
    ["(1,'a',NULL);DROP TABLE t;--)", 'a statement'],
    ["(1,'é',NULL)", 'no ASCII'],
    [`(${'9'.repeat(500)},'a',NULL)`, 'a number without end'],
    ['()', 'nothing'],
    ['', 'an empty line'],
  ])('%s is refused: %s', (text) => {
    expect(() => assertRowText(text, kinds)).toThrow('not a row of this table');
  });
});

describe('units', () => {
  test('of rows', () => {
    expect(
      unitsOf('raw_blockchain_blocks', [
        { coin_symbol: 'BTC', block_time: '2026-11-21 23:59:59' },
        { coin_symbol: 'BTC', block_time: '2026-11-21 00:00:00.000000' },
        { coin_symbol: 'BTC', block_time: new Date('2026-11-22T00:00:00Z') },
      ]).map(({ coin, day }) => `${coin} ${day}`),
    ).toEqual(['BTC 2026-11-21', 'BTC 2026-11-22']);
    expect(unitsOf('coin_metadata', [{ symbol: 'BTC' }])).toEqual([]);
    expect(() => unitsOf('raw_market_prices_volumes', [{ coin_id: 'bitcoin', price_date: 'soon' }])).toThrow('soon');
  });

  test('as a condition: nothing but a plain name and a day gets in', () => {
    expect(unitCondition({ table: 'onchain_data', coin: 'bitcoin', day: '2024-02-29' })).toBe(
      "`coin_id` = 'bitcoin' AND `timestamp_iso` >= '2024-02-29 00:00:00' AND `timestamp_iso` < '2024-03-01 00:00:00'",
    );
    expect(unitCondition({ table: 'onchain_data_summary', coin: '', day: '2026-12-01' })).toBe(
      "`month` = '2026-12-01'",
    );
    for (const coin of ["a' OR '1", 'a\\', 'ü'])
      expect(() => unitCondition({ table: 'onchain_data', coin, day: '2026-11-21' })).toThrow('is no unit');
  });
});

describe('a manifest is untrusted', () => {
  const hash = 'a'.repeat(64);
  const good = {
    ...{ format: 1, id: '2026-11-22-040012-full', kind: 'full', previous: null, snapshotAt: '2026-11-22 04:00:12' },
    ...{ schemaVersion: '0009_01_changed_units', server: { kind: 'mariadb', version: '10.11' }, others: [] },
    ...{ totals: {}, partitions: {}, leftOut: [] },
    files: [
      {
        ...{ name: 'coin_metadata.sql.gz', sizeBytes: 1, sha256: hash, table: 'coin_metadata', columns: ['symbol'] },
        parts: [{ coin: null, day: null, rows: 1, checksum: hash }],
      },
    ],
  };
  const file = good.files[0]!;
  const parse = (manifest: unknown) => parseManifest(JSON.stringify(manifest), good.id);

  test('a right one', () => expect(parse(good).files).toHaveLength(1));
  test.each<[string, unknown]>([
    ['a name that leads elsewhere', { ...good, files: [{ ...file, name: '../../etc/passwd' }] }],
    ['an absolute one', { ...good, others: [{ name: '/etc/passwd', sizeBytes: 1, sha256: hash }] }],
    ['a table that is none', { ...good, files: [{ ...file, table: 'a` (b) VALUES (1);--' }] }],
    ['a column that is none', { ...good, files: [{ ...file, columns: ['a`'] }] }],
    ['a partition that is none', { ...good, partitions: { onchain_data: [{ name: 'p1) x', before: null }] } }],
    [
      'a unit with a quote',
      { ...good, files: [{ ...file, parts: [{ coin: "'", day: '2026-11-21', rows: 1, checksum: hash }] }] },
    ],
    [
      'a unit of a table without',
      { ...good, files: [{ ...file, parts: [{ coin: 'a', day: '2026-11-21', rows: 1, checksum: hash }] }] },
    ],
    ['another id', { ...good, id: '2026-11-23-040012-full' }],
    [
      'a full one that continues another',
      { ...good, previous: { id: '2026-11-21-040012-full', manifestSha256: hash } },
    ],
    ['one that continues itself', { ...good, kind: 'incremental', previous: { id: good.id, manifestSha256: hash } }],
    ['two files of one name', { ...good, files: [file, file] }],
    ['a negative count', { ...good, files: [{ ...file, sizeBytes: -1 }] }],
    ['a field more', { ...good, run: 'DROP' }],
    ['no object', null],
  ])('%s', (_what, manifest) => expect(() => parse(manifest)).toThrow(`the manifest of ${good.id} is not right`));
});

describe('what is kept', () => {
  /** Every night from 1 to `nights` November 2026 (a Sunday), full on Sundays. */
  const backups = (nights: number) => {
    let baseId: string | null = null;
    return Array.from({ length: nights }, (_, night) => {
      const day = new Date(Date.UTC(2026, 10, night + 1)).toISOString().slice(0, 10);
      const kind = night % 7 === 0 ? ('full' as const) : ('incremental' as const);
      const id: string = `${day}-040000-${kind}`;
      if (kind === 'full') baseId = id;
      return { id, kind, baseId: kind === 'full' ? null : baseId };
    });
  };
  const left = (nights: number, daily: number, weekly: number) => {
    const all = backups(nights);
    const gone = new Set(surplus(all, { daily, weekly }));
    return all.flatMap(({ id }) => (gone.has(id) ? [] : [id.slice(8, 10)]));
  };

  test('the days, the weeks, and all that they go back to', () => {
    expect(left(21, 3, 1)).toEqual(['15', '16', '17', '18', '19', '20', '21']);
    expect(left(21, 3, 2)).toEqual(['08', '15', '16', '17', '18', '19', '20', '21']);
    // 22 is a full one; 20 and 21 still need the week before
    expect(left(22, 3, 1)).toEqual(['15', '16', '17', '18', '19', '20', '21', '22']);
    expect(left(24, 2, 3)).toEqual(['08', '15', '22', '23', '24']);
    expect(left(1, 1, 1)).toEqual(['01']);
    expect(surplus([], { daily: 1, weekly: 1 })).toEqual([]);
  });

  test('several of one day or week: the newest', () => {
    const all = ['040000', '050000', '060000'].map((time) => ({
      id: `2026-11-22-${time}-full`,
      kind: 'full' as const,
      baseId: null,
    }));
    expect(surplus(all, { daily: 5, weekly: 5 })).toEqual(all.slice(0, 2).map(({ id }) => id));
  });
});

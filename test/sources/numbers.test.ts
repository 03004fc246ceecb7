import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { align, amount, compareDecimals, count, parseJson, plainDecimal, rawText } from '../../activities/numbers';

/** Small and seeded (mulberry32), so that a failure can be repeated. */
function randomFrom(seed: number) {
  let state = seed;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (from: number, to: number): number => from + Math.floor(unit() * (to - from + 1));
  const digits = (length: number): string => Array.from({ length }, () => integer(0, 9)).join('');
  return { integer, digits };
}

/** A number as JSON may write it, with its exact value as mantissa × 10^exponent. */
function someNumber(random: ReturnType<typeof randomFrom>): { text: string; mantissa: bigint; exponent: number } {
  const sign = random.integer(0, 2) === 0 ? '-' : '';
  const whole = random.integer(0, 3) === 0 ? '0' : `${random.integer(1, 9)}${random.digits(random.integer(0, 30))}`;
  const fraction = random.integer(0, 1) === 0 ? '' : random.digits(random.integer(1, 22));
  const power = random.integer(0, 2) === 0 ? random.integer(-40, 40) : undefined;
  const written =
    power === undefined
      ? ''
      : `${random.integer(0, 1) ? 'e' : 'E'}${power >= 0 && random.integer(0, 1) ? '+' : ''}${power}`;
  const text = `${sign}${whole}${fraction ? `.${fraction}` : ''}${written}`;
  return { text, mantissa: BigInt(`${sign}${whole}${fraction}`), exponent: (power ?? 0) - fraction.length };
}

/** Value × 10^80, which is whole for everything that is made here. */
const exact = ({ mantissa, exponent }: { mantissa: bigint; exponent: number }): bigint =>
  mantissa * 10n ** BigInt(80 + exponent);

function exactOfPlain(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return exact({ mantissa: BigInt(whole + fraction), exponent: -fraction.length });
}

const cases = Array.from({ length: 2_000 }, (_, seed) => someNumber(randomFrom(seed + 1)));

test.each([
  ['9.9247685185185e-7', '0.00000099247685185185'],
  ['-0.000385704925', '-0.000385704925'],
  ['1e-18', '0.000000000000000001'],
  ['1E+3', '1000'],
  ['9007199254740993', '9007199254740993'],
  ['1337000000000000001337', '1337000000000000001337'],
  ['1.337e+21', '1337000000000000000000'],
  ['0.1234567890123456789012', '0.1234567890123456789012'],
  ['20030493.0', '20030493'],
  ['000.500', '0.5'],
  ['-0.0', '0'],
  ['0e-7', '0'],
])('%s is %s in plain digits', (written, plain) => {
  expect(plainDecimal(written)).toBe(plain);
});

test.each(['', ' ', '.5', '5.', '+5', '0x10', '1,000', 'NaN', 'Infinity', '1e', '--1', '1e400', '1e-99999999999'])(
  '"%s" is not a decimal number',
  (text) => {
    expect(() => plainDecimal(text)).toThrow(RangeError);
  },
);

test('plain decimals have the same value, one spelling, and stay as they are', () => {
  for (const given of cases) {
    const plain = plainDecimal(given.text);
    expect([given.text, exactOfPlain(plain)]).toEqual([given.text, exact(given)]);
    expect(plain).toMatch(/^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
    expect(plainDecimal(plain)).toBe(plain);
  }
});

test('comparing orders any two, and align puts them on one scale', () => {
  cases.forEach((one, index) => {
    const other = cases[(index * 7 + 3) % cases.length]!;
    const [a, b] = [plainDecimal(one.text), plainDecimal(other.text)];
    const expected = exact(one) < exact(other) ? -1 : exact(one) > exact(other) ? 1 : 0;
    expect([a, b, compareDecimals(a, b)]).toEqual([a, b, expected]);
    expect(compareDecimals(b, a)).toBe(0 - expected || 0);
    expect(compareDecimals(a, a)).toBe(0);
    const [x, y] = align(a, b);
    expect(x * exact(other)).toBe(y * exact(one));
  });
});

test('parsing loses no digit, and what was parsed can be written again', () => {
  const amounts = z.array(amount);
  const texts = cases.map((each) => each.text);
  const parsed = parseJson(`[${texts.join(',')}]`);
  expect(amounts.parse(parsed)).toEqual(texts.map(plainDecimal));
  expect(amounts.parse(parseJson(rawText(parsed)))).toEqual(texts.map(plainDecimal));
});

test('whole numbers that a double holds are numbers, others keep their digits', () => {
  expect(parseJson('[0, -7, 9007199254740991]')).toEqual([0, -7, Number.MAX_SAFE_INTEGER]);
  for (const text of ['9007199254740993', '-0', '1.0', '0.1', '1e3'])
    expect(parseJson(text)).toEqual(new LosslessNumber(text));
});

test('raw text is the JSON that came, digit for digit', () => {
  const text = '{"wei":1337000000000000001337,"cdd":-9.90e-7,"rank":1.0,"names":["a",null,true],"none":null}';
  expect(rawText(parseJson(text))).toBe(text);
});

test.each([
  ['7', 7],
  ['20030493.0', 20_030_493],
  ['1e3', 1_000],
])('a count of %s is %d', (text, number) => {
  expect(count.parse(parseJson(text))).toBe(number);
});

test.each(['-1', '0.5', '9007199254740993', '1.00000000000000000000001', '1e400', '"7"', 'null', 'true', '{}', '[]'])(
  '%s is no count: an issue, not an exception, and never 0',
  (text) => {
    expect(count.safeParse(parseJson(text)).success).toBe(false);
  },
);

test.each(['""', '" "', 'null', 'true', '{}', '[]', '"a lot"', '1e400'])('%s is no amount, and never 0', (text) => {
  expect(amount.safeParse(parseJson(text)).success).toBe(false);
});

test('a missing number is an issue with its path', () => {
  const row = z.object({ fee: amount, size: count });
  expect(row.safeParse({}).error?.issues.map((issue) => issue.path.join('.'))).toEqual(['fee', 'size']);
});

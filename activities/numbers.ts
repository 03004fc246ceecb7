import { LosslessNumber, parse, stringify } from 'lossless-json';
import { z } from 'zod';

/**
 * JSON numbers without loss: integers that a double holds exactly stay numbers, everything else keeps its digits.
 * (JSON.parse rounds wei, lamports and chainwork; Node 20 has no lossless reviver.)
 * Of a key that stands twice the last one counts, as in JSON.parse: Blockchair's stats were seen with such.
 */
export function parseJson(text: string): unknown {
  return parse(text, undefined, {
    parseNumber: (digits) => {
      const number = Number(digits);
      return Number.isSafeInteger(number) && String(number) === digits ? number : new LosslessNumber(digits);
    },
    onDuplicateKey: ({ newValue }) => newValue,
  });
}

/** `1.5e-7` → `0.00000015`: MySQL reads exponents as floats, which would round a DECIMAL. */
export function plainDecimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) throw new RangeError(`not a decimal number: ${text}`);
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (Math.abs(point) > 400) throw new RangeError(`too large an exponent: ${text}`);
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const at = point <= 0 ? 1 : point;
  const integer = padded.slice(0, at).replace(/^0+(?=\d)/, '');
  const rest = padded.slice(at).replace(/0+$/, '');
  const plain = rest === '' ? integer : `${integer}.${rest}`;
  return /^[0.]*$/.test(plain) ? '0' : sign + plain;
}

/** An amount: a JSON number or numeric string of any size → a plain decimal string. */
export const amount = z
  .union([z.number(), z.instanceof(LosslessNumber), z.string()], 'expected a number')
  .transform(toPlain);

/** A count: a whole JSON number that a double holds exactly. */
export const count = z
  .union([z.number(), z.instanceof(LosslessNumber)], 'expected a whole number')
  .transform(toPlain)
  .pipe(z.string().regex(/^\d+$/, 'expected a whole number of at least 0'))
  .transform(Number)
  .pipe(z.number().int());

function toPlain(value: number | string | LosslessNumber, context: z.RefinementCtx): string {
  try {
    return plainDecimal(String(value).trim());
  } catch {
    context.addIssue({ code: 'custom', message: `expected a number, got ${rawText(value)}` });
    return z.NEVER;
  }
}

/** Sign of `a - b` for plain decimal strings of any size. */
export function compareDecimals(a: string, b: string): number {
  const [x, y] = align(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Plain decimals as integers of one common scale, for exact sums. */
export function align<T extends string[]>(...texts: T): { [K in keyof T]: bigint } {
  const scale = Math.max(...texts.map(decimals));
  return texts.map((text) => scaled(text, scale)) as { [K in keyof T]: bigint };
}

function decimals(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function scaled(text: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

/** The original text of a parsed body, for rejected records: numbers keep their digits. */
export function rawText(value: unknown): string {
  return stringify(value) ?? '';
}

import { LosslessNumber, isNumber, parse } from 'lossless-json';
import { z } from 'zod';

/**
 * JSON numbers without loss: integers that a double holds exactly stay numbers, everything else keeps its digits.
 * (JSON.parse rounds wei, lamports and chainwork; Node 20 has no lossless reviver.)
 */
export function parseJson(text: string): unknown {
  return parse(text, undefined, (digits) => {
    const number = Number(digits);
    return Number.isSafeInteger(number) && String(number) === digits ? number : new LosslessNumber(digits);
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
  .transform((value, context) => {
    try {
      return plainDecimal(value instanceof LosslessNumber ? value.value : String(value).trim());
    } catch {
      context.addIssue({ code: 'custom', message: `expected a number, got ${JSON.stringify(value)}` });
      return z.NEVER;
    }
  });

/** A count: a whole JSON number that a double holds exactly. */
export const count = z
  .union([z.number(), z.instanceof(LosslessNumber)], 'expected a whole number')
  .transform(Number)
  .pipe(z.number().int().nonnegative());

/** Sign of `a - b` for plain decimal strings of any size. */
export function compareDecimals(a: string, b: string): number {
  const [x, y] = align(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/** `a` and `b` as integers of one common scale. */
export function align(a: string, b: string): [bigint, bigint, number] {
  const scale = Math.max(decimals(a), decimals(b));
  return [scaled(a, scale), scaled(b, scale), scale];
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
  return JSON.stringify(value, (_key, inner: unknown) => (isLossless(inner) ? asJsonNumber(inner) : inner));
}

function isLossless(value: unknown): value is LosslessNumber {
  return value instanceof LosslessNumber;
}

function asJsonNumber(value: LosslessNumber): unknown {
  return isNumber(value.value) && String(Number(value.value)) === value.value ? Number(value.value) : value.value;
}

import { align, plainDecimal } from './numbers';

/** `text` with at most `scale` decimals, rounded half away from zero, as MySQL rounds what it is given. */
export function roundDecimal(text: string, scale: number): string {
  const point = text.indexOf('.');
  if (point < 0 || text.length - point - 1 <= scale) return text;
  const factor = 10n ** BigInt(text.length - point - 1 - scale);
  const digits = BigInt(text.replace('.', ''));
  return withPoint(roundedQuotient(digits, factor), scale);
}

/** `a ÷ b` of plain decimals to `scale` decimals, rounded half away from zero. Throws RangeError where b is 0. */
export function divideDecimals(a: string, b: string, scale: number): string {
  const [x, y] = align(a, b);
  if (y === 0n) throw new RangeError(`${a} ÷ 0`);
  return withPoint(roundedQuotient(x * 10n ** BigInt(scale), y), scale);
}

/** `a × b` of plain decimals, exact. */
export function multiplyDecimals(a: string, b: string): string {
  const places = decimalsOf(a) + decimalsOf(b);
  return withPoint(BigInt(a.replace('.', '')) * BigInt(b.replace('.', '')), places);
}

/** `a − b` of plain decimals, exact. */
export function subtractDecimals(a: string, b: string): string {
  const [x, y] = align(a, b);
  return withPoint(x - y, Math.max(decimalsOf(a), decimalsOf(b)));
}

/** `text × 10^shift`: how units of one quantity become each other ('1070667944' GH/s, -3 → '1070667.944' TH/s). */
export function shiftDecimal(text: string, shift: number): string {
  return plainDecimal(`${text}e${shift}`);
}

function decimalsOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n;
  const [n, d] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const quotient = (2n * n + d) / (2n * d);
  return isNegative ? -quotient : quotient;
}

function withPoint(scaled: bigint, scale: number): string {
  return plainDecimal(`${scaled}e-${scale}`);
}

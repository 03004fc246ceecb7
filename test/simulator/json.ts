const INTEGER_MARK = '\u0001';

/** JSON text in which a bigint is an integer of any length, as the services write amounts beyond 2^53. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? `${INTEGER_MARK}${item}` : item,
  );
  return text.replace(/"\\u0001(-?\d+)"/g, '$1');
}

/** True for a JSON object, false for arrays and null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

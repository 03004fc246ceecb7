/**
 * `data_quality_score` = coverage × (1 − conflicts), 0 to 1. Coverage: applicable columns with a value ÷ applicable
 * columns. Conflicts: of the fields that two or more sources gave, the share on which they differ beyond tolerance.
 */
export function qualityScore(
  columns: readonly string[],
  values: Readonly<Record<string, unknown>>,
  { compared, conflicts }: { compared: number; conflicts: readonly unknown[] },
): string {
  if (columns.length === 0) return '0';
  const coverage = columns.filter((column) => (values[column] ?? null) !== null).length / columns.length;
  const disagreement = compared === 0 ? 0 : conflicts.length / compared;
  return (coverage * (1 - disagreement)).toFixed(4);
}

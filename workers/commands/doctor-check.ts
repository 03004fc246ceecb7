/** A note is worth knowing and needs nobody. */
export interface Check {
  name: string;
  status: 'ok' | 'note' | 'problem';
  /** what was found; for a problem also what to do */
  message: string;
}

/** Months for which partitions have to be there beforehand. */
export const monthsAhead = 2;

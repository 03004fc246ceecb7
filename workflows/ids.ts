/** The id of the child that does the work of a run: its lock, for every way of starting (rule 2). */
export function runId(dataset: string, coin: string, date: string): string {
  return `ingest/${dataset}/${coin}/${date}`;
}

/** The same for a slot, ISO: `collect/2026-11-21T10:15Z`. */
export function slotId(slot: string): string {
  return `collect/${slot.slice(0, 16)}Z`;
}

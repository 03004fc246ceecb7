/** The id of the child that does the work of a run: its lock, for every way of starting (rule 2). */
export function runId(dataset: string, coin: string, date: string): string {
  return `ingest/${dataset}/${coin}/${date}`;
}

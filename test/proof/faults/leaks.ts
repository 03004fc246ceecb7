import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { sql, type Kysely } from 'kysely';
import type { Schema } from '../../../db/schema';

/** Where secrets might have got to. */
export interface Places {
  db: Kysely<Schema>;
  client: Client;
  /** texts by name: logs of workers, errors that people saw */
  texts: Readonly<Record<string, string>>;
  /** processes that were started and still run */
  pids: readonly number[];
}

/** Where one of the secrets stands, plain or as URLs write it: everywhere that outlives a run, or that others can read. */
export async function leaks(secrets: readonly string[], places: Places): Promise<string[]> {
  const wanted = secrets.flatMap((secret) => [...new Set([secret, encodeURIComponent(secret)])]);
  const found: string[] = [];
  const look = (where: string, text: string): void => {
    for (const secret of wanted) if (text.includes(secret)) found.push(`${where}: ${around(text, secret)}`);
  };
  for (const [name, text] of Object.entries(places.texts)) look(name, text);
  for (const pid of places.pids) look(`/proc/${pid}/cmdline`, readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  for await (const { workflowId, runId } of places.client.workflow.list()) {
    const handle = places.client.workflow.getHandle(workflowId, runId);
    look(`history of ${workflowId}`, textOf(await handle.fetchHistory()));
    const { raw } = await handle.describe();
    look(`description of ${workflowId}`, textOf(raw));
  }
  for (const table of await tablesOf(places.db)) {
    const query = sql`SELECT * FROM ${sql.table(table)}`.compile(places.db);
    for await (const { rows } of places.db.getExecutor().stream(query, 1_000))
      look(`table ${table}`, JSON.stringify(rows));
  }
  return found;
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 80), at) + '<here>';
}

/** Every text in a message of Temporal, payloads decoded. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.values(value).map(textOf).join('\n');
}

async function tablesOf(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'`.execute(db);
  return rows.map(({ name }) => name);
}

import type { Client } from '@temporalio/client';
import type { Kysely } from 'kysely';
import type { Agent } from 'undici';
import type { Database } from '../db/connect';
import type { Schema } from '../db/schema';
import type { BackupSettings } from './backup/store';
import type { SpoolSettings } from './bulk/spool';
import { SourceFailure } from './failures';
import type { SourceConnection } from './http';
import type { BulkHost } from './source';
import type { RetentionSettings } from './retention/policies';

/** A source as it is configured here; `unusable` says why it cannot work, and what to do about it. */
export type ConfiguredSource = SourceConnection & { planName: string; unusable?: string; bulk?: ConfiguredBulk };

/** `auto`: the API's rows first where the file is not there yet, then the file; `dumps`: files alone; `api`: none. */
export type BulkMode = 'dumps' | 'auto' | 'api';

export interface ConfiguredBulk extends BulkHost {
  mode: BulkMode;
  /** how long a run waits for a file that is not published yet */
  waitMs: number;
}

export interface Settings {
  /** share of rejected rows above which a page stays invisible and its run fails */
  rejectShare: number;
  logRetentionDays: number;
  /** a collected value that is so many times larger or smaller than the last one is kept, and reported */
  jumpFactor: number;
  retention: RetentionSettings;
  /** marks rows and details of data that is not real */
  dataLabel: string | null;
  /** the whole time of one request */
  requestTimeoutMs: number;
  /** where downloads of whole days lie until they are loaded */
  spool: SpoolSettings;
  backup: BackupSettings;
  /** how long after its end a workflow's last activity may still write its page (activities/health/lost-runs.ts) */
  settleMs: number;
}

/** Everything that activities are given; they have no other way to the world. */
export interface ActivityDeps {
  db: Kysely<Schema>;
  /** the configured database, or another one of its server, with connections of its own: for backups and restores */
  openDatabase: (name?: string) => Database;
  client: Client;
  agent: Agent;
  sources: ReadonlyMap<string, ConfiguredSource>;
  settings: Settings;
  redact: (text: string) => string;
}

export function configuredSource(deps: Pick<ActivityDeps, 'sources'>, name: string): ConfiguredSource {
  const found = deps.sources.get(name);
  if (!found) throw new SourceFailure('BadInput', `source "${name}" is not configured`);
  return found;
}

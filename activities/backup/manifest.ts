import { z } from 'zod';
import { isUnitTable, type UnitTable } from '../../db/queries/changed-units';

// What manifest.json says. It is written last, so a folder without one is no backup, and read as untrusted input:
// names lead nowhere but into the backup's own folder, and nothing of it becomes SQL without having been checked.

/** `2026-11-22-040012-full`: sorts by time. */
export const backupIdShape = /^\d{4}-\d\d-\d\d-\d{6}-(full|incremental)$/;
const fileName = /^[a-z0-9_]{1,80}\.(sql\.gz|txt)$/;
const identifier = /^[a-z][a-z0-9_]{0,63}$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const backupId = z.string().regex(backupIdShape);

/** Rows that stand together in a file: all of a table, or one unit of it. */
const part = z.strictObject({
  /** null: all of the table. Else the value of its coin column, '' = all coins */
  coin: z
    .string()
    .regex(/^[\x20-\x26\x28-\x5b\x5d-\x7e]{0,150}$/)
    .nullable(),
  day: z.iso.date().nullable(),
  rows: count,
  /** SHA-256 of the rows' text, a line each, in the order of the key */
  checksum: sha256,
});

const rowsFile = z.strictObject({
  name: z.string().regex(fileName),
  sizeBytes: count,
  sha256,
  table: z.string().regex(identifier),
  columns: z.array(z.string().regex(identifier)).min(1).max(200),
  parts: z.array(part),
});

const plainFile = z.strictObject({ name: z.string().regex(fileName), sizeBytes: count, sha256 });

const manifestShape = z.strictObject({
  format: z.literal(1),
  id: backupId,
  kind: z.enum(['full', 'incremental']),
  /** the backup before it in its chain, and the SHA-256 of that one's manifest.json; null: a full one */
  previous: z.strictObject({ id: backupId, manifestSha256: sha256 }).nullable(),
  /** UTC, the database's clock */
  snapshotAt: z.string().max(40),
  /** newest migration that the content fits */
  schemaVersion: z.string().regex(/^\d{4}_\d\d_\w{1,200}$/),
  server: z.strictObject({ kind: z.enum(['mariadb', 'mysql']), version: z.string().max(200) }),
  /** README, and in a full one the schema */
  others: z.array(plainFile),
  files: z.array(rowsFile),
  /** rows of each table in the snapshot, whichever backup of the chain holds them */
  totals: z.record(z.string().regex(identifier), count),
  /** partitions by table, in their order */
  partitions: z.record(
    z.string().regex(identifier),
    z.array(
      z.strictObject({
        name: z.string().regex(/^p\w{1,60}$/),
        /** rows before this day; null: all that are left */
        before: z.iso.date().nullable(),
      }),
    ),
  ),
  /** tables of the database that are none of ours, and stay out */
  leftOut: z.array(z.string()),
});

export type Manifest = z.output<typeof manifestShape>;
export type RowsFile = z.output<typeof rowsFile>;
export type Part = z.output<typeof part>;

/** No manifest is larger: a year of units has about 2 MB. */
export const longestManifest = 64 * 1024 * 1024;

/** Throws a sentence about what is wrong with it. */
export function parseManifest(text: string, id: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`the manifest of ${id} is not JSON`);
  }
  const parsed = manifestShape.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`the manifest of ${id} is not right: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const manifest = parsed.data;
  const refuse = (why: string) => new Error(`the manifest of ${id} is not right: ${why}`);
  if (manifest.id !== id) throw refuse(`it is that of ${manifest.id}`);
  if ((manifest.kind === 'full') !== (manifest.previous === null)) throw refuse('kind and previous do not fit');
  if (manifest.previous && manifest.previous.id >= manifest.id) throw refuse('it continues a later backup');
  const names = [...manifest.others, ...manifest.files].map(({ name }) => name);
  if (new Set(names).size !== names.length) throw refuse('two files have one name');
  for (const { table, parts } of manifest.files) {
    const isWhole = parts.length === 1 && parts[0]!.coin === null && parts[0]!.day === null;
    const areUnits = isUnitTable(table) && parts.every(({ coin, day }) => coin !== null && day !== null);
    if (!isWhole && (!areUnits || manifest.kind === 'full')) throw refuse(`the parts of ${table} are not right`);
  }
  return manifest;
}

/** A part that is one unit; null: all of the table. */
export function unitOf(
  { table }: RowsFile,
  { coin, day }: Part,
): { table: UnitTable; coin: string; day: string } | null {
  return coin === null || day === null || !isUnitTable(table) ? null : { table, coin, day };
}

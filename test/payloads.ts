import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseJson } from '../activities/numbers';

/** Recorded answers of the real services. They lie beside the project and are read in place. */
export const payloadsFolder = path.join(__dirname, '..', '..', 'shared', 'payloads');

const isThere = existsSync(payloadsFolder);

/** A recorded body as the HTTP client would hand it out, without losing digits. */
export function payload(file: string): unknown {
  return parseJson(payloadText(file));
}

export function payloadText(file: string): string {
  return readFileSync(path.join(payloadsFolder, file), 'utf8');
}

/** `describe` for what needs recordings; without them it is skipped, and one line says so. */
export function describeRecorded(title: string, tests: () => void): void {
  if (!isThere) process.stderr.write(`skipped: "${title}" needs the recorded answers of ${payloadsFolder}\n`);
  (isThere ? describe : describe.skip)(title, tests);
}

import { ApplicationFailure } from '@temporalio/common';

interface StoreError extends Error {
  code?: string;
  syscall?: string;
  $metadata?: { httpStatusCode?: number };
}

/** Waits between tries: a bucket that is away for a while comes back, and each try reads the whole database. */
const waitsMs = [5_000, 30_000, 180_000, 900_000];

/**
 * What a folder or a bucket said, as Temporal's failure: `Unavailable` is tried again (four times, 20 minutes in all),
 * `Unauthorized` is not. Undefined for an error that is none of theirs.
 */
export function storeFailure(
  error: unknown,
  redact: (text: string) => string,
  attempt: number,
): ApplicationFailure | undefined {
  const found = storeErrorIn(error);
  if (found === undefined) return undefined;
  const { what, todo, isFinal } = found;
  const waitMs = waitsMs[attempt - 1];
  const isLast = isFinal || waitMs === undefined;
  const next = isLast ? 'Not tried again' : `Attempt ${attempt}; tries again in ${waitMs / 1_000} s`;
  return ApplicationFailure.create({
    type: isFinal ? 'Unauthorized' : 'Unavailable',
    message: redact(
      `the backup could not be written: ${what}. ${todo}. ${next}. What it had written is removed, no other backup was touched, and what changed stays marked for the next one`,
    ),
    nonRetryable: isLast,
    nextRetryDelay: waitMs,
  });
}

/** By shape, not by class: errors of Node's own modules are of another realm within tests. */
function isErrorLike(error: unknown): error is StoreError {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error;
}

function storeErrorIn(error: unknown): { what: string; todo: string; isFinal: boolean } | undefined {
  for (let current = error; isErrorLike(current); current = current.cause) {
    const { code = '', name, message, syscall, $metadata } = current;
    const status = $metadata?.httpStatusCode;
    if (status !== undefined || /^(NoSuchBucket|CredentialsProviderError|AccessDenied)$/.test(name)) {
      const isFinal = status === 401 || status === 403 || status === 404 || name === 'CredentialsProviderError';
      const todo = isFinal
        ? 'Check bucket, keys and rights (CRYPTOFLOW_BACKUP_*, AWS_*)'
        : 'See whether the service answers';
      return { what: `S3 says ${name}${status ? ` (${status})` : ''}: ${message}`, todo, isFinal };
    }
    if (code === 'ENOSPC' || code === 'EDQUOT')
      return { what: `no space is left where backups go (${code})`, todo: 'Free some, or keep fewer', isFinal: false };
    // of the disk; errors of the database have codes and no syscall of files
    if (/^(EACCES|EPERM|EROFS|ENOTDIR|EIO|ENOENT)$/.test(code) && syscall !== undefined && syscall !== 'connect')
      return { what: message, todo: 'Check the folder (CRYPTOFLOW_BACKUP_TO)', isFinal: code !== 'EIO' };
    if (
      /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|TimeoutError)$/.test(code || name) &&
      !('fatal' in current)
    )
      return { what: `S3 cannot be reached: ${message}`, todo: 'See whether the service answers', isFinal: false };
    if (code === 'ER_TABLE_DEF_CHANGED')
      return { what: 'a table was altered while it was read', todo: 'Nothing to do', isFinal: false };
  }
  return undefined;
}

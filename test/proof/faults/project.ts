import path from 'node:path';

/** A path in the checkout. Tests run from source and proofs from .build, but both from the checkout's root. */
export function fromRoot(...parts: string[]): string {
  return path.resolve(...parts);
}

import type { FieldName } from '../fields';
import type { RpcResult } from '../json-rpc';
import type { Reject } from '../source';

/** Calls that a node does not offer cost their own fields only. */
export function unanswered(coinId: string, results: Readonly<Partial<Record<FieldName, RpcResult>>>): Reject[] {
  return Object.entries(results).flatMap(([field, { problem }]) =>
    problem === undefined ? [] : [{ key: coinId, field, reason: problem, raw: problem, absent: true }],
  );
}

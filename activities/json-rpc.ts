import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { SourceFailure, type FailureVerdict } from './failures';
import { schemaMismatch } from './http';
import { rawText } from './numbers';
import type { SourceHttp } from './source';

// JSON-RPC over one POST: several calls are one request, and each has a result or an error of its own. Nodes answer in any
// order. A refusal as a whole is a single object, with HTTP 200 or not.

export interface RpcCall {
  method: string;
  params: readonly unknown[];
}

const error = z.object({ code: z.union([z.number(), z.instanceof(LosslessNumber)]), message: z.string() });
const item = z.object({ id: z.unknown(), result: z.unknown().optional(), error: error.nullish() });
const items = z.array(item);
const refusal = z.object({ error });

/** What a node gave for a call. */
export type RpcResult = { result: unknown; problem?: undefined } | { result?: undefined; problem: string };

/** Asks all at once; the results are in the order of the calls. Throws where the node has too much to do for one of them. */
export async function callTogether<const Calls extends readonly RpcCall[]>(
  http: SourceHttp,
  calls: Calls,
): Promise<{ [K in keyof Calls]: RpcResult }> {
  const body = await http.getJson({
    path: '',
    json: calls.map((call, index) => ({ jsonrpc: '2.0', id: index + 1, ...call })),
  });
  const answer = items.safeParse(body);
  if (!answer.success) throw schemaMismatch('json-rpc', answer.error.issues, body);
  const results = calls.map(({ method }, index): RpcResult => {
    const own = answer.data.find(({ id }) => id === index + 1);
    if (own === undefined) return { problem: `${method}: not answered` };
    if (!own.error) return { result: own.result };
    const { type, reason } = judgeError(own.error);
    if (type === 'RateLimited' || type === 'Unavailable')
      throw new SourceFailure(type, `${method}: ${reason}`, { body: rawText(own).slice(0, 500) });
    return { problem: `${method}: ${reason}` };
  });
  return results as { [K in keyof Calls]: RpcResult };
}

/** A refusal as a whole. Without a key, 403 means that the address is blocked here: the next endpoint may answer. */
export function judge(status: number, body: unknown): FailureVerdict | undefined {
  const whole = refusal.safeParse(body);
  if (whole.success) return judgeError(whole.data.error);
  if (status === 403) return { type: 'Unavailable', reason: 'this endpoint does not let us in' };
  return undefined;
}

/** Codes of JSON-RPC 2.0 and of EIP-1474; providers use those of HTTP too. */
function judgeError({ code, message }: z.infer<typeof error>): FailureVerdict {
  const number = Number(code);
  if (number === -32005 || number === 429 || /rate limit|too many requests/i.test(message))
    return { type: 'RateLimited', reason: message };
  if (number === -32601 || number === -32004) return { type: 'NotAvailable', reason: message };
  if (number === -32600 || number === -32602 || number === -32700) return { type: 'BadInput', reason: message };
  return { type: 'Unavailable', reason: message };
}

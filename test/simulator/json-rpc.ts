import { isObject } from './json';
import type { Answer, UpstreamRequest } from './upstream';

/** What a node does with one call: a result, or an error with its code. */
export type Method = (params: readonly unknown[]) => unknown;

export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** JSON-RPC 2.0 over POST, one call or several; a batch comes back in another order, as it may. */
export function answerRpc({ method, json }: UpstreamRequest, methods: Readonly<Record<string, Method>>): Answer {
  if (method !== 'POST') return { status: 405, body: Buffer.from('Used HTTP Method is not allowed. POST is required') };
  if (Array.isArray(json)) return { status: 200, body: json.map((call) => answerOne(call, methods)).toReversed() };
  return { status: 200, body: answerOne(json, methods) };
}

function answerOne(call: unknown, methods: Readonly<Record<string, Method>>): unknown {
  if (!isObject(call) || typeof call['method'] !== 'string') return failed(null, -32600, 'Invalid Request');
  const id = call['id'] ?? null;
  const method = methods[call['method']];
  if (!method) return failed(id, -32601, 'Method not found');
  try {
    return { jsonrpc: '2.0', result: method(Array.isArray(call['params']) ? call['params'] : []), id };
  } catch (error) {
    if (error instanceof RpcError) return failed(id, error.code, error.message);
    throw error;
  }
}

export function failed(id: unknown, code: number, message: string): unknown {
  return { jsonrpc: '2.0', error: { code, message }, id };
}

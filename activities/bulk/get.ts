import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

// Node's own client, not undici as everywhere else: a reader that is slower than the sender (it writes to a disk, or keeps
// to a limit) must not end the process when the sender closes the connection. undici 7.30 does, nodejs/undici#5360.

/** No byte for so long: the connection is dead. */
const idleMs = 30_000;

/**
 * The answer to one request, its body still to be read: as fast as it is read, and no faster. Each has a connection of
 * its own, which ends with it. Rejects with what the network says, or the signal's reason.
 */
export function openFile(
  url: URL,
  method: 'HEAD' | 'GET',
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = send(url, { method, headers: { ...headers, connection: 'close' }, agent: false, signal }, resolve);
    sent.setTimeout(idleMs, () => sent.destroy(new Error(`no byte for ${idleMs / 1_000} s`)));
    sent.once('error', reject);
    sent.end();
  });
}

/** The first bytes of a body, as text. */
export async function beginning(response: IncomingMessage, bytes: number): Promise<string> {
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.length >= bytes) break;
  }
  return text.slice(0, bytes);
}

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';

// Node's own client, not undici as everywhere else: a reader that is slower than the sender (it writes to a disk, or keeps
// to a limit) must not end the process when the sender closes the connection. undici 7.30 does, nodejs/undici#5360.

/** No byte for so long, though one is waited for: the connection is dead. */
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
    const sent = send(url, { method, headers: { ...headers, connection: 'close' }, agent: false, signal });
    sent.setTimeout(idleMs, () => sent.destroy(silence(idleMs)));
    sent.once('response', (response) => {
      // from here on the reader decides: one that rests must not look like a host that is silent
      sent.setTimeout(0);
      resolve(response);
    });
    // more than one may come, also behind the answer: the body's reader is told of those
    sent.on('error', reject);
    sent.end();
  });
}

function silence(ms: number): Error {
  return new Error(`no byte for ${ms / 1_000} s`);
}

/** A body as it comes. Throws where the host is silent for so long while the reader waits; how long that rests is its own affair. */
export async function* chunksOf(body: Readable, longestMs = idleMs): AsyncGenerator<Buffer, void> {
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(silence(longestMs)), longestMs);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    body.destroy();
  }
}

/** The first bytes of a body, as text. */
export async function beginning(response: IncomingMessage, bytes: number): Promise<string> {
  let text = '';
  for await (const chunk of chunksOf(response)) {
    text += chunk.toString('latin1');
    if (text.length >= bytes) break;
  }
  return text.slice(0, bytes);
}

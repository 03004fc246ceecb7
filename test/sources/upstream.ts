import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A server of a test's own, for what the simulated services never do. */
export interface Upstream {
  url: string;
  /** requests that arrived, oldest first */
  arrived: IncomingMessage[];
  /** connections that are open now */
  open(): number;
  close(): Promise<void>;
}

export async function startUpstream(listener: RequestListener): Promise<Upstream> {
  const arrived: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    arrived.push(request);
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Waits until something is so, for a second at most. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let look = 0; look < 100 && !isSo(); look += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!isSo()) throw new Error('it did not become so within a second');
}

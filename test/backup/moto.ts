import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, request as forward, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// A real S3 server on loopback: moto, from pip, in a folder of the tests' own cache. Before it stands a proxy that can
// make it fail in the middle of something.

const packages = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];
const cacheFolder = path.join(__dirname, '..', '..', '.cryptoflow', 'cache', 'moto-5');

export interface S3Server {
  /** through the proxy */
  endpoint: string;
  /** from then on every answer to a request for which `isBad` says so is 503; undefined: none is */
  fail(isBad: ((method: string, url: string) => boolean) | undefined): void;
  /** `PUT /bucket/key?partNumber=1`, in their order */
  requests: string[];
  close(): Promise<void>;
}

/** Undefined where there is no Python, or nothing can be installed: the reason is on stderr. */
export async function startS3(): Promise<S3Server | undefined> {
  const missing = installMoto();
  if (missing !== undefined) {
    process.stderr.write(`\nNOT TESTED: backups to S3, as moto cannot be had: ${missing}\n`);
    return undefined;
  }
  const port = await freePort();
  const moto = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    env: { PATH: process.env.PATH, PYTHONPATH: cacheFolder, HOME: process.env.HOME },
    stdio: 'ignore',
  });
  await untilOpen(port, moto);
  const requests: string[] = [];
  let isBad: ((method: string, url: string) => boolean) | undefined;
  const proxy = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    requests.push(`${method} ${url}`);
    if (isBad?.(method, url)) {
      incoming.resume();
      incoming.once('end', () => outgoing.writeHead(503, { 'content-type': 'application/xml' }).end(slowDown));
      return;
    }
    const onward = forward({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    fail: (which) => (isBad = which),
    requests,
    async close() {
      await closed(proxy);
      moto.kill();
    },
  };
}

const slowDown =
  '<?xml version="1.0"?><Error><Code>ServiceUnavailable</Code><Message>Please reduce your request rate.</Message></Error>';

function installMoto(): string | undefined {
  const isThere = spawnSync('python3', ['-c', 'import moto.server, flask_cors'], { stdio: 'ignore' }).status === 0;
  if (isThere || existsSync(cacheFolder)) return undefined;
  const partial = `${cacheFolder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const pip = spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', partial, ...packages], {
    encoding: 'utf8',
    timeout: 180_000,
  });
  if (pip.status === 0) {
    if (!existsSync(cacheFolder)) renameSync(partial, cacheFolder);
    return undefined;
  }
  rmSync(partial, { recursive: true, force: true });
  return (pip.error?.message ?? pip.stderr).trim().split('\n').at(-1);
}

async function untilOpen(port: number, child: ReturnType<typeof spawn>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await sleep(100);
  }
  throw new Error('moto did not start within a minute');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await closed(server);
  return port;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Cleanup } from '../../../workers/stack/cleanup';
import { freePort, isListening, run, startServer, waitUntilReady, which } from '../../../workers/stack/processes';
import { fromRoot } from './project';

/** What stands between two ends of a TCP connection. https://github.com/Shopify/toxiproxy#toxics */
export interface Toxic {
  type: 'latency' | 'timeout' | 'reset_peer' | 'bandwidth' | 'limit_data' | 'slicer';
  stream: 'upstream' | 'downstream';
  attributes: Readonly<Record<string, number>>;
  /** share of the connections that it meets; all when left out */
  toxicity?: number;
}

export interface Toxiproxy {
  /** the same server through a proxy of its own, and the way to spoil it; what it returns makes it well again */
  between(url: string): Promise<{ url: string; spoil(toxic: Toxic): Promise<() => Promise<void>> }>;
}

const version = 'v2.12.0';
const goModule = 'github.com/Shopify/toxiproxy/v2/cmd/server';

/** Toxiproxy on loopback: from the cache, else built by Go. The reason is returned when it cannot be had. */
export async function startToxiproxy(cleanup: Cleanup): Promise<Toxiproxy | { whyNot: string }> {
  const program = await findProgram(cleanup);
  if (typeof program !== 'string') return program;
  const port = await freePort();
  const folder = fromRoot('.cryptoflow', 'cache');
  const logFile = path.join(folder, `toxiproxy-${port}.log`);
  const server = await startServer(program, ['-host', '127.0.0.1', '-port', String(port)], {
    ...{ cleanup, logFile, graceMs: 2_000 },
  });
  const probe = async () => ((await isListening(port)) ? true : undefined);
  await waitUntilReady(server, probe, { cleanup, what: 'toxiproxy', logFile, timeoutMs: 10_000 });
  const call = async (method: string, where: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${where}`, { method, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`toxiproxy ${method} ${where}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  let count = 0;
  return {
    async between(url) {
      const target = new URL(url);
      const name = `p${(count += 1)}`;
      const listen = `127.0.0.1:${await freePort()}`;
      await call('POST', '/proxies', { name, listen, upstream: target.host });
      target.host = listen;
      let toxics = 0;
      return {
        url: target.href,
        async spoil(toxic) {
          const toxicName = `t${(toxics += 1)}`;
          await call('POST', `/proxies/${name}/toxics`, { name: toxicName, toxicity: 1, ...toxic });
          return () => call('DELETE', `/proxies/${name}/toxics/${toxicName}`).then(() => undefined);
        },
      };
    },
  };
}

async function findProgram(cleanup: Cleanup): Promise<string | { whyNot: string }> {
  const folder = fromRoot('.cryptoflow', 'cache', 'toxiproxy');
  const program = path.join(folder, 'server');
  if (existsSync(program)) return program;
  const go = which(`${process.env.PATH ?? ''}:/usr/local/go/bin`, 'go');
  if (go === undefined) return { whyNot: 'toxiproxy is not there, and neither is Go, which would build it' };
  mkdirSync(folder, { recursive: true });
  const args = [`GOBIN=${folder}`, go, 'install', `${goModule}@${version}`];
  const { code, output } = await run('/usr/bin/env', args, { cleanup, timeoutMs: 180_000 });
  return code === 0 ? program : { whyNot: `go install ${goModule}@${version}: ${output.trim().split('\n').at(-1)}` };
}

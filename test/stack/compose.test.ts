import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { environmentNames } from '../../workers/variables';
import { searchAttributeTypes } from '../../workers/stack/namespace';

// Docker's own reference implementation of the Compose specification; its command prints the model it understood.
const composeGo = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';
const root = resolve(__dirname, '../..');

interface Service {
  image?: string;
  build?: { dockerfile_inline?: string };
  command?: string[];
  ports?: { host_ip?: string; target: number }[];
  environment?: Record<string, string>;
  healthcheck?: { test?: string[] };
  volumes?: { type: string; source: string }[];
  deploy?: { replicas?: number };
  depends_on?: Record<string, { condition: string }>;
  restart?: string;
}

interface Stack {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const folder = mkdtempSync(join(tmpdir(), 'cryptoflow-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parser = findParser();
const testWithParser = parser === undefined ? test.skip : test;
if (parser === undefined) {
  process.stderr.write(
    'temporal-dev.yml is not checked: neither `docker compose` nor `go` (with its module proxy) works here\n',
  );
}

/** The command that prints a Compose file as JSON. Found before the tests, because jest cannot skip one that has begun. */
function findParser(): string[] | undefined {
  if (spawnSync('docker', ['compose', 'version']).status === 0) {
    return ['docker', 'compose', '-f', 'temporal-dev.yml', 'config', '--format', 'json'];
  }
  const installed = spawnSync('go', ['install', composeGo], {
    env: { ...process.env, GOBIN: folder },
    timeout: 300_000,
  });
  return installed.status === 0 ? [join(folder, 'cmd'), '-format', 'json', 'temporal-dev.yml'] : undefined;
}

function readStack(): Stack {
  const [file, ...args] = parser as [string, ...string[]];
  return JSON.parse(execFileSync(file, args, { cwd: root, encoding: 'utf8' })) as Stack;
}

/** Names that our own services are given and the code does not read. */
function unknownNames(stack: Stack, known: readonly string[]): string[] {
  const ours = Object.values(stack.services).filter(({ build }) => build !== undefined);
  return ours.flatMap(({ environment = {} }) => Object.keys(environment)).filter((name) => !known.includes(name));
}

testWithParser('temporal-dev.yml is a complete stack, pinned and on loopback only', () => {
  const { services, volumes } = readStack();
  const all = Object.values(services);

  const baseImages = all.flatMap(({ build }) => build?.dockerfile_inline?.match(/(?<=^FROM )\S+/gm) ?? []);
  const images = [...all.flatMap(({ image }) => image ?? []), ...baseImages];
  expect(images).toHaveLength(4);
  for (const image of images) expect(image).toMatch(/:[^/]*\d+\.\d+\.\d+[^/]*$/);

  const ports = all.flatMap(({ ports = [] }) => ports);
  expect(new Set(ports.map(({ target }) => target))).toEqual(new Set([3306, 7233, 8233]));
  for (const port of ports) expect(port.host_ip).toBe('127.0.0.1');

  for (const name of ['mysql', 'temporal']) {
    expect(services[name]?.healthcheck?.test?.length).toBeGreaterThan(1);
    expect(services[name]?.volumes).toMatchObject([{ type: 'volume', source: name }]);
    expect(volumes).toHaveProperty(name);
  }
  expect(services.mysql?.image).toMatch(/^mysql:8\.4\./);
  expect(services.mysql?.command).toContain('--local-infile=1');
  for (const [name, type] of Object.entries(searchAttributeTypes)) {
    expect(services.temporal?.command).toContain(`--search-attribute=${name}=${type}`);
  }

  expect(services.worker?.deploy?.replicas).toBe(2);
  expect(services.worker?.depends_on).toMatchObject({
    mysql: { condition: 'service_healthy' },
    temporal: { condition: 'service_healthy' },
    setup: { condition: 'service_completed_successfully' },
  });
  for (const service of all) expect(service.restart).toMatch(/^(unless-stopped|on-failure:\d)$/);
});

testWithParser('temporal-dev.yml sets only what the code reads', () => {
  const stack = readStack();
  expect(unknownNames(stack, environmentNames)).toEqual([]);
  expect(unknownNames(stack, ['DATABASE_URL'])).toContain('TEMPORAL_ADDRESS');
});

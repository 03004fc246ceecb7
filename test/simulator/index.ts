import type { AddressInfo } from 'node:net';
import { createBlockchainInfo } from './blockchaininfo';
import { createBlockchair } from './blockchair';
import { createDumps, type DumpOptions } from './dumps';
import { createCoinGecko } from './coingecko';
import { createCoinMetrics } from './coinmetrics';
import { createCosmos } from './cosmos';
import { createDefiLlama } from './defillama';
import { createEthereum } from './ethereum';
import { createFaults, type Fault } from './faults';
import { createGitHub } from './github';
import { createKoios } from './koios';
import { createReplay } from './replay';
import { createSimulatorServer } from './server';
import { createSolana } from './solana';
import { createTraffic, type Peak, type RecordedRequest } from './traffic';
import type { Upstream } from './upstream';
import { createWorld, type World } from './world/world';

export interface SimulatorOptions {
  /** Everything follows from it; default `cryptoflow`. */
  seed?: string;
  /** 0, the default, takes a free port. Always on loopback. */
  port?: number;
  /** Nothing newer than this is served; default the real clock. */
  now?: () => Date;
  /** Per chain; default 144. */
  blocksPerDay?: number;
  /** Per chain; default 1,500, at least one per block. */
  transactionsPerDay?: number;
  /** Coins beside the known ones, `simulated-1` and so on, each with a chain of its own; default none. */
  extraCoins?: number;
  /** Keys that are accepted; none by default. */
  keys?: { blockchair?: string[]; coingeckoDemo?: string[]; coingeckoPro?: string[]; github?: string[] };
  /** All is behind a gateway that wants this token in the path. */
  pathToken?: string;
  /** So many rows of a table at once, however few were asked for (Blockchair gives 100 at most): many rows in little time. */
  rowsPerPage?: number;
  /** The limits that the services document, or none; default documented. */
  limits?: 'documented' | 'none';
  /** The daily dumps: published at once and as fast as it goes when left out. */
  dumps?: DumpOptions;
  /** Serves the recorded answers of this folder instead of a world. */
  replayFolder?: string;
}

export interface Simulator {
  url: string;
  baseUrls: {
    blockchair: string;
    blockchairDumps: string;
    blockchaininfo: string;
    coingecko: string;
    coingeckoPro: string;
    coinmetrics: string;
    defillama: string;
    ethereum: string;
    solana: string;
    cosmos: string;
    koios: string;
    github: string;
  };
  /** Every request that arrived, oldest first. */
  requests: readonly RecordedRequest[];
  /** Makes a route fail, e.g. `fault('blockchair /bitcoin/transactions', { status: 503, times: 2 })`; returns what removes it. */
  fault(route: string, fault: Fault): () => void;
  clearFaults(): void;
  /**
   * Alters one upstream row; returns what undoes it. Tables: `bitcoin/blocks`, `bitcoin/transactions` (key: id or hash),
   * `bitcoin/addresses` (key: address) with upstream field names, and `prices/bitcoin` (key: `YYYY-MM-DD`, the snapshot
   * of 00:00 UTC) with `price`, `marketCap`, `volume` in USD;
   * `coinmetrics/btc` (key: `YYYY-MM-DD`) with metrics.
   */
  changeRow(table: string, key: string, fields: Record<string, unknown>): () => void;
  /** The most that a source was asked for at once. */
  peak(source: string): Peak;
  /** Ends every connection, hanging ones too. */
  close(): Promise<void>;
}

/** Starts the simulated services on one port of loopback. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? 'cryptoflow';
  const world = createWorld({
    seed,
    now: options.now ?? (() => new Date()),
    blocksPerDay: options.blocksPerDay ?? 144,
    transactionsPerDay: options.transactionsPerDay ?? 1500,
    extraCoins: options.extraCoins,
  });
  const faults = createFaults(seed);
  const traffic = createTraffic();
  const upstreams = options.replayFolder
    ? createReplay(options.replayFolder, simulated(world, options))
    : simulated(world, options);
  const server = createSimulatorServer(upstreams, faults, traffic, options.pathToken);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const gateway = options.pathToken === undefined ? '' : `/gateway/${options.pathToken}`;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${gateway}`;

  return {
    url,
    baseUrls: {
      blockchair: `${url}/blockchair`,
      blockchairDumps: `${url}/blockchair-dumps`,
      blockchaininfo: `${url}/blockchaininfo`,
      coingecko: `${url}/coingecko/api/v3`,
      coingeckoPro: `${url}/coingecko-pro/api/v3`,
      coinmetrics: `${url}/coinmetrics/v4`,
      defillama: `${url}/defillama`,
      ethereum: `${url}/ethereum`,
      solana: `${url}/solana`,
      cosmos: `${url}/cosmos`,
      koios: `${url}/koios/api/v1`,
      github: `${url}/github`,
    },
    requests: traffic.requests,
    fault: (route, fault) => faults.add(route, fault),
    clearFaults: () => faults.clear(),
    changeRow: (table, key, fields) => changeRow(world, table, key, fields),
    peak: (source) => traffic.peak(source),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** The services there are: one line each. */
function simulated(world: World, { keys = {}, limits, rowsPerPage, dumps = {} }: SimulatorOptions): Upstream[] {
  const limited = limits !== 'none';
  return [
    createBlockchair(world, { keys: keys.blockchair ?? [], limited, rowsPerPage }),
    createDumps(world, { keys: keys.blockchair ?? [], limited, ...dumps }),
    createCoinGecko(world, { demoKeys: keys.coingeckoDemo ?? [], proKeys: keys.coingeckoPro ?? [], limited }),
    createDefiLlama(world, { limited }),
    createBlockchainInfo(world, { limited }),
    createCoinMetrics(world, { limited }),
    createEthereum(world, { limited }),
    createSolana(world, { limited }),
    createCosmos(world, { limited }),
    createKoios(world, { limited }),
    createGitHub(world, { tokens: keys.github ?? [], limited }),
  ];
}

function changeRow(world: World, table: string, key: string, fields: Record<string, unknown>): () => void {
  const [first = '', second = ''] = table.split('/');
  const chain = world.chains.get(first);
  if (first === 'prices') return world.market.override(second, key, fields);
  if (chain && (second === 'blocks' || second === 'transactions')) return chain.change(second, key, fields);
  if (chain && second === 'addresses') {
    world.addressChanges.set(`${first}/${key}`, fields);
    return () => void world.addressChanges.delete(`${first}/${key}`);
  }
  if (first === 'coinmetrics') {
    world.metricChanges.set(`${second}/${key}`, fields);
    return () => void world.metricChanges.delete(`${second}/${key}`);
  }
  throw new Error(
    `changeRow: no table '${table}'. There are <chain>/blocks, <chain>/transactions, <chain>/addresses, prices/<coin> and coinmetrics/<asset>.`,
  );
}

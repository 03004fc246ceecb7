import { createWindow } from './limits';
import type { Answer, Upstream } from './upstream';
import { coinsOf, headOf, slowly } from './world/networks';
import { randomFrom } from './world/random';
import { DAY_MS } from './world/time';
import type { World } from './world/world';

const BURST = 100;
const BURST_MS = 10_000;
/** Who asked for more is kept out so long. */
const SLEEP_SECONDS = 60;

const EPOCH_MS = 5 * DAY_MS;
const FIRST_EPOCH = { number: 500, ms: Date.parse('2024-08-02T21:44:51Z') };
const LOVELACE = 1_000_000n;

/** Koios: Cardano's chain as tables of PostgREST. */
export function createKoios(world: World, options: { limited: boolean }): Upstream {
  const burst = createWindow(BURST, BURST_MS);
  return {
    source: 'koios',
    mounts: ['koios/api/v1'],
    errorBody,
    withoutRows: () => [],
    answer({ path, query, client }): Answer {
      if (options.limited && burst.take(client) > 0) return { status: 429, body: errorBody(429) };
      const limit = Number(query.get('limit') ?? 1_000);
      switch (path) {
        case '/tip':
          return { status: 200, body: [tip(world)] };
        case '/totals':
          return {
            status: 200,
            body: epochs(world, query)
              .slice(0, limit)
              .map((epoch) => totals(world, epoch)),
          };
        case '/epoch_info':
          return {
            status: 200,
            body: epochs(world, query)
              .slice(0, limit)
              .map((epoch) => epochInfo(world, epoch)),
          };
        default:
          return { status: 404, body: errorBody(404) };
      }
    },
  };
}

function errorBody(status: number): unknown {
  if (status === 429) return { message: `Too many requests, sleep for ${SLEEP_SECONDS} s` };
  const code = status === 404 ? 'PGRST202' : 'PGRST001';
  return { code, details: null, hint: null, message: status === 404 ? 'Could not find the function' : 'Unavailable' };
}

function epochNow(world: World): number {
  return FIRST_EPOCH.number + Math.floor((world.now().getTime() - FIRST_EPOCH.ms) / EPOCH_MS);
}

const startOf = (epoch: number): number => FIRST_EPOCH.ms + (epoch - FIRST_EPOCH.number) * EPOCH_MS;

/** The last epochs in the order that is asked for; oldest first without one. */
function epochs(world: World, query: URLSearchParams): number[] {
  const all = Array.from({ length: 10 }, (_, index) => epochNow(world) - 9 + index);
  const own = query.get('_epoch_no');
  if (own !== null) return all.filter((epoch) => epoch === Number(own));
  return query.get('order') === 'epoch_no.desc' ? all.toReversed() : all;
}

function tip(world: World): unknown {
  const nowMs = world.now().getTime();
  const { height, ms } = headOf('cardano', nowMs);
  return {
    hash: randomFrom(`${world.seed}/cardano/${height}`).hex(64),
    era: 'Conway',
    epoch_no: epochNow(world),
    abs_slot: Math.floor((ms - Date.parse('2020-07-29T21:44:51Z')) / 1_000) + 4_492_800,
    epoch_slot: Math.floor((ms - startOf(epochNow(world))) / 1_000),
    block_height: height,
    block_no: height,
    block_time: Math.floor(ms / 1_000),
  };
}

/** Lovelace, as text. */
function supplyOf(world: World): bigint {
  return BigInt(coinsOf(world, 'cardano')) * LOVELACE + 642_320n;
}

function totals(world: World, epoch: number): unknown {
  const supply = supplyOf(world);
  return {
    epoch_no: epoch,
    circulation: String((supply * 94n) / 100n),
    treasury: String((supply * 4n) / 100n),
    reward: String((supply * 2n) / 100n),
    supply: String(supply),
    reserves: String(45_000_000_000n * LOVELACE - supply),
    fees: '92010214941',
    deposits_stake: '3338702000000',
    deposits_drep: '0',
    deposits_proposal: '0',
    treasury_donation: '0',
    treasury_withdrawal: '0',
    reserves_withdrawal: '0',
  };
}

function epochInfo(world: World, epoch: number): unknown {
  const start = startOf(epoch);
  const end = start + EPOCH_MS;
  const until = Math.min(end, world.now().getTime());
  const share = BigInt(Math.round(slowly(world, 'cardano/staked', 610_000, 0.01)));
  const blocks = Math.max(1, headOf('cardano', until).height - headOf('cardano', start).height);
  return {
    epoch_no: epoch,
    era: 'Conway',
    out_sum: '15432725054364942',
    fees: '74325855210',
    tx_count: blocks * 12,
    blk_count: blocks,
    start_time: start / 1_000,
    end_time: end / 1_000,
    first_block_time: Math.ceil(headOf('cardano', start, -1).ms / 1_000),
    last_block_time: Math.floor(headOf('cardano', until).ms / 1_000),
    active_stake: String((supplyOf(world) * share) / 1_000_000n),
    // the newest two are not paid out yet
    total_rewards: epoch > epochNow(world) - 2 ? null : '252902897534230',
    avg_blk_reward: epoch > epochNow(world) - 2 ? null : '660233450',
  };
}

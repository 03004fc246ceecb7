import { answerRpc, failed } from './json-rpc';
import { createWindow } from './limits';
import { isObject } from './json';
import type { Answer, Upstream, UpstreamRequest } from './upstream';
import { coinsOf, headOf, slowly } from './world/networks';
import { randomFrom } from './world/random';
import type { World } from './world/world';

/** Per address: so many calls in ten seconds, and so many of one method. */
const TEN_SECONDS_MS = 10_000;
const CALLS = 100;
const CALLS_OF_METHOD = 40;

const SLOTS_PER_EPOCH = 432_000;
/** Slots that no leader filled. */
const SKIPPED = 22_400_000;
const LAMPORTS = 1_000_000_000n;

/** A public node of Solana. */
export function createSolana(world: World, options: { limited: boolean }): Upstream {
  const all = createWindow(CALLS, TEN_SECONDS_MS);
  const ofMethod = createWindow(CALLS_OF_METHOD, TEN_SECONDS_MS);
  return {
    source: 'solana',
    mounts: ['solana'],
    errorBody,
    withoutRows: (body) => (Array.isArray(body) ? body.map((item: object) => ({ ...item, result: [] })) : body),
    answer(request) {
      if (options.limited && isTooMuch(request)) return tooMany;
      return answerRpc(request, {
        getHealth: () => 'ok',
        getEpochInfo: () => epochInfo(world),
        getRecentPerformanceSamples: ([limit]) => samples(world, Number(limit ?? 720)),
        getSupply: ([config]) =>
          supply(world, isObject(config) && config['excludeNonCirculatingAccountsList'] === true),
        getVoteAccounts: () => voteAccounts(world),
      });
    },
  };

  function isTooMuch({ json, client }: UpstreamRequest): boolean {
    const calls = [json].flat();
    return calls.some((call) => {
      const method = isObject(call) ? String(call['method']) : '';
      return all.take(client) > 0 || ofMethod.take(`${client} ${method}`) > 0;
    });
  }
}

const tooMany: Answer = {
  status: 429,
  body: failed(null, 429, 'Too many requests for a specific RPC call'),
  headers: { 'retry-after': '10' },
};

function errorBody(status: number): unknown {
  if (status === 429) return tooMany.body;
  if (status === 403) return failed(null, 403, 'Access forbidden');
  return failed(null, -32005, 'Node is unhealthy');
}

function slotNow(world: World): number {
  return headOf('solana', world.now().getTime()).height + SKIPPED;
}

function epochInfo(world: World): unknown {
  const slot = slotNow(world);
  return {
    absoluteSlot: slot,
    blockHeight: slot - SKIPPED,
    epoch: Math.floor(slot / SLOTS_PER_EPOCH),
    slotIndex: slot % SLOTS_PER_EPOCH,
    slotsInEpoch: SLOTS_PER_EPOCH,
    transactionCount: slot * 1_150,
  };
}

/** One a minute, newest first. */
function samples(world: World, limit: number): unknown {
  const minute = Math.floor(world.now().getTime() / 60_000);
  return Array.from({ length: Math.min(720, limit) }, (_, back) => {
    const random = randomFrom(`${world.seed}/solana/sample/${minute - back}`);
    const numNonVoteTransactions = random.integer(58_000, 90_000);
    return {
      numNonVoteTransactions,
      numSlots: random.integer(147, 152),
      numTransactions: numNonVoteTransactions + random.integer(150_000, 200_000),
      samplePeriodSecs: 60,
      slot: slotNow(world) - back * 149,
    };
  });
}

/** Lamports: about 6 × 10^17, beyond what a double holds. */
function totalLamports(world: World): bigint {
  return BigInt(coinsOf(world, 'solana')) * LAMPORTS + 123_456_789n;
}

function supply(world: World, withoutList: boolean): unknown {
  const total = totalLamports(world);
  const nonCirculating = (total * 9n) / 100n;
  return {
    context: { apiVersion: '3.0.6', slot: slotNow(world) },
    value: {
      circulating: total - nonCirculating,
      nonCirculating,
      nonCirculatingAccounts: withoutList ? [] : ['FEy8pTbP5fEoqMV1GdTz83byuA8EKByqYat1PKDgVAq5'],
      total,
    },
  };
}

/** As many voters as there are, so that their stakes add up to two thirds of the supply. */
function voteAccounts(world: World): unknown {
  const share = BigInt(Math.round(slowly(world, 'solana/staked', 665_000, 0.01)));
  const staked = (totalLamports(world) * share) / 1_000_000n;
  const voters = Math.round(slowly(world, 'solana/validators', 990, 0.02));
  const each = staked / BigInt(voters);
  const account = (index: number) => ({
    votePubkey: `vote${index}`,
    nodePubkey: `node${index}`,
    activatedStake: index === 0 ? staked - each * BigInt(voters - 1) : each,
    epochVoteAccount: true,
    commission: 5,
    lastVote: slotNow(world) - 1,
    rootSlot: slotNow(world) - 33,
    epochCredits: [],
  });
  const accounts = Array.from({ length: voters }, (_, index) => account(index));
  const laggards = 12;
  return { current: accounts.slice(0, -laggards), delinquent: accounts.slice(-laggards) };
}

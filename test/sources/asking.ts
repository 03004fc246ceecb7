import { createAgent, createSourceHttp, defaultHttpSettings, type RequestOptions } from '../../activities/http';
import { createRedact, SourceFailure } from '../../activities/failures';
import type { NetworkType } from '../../db/queries/coins';
import type { Asset } from '../../db/queries/assets';
import type { SourceAsset } from '../../activities/observation';
import { sourceAssets } from '../../activities/assets';
import type { PageContext, Source, SourceCoin, SourceHttp, SourceRequest } from '../../activities/source';

/** Coins as sources are given them, by CoinGecko id. Blockchair uses the same names for those that it has. */
export function coin(coinId: string, symbol: string): SourceCoin {
  return { coinId, symbol, sourceId: coinId };
}

export const bitcoin = coin('bitcoin', 'BTC');
export const ethereum = coin('ethereum', 'ETH');
export const litecoin = coin('litecoin', 'LTC');

/** An asset as the database has it. */
export function asset(coinId: string, symbol: string, kind: NetworkType, sourceIds: Asset['sourceIds'] = {}): Asset {
  return { coinId, symbol, name: coinId, kind, isActive: true, sourceIds };
}

/** Assets of every kind, with the names that the sources have for them. */
export const someAssets: readonly Asset[] = [
  asset('bitcoin', 'BTC', 'pow', { coinmetrics: 'btc', defillama: 'Bitcoin', github: 'bitcoin/bitcoin' }),
  asset('ethereum', 'ETH', 'pos', { coinmetrics: 'eth', defillama: 'Ethereum', ethereum: 'mainnet' }),
  asset('binancecoin', 'BNB', 'pos', { coinmetrics: 'bnb', defillama: 'BSC' }),
  asset('dash', 'DASH', 'hybrid', { coinmetrics: 'dash' }),
  asset('monero', 'XMR', 'pow', { coinmetrics: 'xmr' }),
  asset('chainlink', 'LINK', 'token', { coinmetrics: 'link' }),
  asset('baby-doge-coin', 'BABYDOGE', 'token'),
  asset('solana', 'SOL', 'pos', { solana: 'mainnet-beta', github: ['anza-xyz/agave', 'solana-labs/solana'] }),
  asset('cosmos', 'ATOM', 'pos', { cosmos: ['cosmoshub', 'uatom', '6'] }),
  asset('cardano', 'ADA', 'pos', { koios: 'mainnet' }),
];

/** The ones of these that a source knows, under its own names. */
export function assetsOf(source: Source, ...coinIds: string[]): SourceAsset[] {
  const wanted = someAssets.filter(({ coinId }) => coinIds.length === 0 || coinIds.includes(coinId));
  return sourceAssets(source, wanted);
}

export interface Answers extends SourceHttp {
  /** what was asked for, oldest first */
  asked: SourceRequest[];
}

/** The way to a source that answers with these bodies, one after the other. */
export function answers(...bodies: unknown[]): Answers {
  const left = [...bodies];
  const asked: SourceRequest[] = [];
  return {
    asked,
    async getJson(request) {
      asked.push(request);
      if (left.length === 0) throw new Error(`no answer is left for ${request.path}`);
      return left.shift();
    },
  };
}

/** The context of a page; what is not given is empty. */
export function pageOf(source: Source, given: Partial<PageContext> & { coin: SourceCoin; date: string }): PageContext {
  const plan = Object.values(source.plans)[0]!;
  return { coins: [given.coin], assets: [], cursor: null, addresses: [], plan, ...given };
}

/** Limits that a test can wait for. */
export const impatient = {
  ...defaultHttpSettings,
  connectTimeoutMs: 500,
  headersTimeoutMs: 500,
  bodyTimeoutMs: 500,
  totalTimeoutMs: 1_500,
};

const agent = createAgent(impatient);
afterAll(() => agent.destroy());

/** The real HTTP client for one attempt against this base URL. */
export function overHttp(
  source: Source,
  baseUrl: string,
  given: { plan?: string; apiKey?: string } & Partial<RequestOptions> = {},
): SourceHttp {
  const { plan: planName = source.defaultPlan.withoutKey, apiKey, ...rest } = given;
  return createSourceHttp({
    agent,
    connection: { source, plan: source.plans[planName]!, baseUrl, apiKey },
    dataset: `${source.name}.test`,
    redact: createRedact(apiKey === undefined ? [] : [apiKey]),
    permit: async () => {},
    totalTimeoutMs: impatient.totalTimeoutMs,
    ...rest,
  });
}

/** The failure that some work ends with. */
export async function failureOf(work: Promise<unknown>): Promise<SourceFailure> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SourceFailure) return error;
  throw new Error(error === undefined ? 'it did not fail' : 'it failed with something else', { cause: error });
}

/** Everything of a failure that anyone could ever read. */
export function textOf(failure: SourceFailure): string {
  const causes: unknown[] = [];
  for (let error: unknown = failure; error instanceof Error; error = error.cause) {
    causes.push(error.name, error.message, error.stack, Object.entries(error));
  }
  return JSON.stringify(causes);
}

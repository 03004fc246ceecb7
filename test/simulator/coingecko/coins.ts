import type { Coin } from '../world/coins';
import { type Random, randomFrom } from '../world/random';
import { dateText, DAY_MS, HOUR_MS } from '../world/time';
import type { World } from '../world/world';
import { inEveryCurrency, perDollar } from './currencies';

type Json = Record<string, unknown>;

/** Coins by market cap, largest first; those without a price come last and have no rank. */
export function ranked(world: World): { coin: Coin; rank: number | null }[] {
  const nowMs = world.now().getTime();
  const caps = world.coins.map((coin) => ({ coin, cap: world.market.at(coin, nowMs)?.marketCap ?? 0 }));
  return caps
    .toSorted((one, other) => other.cap - one.cap)
    .map(({ coin, cap }, index) => ({ coin, rank: cap > 0 ? index + 1 : null }));
}

/** A row of `/coins/markets`; a dead coin has nulls where there is nothing to say. */
export function marketRow(world: World, coin: Coin, rank: number | null, currency: string): Json {
  const nowMs = world.now().getTime();
  const rate = perDollar(world, currency, nowMs) ?? 1;
  const today = world.market.at(coin, nowMs);
  const yesterday = world.market.at(coin, nowMs - DAY_MS);
  const supply = world.market.supplyAt(coin, nowMs);
  const money = (dollars: number | undefined): number | null => (dollars === undefined ? null : dollars * rate);
  const whole = (dollars: number | undefined): number | null =>
    dollars === undefined ? null : Math.round(dollars * rate);
  const change = (now?: number, then?: number): number | null =>
    now === undefined || then === undefined ? null : (now - then) * rate;
  const percent = (now?: number, then?: number): number | null =>
    now === undefined || then === undefined ? null : Number(((now / then - 1) * 100).toFixed(5));
  const hours = today ? lastHours(world, coin, nowMs) : [];
  const extreme = extremes(world, coin, nowMs);
  return {
    id: coin.id,
    symbol: coin.symbol,
    name: coin.name,
    image: imageUrl(coin, 'large'),
    current_price: money(today?.price),
    market_cap: whole(today?.marketCap) ?? 0,
    market_cap_rank: rank,
    fully_diluted_valuation: coin.maxSupply === null ? null : whole(today && today.price * coin.maxSupply),
    total_volume: whole(today?.volume) ?? 0,
    high_24h: money(hours.length > 0 ? Math.max(...hours) : undefined),
    low_24h: money(hours.length > 0 ? Math.min(...hours) : undefined),
    price_change_24h: change(today?.price, yesterday?.price),
    price_change_percentage_24h: percent(today?.price, yesterday?.price),
    market_cap_change_24h: change(today?.marketCap, yesterday?.marketCap),
    market_cap_change_percentage_24h: percent(today?.marketCap, yesterday?.marketCap),
    circulating_supply: supply,
    total_supply: coin.maxSupply ?? supply,
    max_supply: coin.maxSupply,
    ath: money(extreme.high),
    ath_change_percentage: percent(today?.price, extreme.high),
    ath_date: '2025-10-06T18:57:42.558Z',
    atl: money(extreme.low),
    atl_change_percentage: percent(today?.price, extreme.low),
    atl_date: `${coin.listed}T00:00:00.000Z`,
    roi: null,
    last_updated: today ? new Date(nowMs).toISOString() : null,
    market_cap_rank_with_rehypothecated: rank,
  };
}

/** `/coins/{id}`; market, community and developer data are left out when their flag is false. */
export function coinDetails(
  world: World,
  coin: Coin,
  rank: number | null,
  include: { market: boolean; community: boolean; developer: boolean; tickers: boolean; localization: boolean },
): Json {
  const random = randomFrom(`${world.seed}/${coin.id}/community/${dateText(world.now().getTime())}`);
  const up = Number((55 + random.unit() * 40).toFixed(2));
  const updated = world.now().toISOString();
  return {
    id: coin.id,
    symbol: coin.symbol,
    name: coin.name,
    web_slug: coin.id,
    asset_platform_id: null,
    platforms: { '': '' },
    detail_platforms: { '': { decimal_place: null, contract_address: '' } },
    block_time_in_minutes: coin.chain ? 10 : 0,
    hashing_algorithm: coin.chain?.family === 'bitcoin-like' ? 'SHA-256' : null,
    categories: ['Cryptocurrency', 'Layer 1 (L1)'],
    preview_listing: false,
    public_notice: null,
    additional_notices: [],
    has_supply_breakdown: false,
    ...(include.localization ? { localization: { en: coin.name, de: coin.name } } : {}),
    description: { en: `${coin.name} of the simulated world` },
    links: links(coin),
    image: { thumb: imageUrl(coin, 'thumb'), small: imageUrl(coin, 'small'), large: imageUrl(coin, 'large') },
    country_origin: '',
    genesis_date: coin.chain?.genesis ?? null,
    sentiment_votes_up_percentage: coin.dead ? null : up,
    sentiment_votes_down_percentage: coin.dead ? null : Number((100 - up).toFixed(2)),
    watchlist_portfolio_users: random.integer(1000, 2_000_000),
    market_cap_rank: rank,
    market_cap_rank_with_rehypothecated: rank,
    ...(include.market ? { market_data: marketData(world, coin, rank) } : {}),
    ...(include.community ? { community_data: communityData(random) } : {}),
    ...(include.developer ? { developer_data: developerData(world, coin, true) } : {}),
    status_updates: [],
    last_updated: updated,
    ...(include.tickers ? { tickers: [] } : {}),
  };
}

function marketData(world: World, coin: Coin, rank: number | null): Json {
  const nowMs = world.now().getTime();
  const row = marketRow(world, coin, rank, 'usd');
  const every = (field: string): Json => {
    const dollars = row[field];
    return typeof dollars === 'number' ? inEveryCurrency(world, dollars, nowMs) : {};
  };
  const same = (value: unknown): Json =>
    Object.fromEntries(Object.keys(inEveryCurrency(world, 1, nowMs)).map((currency) => [currency, value]));
  const over = (days: number): number | null => {
    const [now, then] = [world.market.at(coin, nowMs), world.market.at(coin, nowMs - days * DAY_MS)];
    return now && then ? Number(((now.price / then.price - 1) * 100).toFixed(5)) : null;
  };
  const spans = { '1h': 1 / 24, '24h': 1, '7d': 7, '14d': 14, '30d': 30, '60d': 60, '200d': 200, '1y': 365 };
  return {
    current_price: every('current_price'),
    total_value_locked: null,
    mcap_to_tvl_ratio: null,
    fdv_to_tvl_ratio: null,
    roi: null,
    ath: every('ath'),
    ath_change_percentage: same(row['ath_change_percentage']),
    ath_date: same(row['ath_date']),
    atl: every('atl'),
    atl_change_percentage: same(row['atl_change_percentage']),
    atl_date: same(row['atl_date']),
    market_cap: every('market_cap'),
    fully_diluted_valuation: every('fully_diluted_valuation'),
    market_cap_fdv_ratio: coin.maxSupply === null ? 1 : Number(row['circulating_supply']) / coin.maxSupply,
    market_cap_rank: rank,
    outstanding_token_value_usd: null,
    market_cap_rank_with_rehypothecated: rank,
    total_volume: every('total_volume'),
    high_24h: every('high_24h'),
    low_24h: every('low_24h'),
    price_change_24h: row['price_change_24h'],
    ...Object.fromEntries(
      Object.entries(spans).flatMap(([name, days]) => [
        ...(name === '1h' ? [] : [[`price_change_percentage_${name}`, over(days)]]),
        [`price_change_percentage_${name}_in_currency`, same(over(days))],
      ]),
    ),
    market_cap_change_24h: row['market_cap_change_24h'],
    market_cap_change_percentage_24h: row['market_cap_change_percentage_24h'],
    price_change_24h_in_currency: every('price_change_24h'),
    market_cap_change_24h_in_currency: every('market_cap_change_24h'),
    market_cap_change_percentage_24h_in_currency: same(row['market_cap_change_percentage_24h']),
    total_supply: row['total_supply'],
    max_supply: row['max_supply'],
    max_supply_infinite: coin.maxSupply === null,
    circulating_supply: row['circulating_supply'],
    outstanding_supply: null,
    last_updated: row['last_updated'],
  };
}

/** What is left of community data since 2025: no Twitter, Facebook always null, Reddit often. */
function communityData(random: Random): Json {
  const reddit = random.chance(0.7);
  return {
    facebook_likes: null,
    reddit_average_posts_48h: reddit ? Number((random.unit() * 9).toFixed(3)) : 0,
    reddit_average_comments_48h: reddit ? Number((random.unit() * 500).toFixed(3)) : 0,
    reddit_subscribers: reddit ? random.integer(1000, 7_000_000) : null,
    reddit_accounts_active_48h: reddit ? random.integer(10, 9000) : null,
    telegram_channel_user_count: null,
  };
}

function developerData(world: World, coin: Coin, withSeries: boolean): Json {
  const random = randomFrom(`${world.seed}/${coin.id}/developers`);
  const own = coin.chain !== undefined;
  const number = (least: number, most: number): number | null => (own ? random.integer(least, most) : null);
  return {
    forks: number(500, 37_000),
    stars: number(900, 77_000),
    subscribers: number(100, 4000),
    total_issues: number(100, 8000),
    closed_issues: number(100, 7400),
    pull_requests_merged: number(100, 11_300),
    pull_request_contributors: number(10, 850),
    code_additions_deletions_4_weeks: {
      additions: number(10, 24_000),
      deletions: own ? -random.integer(10, 9000) : null,
    },
    commit_count_4_weeks: number(0, 400),
    ...(withSeries
      ? { last_4_weeks_commit_activity_series: own ? Array.from({ length: 28 }, () => random.integer(0, 14)) : [] }
      : {}),
  };
}

/** `/coins/{id}/history`: the snapshot of 00:00 UTC; without `market_data` when there is none (`dayMs` undefined too). */
export function coinHistory(world: World, coin: Coin, dayMs: number | undefined, localization: boolean): Json {
  const quote = dayMs === undefined ? undefined : world.market.at(coin, dayMs);
  const named = {
    id: coin.id,
    symbol: coin.symbol,
    name: coin.name,
    ...(localization ? { localization: { en: coin.name, de: coin.name } } : {}),
    image: { thumb: imageUrl(coin, 'thumb'), small: imageUrl(coin, 'small') },
  };
  if (dayMs === undefined || !quote) return named;
  return {
    ...named,
    market_data: {
      current_price: inEveryCurrency(world, quote.price, dayMs),
      market_cap: inEveryCurrency(world, quote.marketCap, dayMs),
      total_volume: inEveryCurrency(world, quote.volume, dayMs),
    },
    community_data: {
      facebook_likes: null,
      reddit_average_posts_48h: 0,
      reddit_average_comments_48h: 0,
      reddit_subscribers: null,
      reddit_accounts_active_48h: null,
    },
    developer_data: developerData(world, coin, false),
    public_interest_stats: { alexa_rank: null, bing_matches: null },
  };
}

function lastHours(world: World, coin: Coin, nowMs: number): number[] {
  return Array.from({ length: 25 }, (_, hour) => world.market.at(coin, nowMs - hour * HOUR_MS)?.price).filter(
    (price) => price !== undefined,
  );
}

/** Highest and lowest price of the last two years, month by month: records are made of fewer looks than that upstream. */
function extremes(world: World, coin: Coin, nowMs: number): { high?: number; low?: number } {
  const prices = Array.from(
    { length: 25 },
    (_, month) => world.market.at(coin, nowMs - month * 30 * DAY_MS)?.price,
  ).filter((price) => price !== undefined);
  return prices.length === 0 ? {} : { high: Math.max(...prices), low: Math.min(...prices) };
}

function imageUrl(coin: Coin, size: string): string {
  return `https://coin-images.coingecko.com/coins/images/${coin.image}/${size}/${coin.id}.png?1696501400`;
}

function links(coin: Coin): Json {
  return {
    homepage: [`https://${coin.id}.example`, '', ''],
    whitepaper: '',
    blockchain_site: coin.chain ? [`https://blockchair.com/${coin.chain.slug}/`] : [''],
    official_forum_url: ['', '', ''],
    chat_url: ['', '', ''],
    announcement_url: ['', ''],
    snapshot_url: null,
    twitter_screen_name: coin.id,
    facebook_username: '',
    bitcointalk_thread_identifier: null,
    telegram_channel_identifier: '',
    subreddit_url: `https://www.reddit.com/r/${coin.id}/`,
    repos_url: { github: [`https://github.com/${coin.id}/${coin.id}`], bitbucket: [] },
  };
}

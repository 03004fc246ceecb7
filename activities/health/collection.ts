import { brokenOnchainRules, collectionQuality, hasCollected, type BrokenRule } from '../../db/queries/integrity';
import { critical, dayFrom, firstFew, ok, warning, type HealthContext } from './check';
import { notCollected } from './slots';

const windowDays = 7;

/** circulating ≤ total ≤ max, heights never fall, scores from 0 to 1. */
export async function onchainValues({ deps, now }: HealthContext) {
  if (!(await hasCollected(deps.db))) return ok(notCollected);
  const broken = await brokenOnchainRules(deps.db, dayFrom(now, -windowDays));
  if (broken.length === 0) return ok(`supplies, heights and scores of ${windowDays} days keep their rules`);
  const what = firstFew(broken.map(said));
  return warning(`${what}. Find the source: source_observations of that slot and coin, then collect the slot again`);
}

function said({ rule, coinId, rows, first }: BrokenRule): string {
  return `${rule} of ${coinId} broken ${rows} times since ${first.slice(0, 16)}`;
}

/** Tiers and coverage of the last 24 hours. */
export async function quality({ deps }: HealthContext) {
  if (!(await hasCollected(deps.db))) return ok(notCollected);
  const { coins, rows, high, medium, low, coverage, poorCoins } = await collectionQuality(deps.db);
  if (rows === 0) {
    return critical(
      'onchain_data has no row of the last 24 hours. See whether its schedule is paused: npm run cli -- schedules list',
    );
  }
  const percent = (part: number) => `${Math.round((100 * part) / rows)} %`;
  const summary = `${rows} rows of ${coins} coins in 24 h: ${percent(high)} high, ${percent(medium)} medium, ${percent(low)} low; ${Math.round(coverage ?? 0)} % of all fields have a value`;
  if (poorCoins.length === 0) return ok(summary);
  const worst = firstFew(poorCoins.map((each) => `${each.coinId} ${each.quality.toFixed(2)}`));
  return warning(
    `quality is low: ${worst}; ${summary}. See which source is missing: npm run cli -- show schema_coverage_24h`,
  );
}

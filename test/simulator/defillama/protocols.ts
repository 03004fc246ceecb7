import { randomFrom, seedOf, noise } from '../world/random';
import type { World } from '../world/world';
import { type Chain, chainsOf, tvlAt } from './chains';

const CATEGORIES = ['Dexs', 'Lending', 'Yield', 'Bridge', 'Derivatives', 'Liquid Staking', 'RWA'];
/** Of a real 7,600. */
const PROTOCOLS = 200;

/** `/protocols`: each on one to six chains, with the parts that are not chains among them, as upstream. */
export function protocolRows(world: World): unknown[] {
  const chains = chainsOf(world).filter(({ tvl }) => tvl > 0);
  return Array.from({ length: PROTOCOLS }, (_, index) => protocolRow(world, chains, index));
}

function protocolRow(world: World, chains: readonly Chain[], index: number): unknown {
  const random = randomFrom(`${world.seed}/protocol/${index}`);
  const nowMs = world.now().getTime();
  const own = Array.from({ length: random.integer(1, 6) }, () => {
    // larger chains have more protocols
    const at = Math.floor(chains.length * random.unit() * random.unit());
    return { chain: chains[at]!, share: 10 ** (-1.5 - 5 * random.unit()) };
  });
  const isExchange = index % 50 === 7;
  const isVersion = index % 10 < 2;
  const name = isVersion ? `Project ${Math.floor(index / 10)} V${(index % 10) + 2}` : `Protocol ${index}`;
  const tvls: Record<string, number> = {};
  for (const { chain, share } of own) {
    const drift = 1 + 0.02 * noise(seedOf(`${world.seed}/protocol/${index}`), nowMs / 86_400_000);
    tvls[chain.otherName ?? chain.name] = tvlAt(world, chain, nowMs) * share * drift;
  }
  const tvl = Object.values(tvls).reduce((sum, each) => sum + each, 0);
  const first = Object.keys(tvls)[0]!;
  const parts = random.chance(0.3)
    ? { [`${first}-staking`]: tvl * 0.4, staking: tvl * 0.4, [`${first}-pool2`]: tvl * 0.1, pool2: tvl * 0.1 }
    : {};
  return {
    id: String(index + 1),
    name,
    address: null,
    symbol: random.chance(0.3) ? '-' : `P${index}`,
    url: `https://protocol-${index}.example`,
    description: 'a protocol of the simulated world',
    chain: Object.keys(tvls).length > 1 ? 'Multi-Chain' : first,
    logo: `https://icons.llama.fi/protocol-${index}.png`,
    audits: '0',
    gecko_id: null,
    cmcId: null,
    category: isExchange ? 'CEX' : CATEGORIES[random.integer(0, CATEGORIES.length - 1)],
    chains: Object.keys(tvls),
    module: `protocol-${index}/index.js`,
    ...(isVersion ? { parentProtocol: `parent#project-${Math.floor(index / 10)}` } : {}),
    slug: `protocol-${index}`,
    tvl: random.chance(0.02) ? null : tvl,
    chainTvls: { ...tvls, ...parts },
    change_1h: random.chance(0.2) ? null : 0.1,
    change_1d: random.chance(0.2) ? null : -1.3,
    change_7d: random.chance(0.2) ? null : 4.2,
    mcap: null,
  };
}

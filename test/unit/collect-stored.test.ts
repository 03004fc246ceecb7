import {
  carried,
  combine,
  nothingStored,
  parseStored,
  storedJson,
  storedOf,
  type StoredObservation,
} from '../../activities/collect/stored';
import { slotMs } from '../../activities/collect/slots';
import { fieldNames, type FieldName } from '../../activities/fields';
import { randomFrom, type Random } from '../simulator/world/random';
import { anyObservation, pick, shuffled, slot, slotAt } from './collect-cases';

const hour = 3_600_000;
const rounds = 200;

function each(check: (random: Random) => void): void {
  for (let index = 0; index < rounds; index++) {
    try {
      check(randomFrom(`stored ${index}`));
    } catch (error) {
      throw new Error(`with the seed "stored ${index}"`, { cause: error });
    }
  }
}

/** What a slot may use of a field: the newest that is not after it; of heights the highest. */
function used({ values }: StoredObservation, name: FieldName, at = slot): string | undefined {
  const before = (values[name] ?? []).filter((value) => value.at <= at);
  if (name === 'block_height') return before.map(({ value }) => value).toSorted((a, b) => Number(b) - Number(a))[0];
  return before.toSorted((one, other) => (one.at < other.at ? 1 : -1))[0]?.value;
}

const combined = (all: readonly StoredObservation[]) =>
  all.reduce((known, news) => combine(known, news, slot), nothingStored);

test('what is known is never blanked by news', () => {
  each((random) => {
    const [known, news] = [anyObservation(random, 3), anyObservation(random, 3)];
    const both = combine(known, news, slot);
    const names = fieldNames.filter((name) => used(known, name) ?? used(news, name));
    expect(names.filter((name) => used(both, name) === undefined)).toEqual([]);
    const later = fieldNames.filter((name) =>
      [known, news].some((each) => each.values[name]?.some(({ at }) => at > slot)),
    );
    expect(later.filter((name) => !both.values[name]?.some(({ at }) => at > slot))).toEqual([]);
  });
});

test('the height that a slot uses never falls, whatever is said of whichever moment', () => {
  each((random) => {
    let known = nothingStored;
    let highest = 0;
    for (let index = 0; index < 12; index++) {
      const [value, back] = [random.integer(90, 110), random.integer(-3, 8)];
      const at = new Date(slotAt - back * 1_000).toISOString();
      known = combine(known, { values: { block_height: [{ value: String(value), at }] }, asked: {} }, slot);
      if (at <= slot) highest = Math.max(highest, value);
      expect(Number(used(known, 'block_height') ?? 0)).toBe(highest);
      expect(known.values.block_height!.length).toBeLessThanOrEqual(3);
    }
  });
});

test('a height that grows too old does not take the newer ones with it', () => {
  const height = (value: string, minutes: number) => ({
    values: { block_height: [{ value, at: new Date(slotAt + minutes * 60_000).toISOString() }] },
    asked: {},
  });
  const known = combined([height('900', -25), height('899', -5)]);
  expect(used(known, 'block_height')).toBe('900');
  const next = new Date(slotAt + slotMs).toISOString();
  const then = carried(known, next, () => 2 * slotMs);
  expect(used(then, 'block_height', next)).toBe('899');
});

test('the order in which a source says things does not matter, nor that it says them twice', () => {
  each((random) => {
    const all = [anyObservation(random, 1), anyObservation(random, 1), anyObservation(random, 1)];
    const json = storedJson(combined(all));
    expect(storedJson(combined(shuffled(random, all)))).toBe(json);
    expect(storedJson(combined([...all, ...shuffled(random, all)]))).toBe(json);
  });
});

test('of two statements about the same moment the later one counts', () => {
  const at = new Date(slotAt - hour).toISOString();
  const said = (value: string) => storedOf({ coinId: 'coin', asOf: at, fields: { difficulty: { value } } }, slot);
  expect(used(combined([said('1'), said('2')]), 'difficulty')).toBe('2');
});

test('what is stored reads back as it was, with its keys in order', () => {
  each((random) => {
    const { values } = combined([anyObservation(random, 3)]);
    const stored = { values, asked: { b: slot, a: slot } };
    const json = storedJson(stored);
    expect(parseStored(json)).toEqual(stored);
    expect(storedJson(parseStored(json))).toBe(json);
    const keys = Object.keys(JSON.parse(json) as object);
    expect(keys).toEqual(keys.toSorted());
  });
});

test('a slot knows what was said before it and is young enough, as if it had heard all of it at once', () => {
  each((random) => {
    const maxAgeMs = pick(random, [2 * slotMs, 2 * hour, 72 * hour]);
    let known: StoredObservation = nothingStored;
    const said: { value: string; at: string }[] = [];
    const [found, should, lengths]: [unknown[], unknown[], number[]] = [[], [], []];
    for (let index = 0; index < 40; index++) {
      const now = slotAt + index * slotMs;
      const iso = new Date(now).toISOString();
      known = carried(known, iso, () => maxAgeMs);
      // an answer is of the slot's own seconds, or of a day before it
      if (random.chance(0.4)) {
        const back = random.chance(0.5) ? -random.integer(1, slotMs - 1) : random.integer(0, 24 * hour);
        const value = { value: String(index + 1), at: new Date(now - back).toISOString() };
        if (!said.some(({ at }) => at === value.at)) {
          said.push(value);
          known = combine(known, { values: { difficulty: [value] }, asked: {} }, iso);
        }
      }
      const young = said.filter(({ at }) => at <= iso && now - Date.parse(at) <= maxAgeMs);
      const expected = young.toSorted((one, other) => (one.at < other.at ? 1 : -1))[0]?.value;
      const own = carried(known, iso, () => maxAgeMs);
      found.push(used(own, 'difficulty', iso));
      should.push(expected);
      lengths.push((known.values.difficulty ?? []).length);
    }
    expect(found).toEqual(should);
    // one to use and one for later
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2);
  });
});

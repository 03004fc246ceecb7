/** A stream of pseudo-random numbers that is the same in every process for the same text. */
export interface Random {
  /** An unsigned 32-bit integer. */
  word(): number;
  /** A number in [0, 1). */
  unit(): number;
  /** An integer between both ends, inclusive. */
  integer(least: number, most: number): number;
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string;
  chance(probability: number): boolean;
}

/** The seed of a text: one unsigned 32-bit integer (FNV-1a with a final mix). */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/** Scrambles an integer (the finaliser of MurmurHash3), so that neighbours are unrelated. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Starts the stream that belongs to a text such as `seed/bitcoin/block/939456` (generator: sfc32). */
export function randomFrom(text: string): Random {
  let a = seedOf(text);
  let b = seedOf(`${text}/b`);
  let c = seedOf(`${text}/c`);
  let counter = 1;

  function word(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  // The first words of sfc32 still show the seed.
  for (let warmUp = 0; warmUp < 12; warmUp++) word();

  return {
    word,
    unit: () => word() / 0x1_0000_0000,
    integer: (least, most) => least + Math.floor((word() / 0x1_0000_0000) * (most - least + 1)),
    chance: (probability) => word() / 0x1_0000_0000 < probability,
    hex(digits) {
      let text = '';
      while (text.length < digits) text += word().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
  };
}

/** Smooth noise in [-1, 1] at a position; at whole positions it is an independent draw. */
export function noise(seed: number, position: number): number {
  const cell = Math.floor(position);
  const within = position - cell;
  const blend = within * within * (3 - 2 * within);
  return draw(seed, cell) * (1 - blend) + draw(seed, cell + 1) * blend;
}

function draw(seed: number, cell: number): number {
  return mix(mix(cell) ^ seed) / 0x7fff_ffff - 1;
}

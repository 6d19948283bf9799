/** Seeded choices, so that a failure can be had again: print the seed. */
export interface Random {
  readonly seed: number;
  /** A number from 0 to below 1. */
  next(): number;
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** Of a test that chooses anew each time: it tells it, and `ENAGA_SEED` gives it again. */
export function newSeed(): number {
  const seed = Number(process.env.ENAGA_SEED ?? Date.now() % 1_000_000);
  console.log(`seed ${seed} (ENAGA_SEED repeats it)`);
  return seed;
}

/** mulberry32 (Ettinger 2017). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number) => Math.floor(next() * count);
  return { seed, next, below, pick: items => items[below(items.length)]! };
}

import { describe, expect, test } from 'vitest';
import { Reader, Writer } from '../../collector/reduce/bytes.ts';
import { CELL_SETS, DAY_SETS } from '../../collector/reduce/day.ts';
import { type DistinctLimits, DistinctPool, isSketch } from '../../collector/reduce/distinct.ts';
import { IPV4_HIGH, low4 } from '../../collector/reduce/hash.ts';
import { sketchAdd, sketchEstimate, sketchMerge } from '../../collector/reduce/sketch.ts';
import { TARGET_SETS } from '../../collector/reduce/sources.ts';
import { seeded } from '../support/records.ts';

const LIMITS = { day: DAY_SETS, cell: CELL_SETS, targets: TARGET_SETS };

/** Keys of `count` addresses in a row, as a scanning network sends them, under a hash key of its own. */
function* keysOf(count: number, random: (limit: number) => number): Generator<number> {
  const key = { low: random(2 ** 32), high: random(2 ** 32) };
  const first = random(2 ** 32);
  for (let i = 0; i < count; i++) yield low4(key, first + i);
}

/** Estimates of sets of `count` keys, in relation to it. */
function errorsOf(p: number, count: number, trials: number): number[] {
  const random = seeded(1000 * p + count);
  return Array.from({ length: trials }, () => {
    const registers = new Uint8Array(1 << p);
    for (const low of keysOf(count, random)) sketchAdd(registers, 0, p, low);
    return sketchEstimate(registers, 0, p) / count - 1;
  });
}

describe('a sketch', () => {
  // The bound on a sample's root mean square is four of its own standard deviations above the true one, 1 / sqrt(2 trials)
  // each; that on its mean four standard errors of the mean. A raw HyperLogLog estimate is several times beyond both at
  // 2.5 m and below, one without the rest's correction at once.
  test.each([
    { p: 10, counts: [257, 1000, 2500, 5000, 50_000, 150_000], trials: 150 },
    { p: 12, counts: [257, 1000, 4000, 10_000, 20_000, 100_000], trials: 150 },
    { p: 14, counts: [4097, 16_000, 40_000, 80_000, 400_000], trials: 60 },
  ])('of 2^$p registers errs by no more than 1.04 / sqrt(m), to no side', ({ p, counts, trials }) => {
    const standardError = 1.04 / Math.sqrt(1 << p);
    for (const count of counts) {
      const errors = errorsOf(p, count, trials);
      const mean = errors.reduce((sum, error) => sum + error, 0) / trials;
      const rootMeanSquare = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / trials);
      expect(rootMeanSquare, `${count} keys`).toBeLessThan(standardError * (1 + 4 / Math.sqrt(2 * trials)));
      expect(Math.abs(mean), `mean at ${count} keys`).toBeLessThan((4 * standardError) / Math.sqrt(trials));
    }
  });

  test('of few keys counts them nearly exactly, of none says 0', () => {
    expect(sketchEstimate(new Uint8Array(4096), 0, 12)).toBe(0);
    for (const count of [1, 2, 10, 50])
      for (const error of errorsOf(12, count, 20)) expect(Math.abs(Math.round(error * count))).toBeLessThanOrEqual(2);
  });

  test('with every register at its highest is a number', () => {
    expect(sketchEstimate(new Uint8Array(4096).fill(21), 0, 12)).toBe(Number.POSITIVE_INFINITY);
    const registers = new Uint8Array(4096).fill(21);
    registers[0] = 20;
    expect(sketchEstimate(registers, 0, 12)).toBeGreaterThan(2 ** 32);
  });

  test('keeps the longest run of zeros of the keys in each register', () => {
    const random = seeded(1);
    const p = 4;
    const ranks = Array.from({ length: 16 }, () => 0);
    const registers = new Uint8Array(20);
    for (let i = 0; i < 3000; i++) {
      const low = random(2 ** 32) >>> random(32);
      sketchAdd(registers, 2, p, low | 0);
      const zeros = (low >>> p)
        .toString(2)
        .padStart(32 - p, '0')
        .indexOf('1');
      const rank = (zeros < 0 ? 32 - p : zeros) + 1;
      ranks[low % 16] = Math.max(ranks[low % 16]!, rank);
    }
    expect([...registers]).toEqual([0, 0, ...ranks, 0, 0]);
  });

  test('merged is by the maximum of each register, and so the sketch of both', () => {
    const random = seeded(2);
    const [a, b, both] = [new Uint8Array(4096), new Uint8Array(4096), new Uint8Array(4096)];
    for (let i = 0; i < 30_000; i++) {
      const low = random(2 ** 32);
      sketchAdd(i % 3 === 0 ? a : b, 0, 12, low);
      sketchAdd(both, 0, 12, low);
    }
    const expected = a.map((rank, i) => Math.max(rank, b[i]!));
    sketchMerge(a, 0, b, 0, 12);
    expect(a).toEqual(expected);
    expect(a).toEqual(both);
  });
});

describe('a set', () => {
  const fill = (pool: DistinctPool, words: Int32Array, w: number, count: number, seed = 3): void => {
    for (const low of keysOf(count, seeded(seed))) pool.add(words, w, IPV4_HIGH, low);
  };

  test('of a day is exact to 4,096 sources, of a port in a country and of targets to 256', () => {
    expect([DAY_SETS.exactMax, CELL_SETS.exactMax, TARGET_SETS.exactMax]).toEqual([4096, 256, 256]);
    expect([DAY_SETS.p, CELL_SETS.p, TARGET_SETS.p]).toEqual([14, 12, 10]);
  });

  test.each(Object.entries(LIMITS))('of a %s is exact to its limit, then a sketch', (_, limits) => {
    const { exactMax, p } = limits;
    for (const count of [1, 2, 8, 9, exactMax - 1, exactMax, exactMax + 1, 2 * exactMax]) {
      const pool = new DistinctPool(limits);
      const words = new Int32Array(4);
      for (let again = 0; again < 2; again++) fill(pool, words, 2, count);
      const counted = pool.count(words[2]!, words[3]!);
      if (count <= exactMax) expect([counted, isSketch(words[3]!)]).toEqual([count, false]);
      else expect(isSketch(words[3]!)).toBe(true);
      expect(Math.abs(counted / count - 1)).toBeLessThan((4 * 1.04) / Math.sqrt(1 << p));
    }
  });

  test('tells keys apart by both their words', () => {
    const pool = new DistinctPool(CELL_SETS);
    const words = new Int32Array(2);
    const news = [
      [1, 5],
      [-1, 5],
      [1, 0],
      [-7, 0],
      [1, 5],
      [-7, 0],
    ].map(([high, low]) => pool.add(words, 0, high!, low!));
    expect(news).toEqual([true, true, true, true, false, false]);
    expect(pool.count(words[0]!, words[1]!)).toBe(4);
  });

  test.each([
    [3, 4],
    [200, 200],
    [256, 1],
    [300, 10],
    [10, 300],
    [3000, 4000],
  ])('of %i and a set of %i make one that is counted as all their keys', (m, n) => {
    for (const overlap of [0, Math.min(m, n)]) {
      const all = [...keysOf(m + n, seeded(9))];
      const [a, b] = [all.slice(0, m), all.slice(m - overlap, m - overlap + n)];
      const state = (lists: number[][]) => {
        const pool = new DistinctPool(CELL_SETS);
        const words = new Int32Array(2 * lists.length);
        for (const [i, list] of lists.entries()) for (const low of list) pool.add(words, 2 * i, IPV4_HIGH, low);
        return { pool, words };
      };
      const apart = state([a, b]);
      const together = state([[...a, ...b]]);
      const [at, size] = together.words;
      const expected = together.pool.count(at!, size!);
      expect(apart.pool.countUnion(apart.words[0]!, apart.words[1]!, apart.words[2]!, apart.words[3]!)).toBe(expected);
      const target = state([b]);
      target.pool.addAll(target.words, 0, apart.pool, apart.words[0]!, apart.words[1]!);
      expect(isSketch(target.words[1]!)).toBe(isSketch(size!));
      expect(target.pool.count(target.words[0]!, target.words[1]!)).toBe(expected);
      if (isSketch(size!)) expect(target.pool.registers(target.words[0]!)).toEqual(together.pool.registers(at!));
    }
  });

  test('grown beside many others shares no key with them, and what was given back begins empty', () => {
    const limits: DistinctLimits = { exactMax: 40, p: 6 };
    const pool = new DistinctPool(limits);
    const words = new Int32Array(200);
    const expected = Array.from({ length: 100 }, () => new Set<number>());
    const random = seeded(4);
    for (let i = 0; i < 40_000; i++) {
      const set = random(100);
      const low = random(30);
      if (i % 20 === 0) {
        pool.release(words[2 * set]!, words[2 * set + 1]!);
        words.fill(0, 2 * set, 2 * set + 2);
        expected[set]!.clear();
      }
      pool.add(words, 2 * set, IPV4_HIGH, low);
      expected[set]!.add(low);
      expect(pool.count(words[2 * set]!, words[2 * set + 1]!)).toBe(expected[set]!.size);
    }
    for (const [set, keys] of expected.entries()) {
      const found = pool.keys(words[2 * set]!, words[2 * set + 1]!).filter((_, i) => i % 2 === 1);
      expect([...found].sort((a, b) => a - b)).toEqual([...keys].sort((a, b) => a - b));
    }
  });

  test('that was a sketch and was given back begins empty as a sketch', () => {
    const pool = new DistinctPool({ exactMax: 4, p: 4 });
    const words = new Int32Array(4);
    fill(pool, words, 0, 500);
    pool.release(words[0]!, words[1]!);
    fill(pool, words, 2, 5);
    expect(isSketch(words[3]!)).toBe(true);
    expect(pool.count(words[2]!, words[3]!)).toBeLessThan(12);
  });
});

/** Sets of a pool, and the same as Sets of JavaScript: with every key, also where the pool has a sketch. */
class Pair {
  readonly #limits: DistinctLimits;
  readonly pool: DistinctPool;
  readonly words = new Int32Array(2 * SETS);
  /** Keys as `high low`. */
  readonly models = Array.from({ length: SETS }, () => new Set<string>());

  constructor(limits: DistinctLimits) {
    this.#limits = limits;
    this.pool = new DistinctPool(limits);
  }

  at = (set: number): [at: number, size: number] => [this.words[2 * set]!, this.words[2 * set + 1]!];

  add(set: number, high: number, low: number): void {
    const model = this.models[set]!;
    const key = `${high} ${low}`;
    const wasSketch = isSketch(this.words[2 * set + 1]!);
    expect(this.pool.add(this.words, 2 * set, high, low)).toBe(wasSketch || !model.has(key));
    model.add(key);
  }

  addMany(sets: readonly number[], keys: readonly Key[]): void {
    const [high, low] = [keys.map(key => key[0]), keys.map(key => key[1])];
    // Each set's words are named by where its row begins, and these two in it.
    const rows = Int32Array.from(sets, set => 2 * set - 4);
    this.pool.addMany(this.words, rows, 4, Int32Array.from(high), Int32Array.from(low), keys.length);
    for (const [n, set] of sets.entries()) this.models[set]!.add(keys[n]!.join(' '));
  }

  addAll(set: number, other: Pair, otherSet: number): void {
    this.pool.addAll(this.words, 2 * set, other.pool, ...other.at(otherSet));
    this.models[set] = new Set([...this.models[set]!, ...other.models[otherSet]!]);
  }

  release(set: number): void {
    this.pool.release(...this.at(set));
    this.words.fill(0, 2 * set, 2 * set + 2);
    this.models[set] = new Set();
  }

  /** Writes a set of another pair, and reads it in place of this one. */
  copy(set: number, other: Pair, otherSet: number): void {
    const out = new Writer();
    other.pool.write(out, ...other.at(otherSet));
    const model = other.models[otherSet]!;
    if (model.size <= this.#limits.exactMax) {
      const unsigned = keysOfModel(model).sort((x, y) => (x[1] >>> 0) - (y[1] >>> 0) || (x[0] >>> 0) - (y[0] >>> 0));
      expect([...new Int32Array(out.written().slice().buffer)]).toEqual([model.size, ...unsigned.flat()]);
    }
    this.release(set);
    const input = new Reader(out.written());
    this.pool.read(input, this.words, 2 * set);
    expect(input.rest).toBe(0);
    this.models[set] = new Set(model);
  }

  /** Fails unless the set has the keys of its model, or is their sketch if they are too many. */
  check(set: number): void {
    const [at, size] = this.at(set);
    const model = this.models[set]!;
    expect(isSketch(size)).toBe(model.size > this.#limits.exactMax);
    expect(this.pool.count(at, size)).toBe(this.countOf(model));
    if (isSketch(size)) expect(this.pool.registers(at)).toEqual(this.#registersOf(model));
    else expect(new Set(pairsOf(this.pool.keys(at, size)))).toEqual(model);
  }

  checkUnion(a: number, b: number): void {
    const counted = this.pool.countUnion(...this.at(a), ...this.at(b));
    expect(counted).toBe(this.countOf(new Set([...this.models[a]!, ...this.models[b]!])));
  }

  countOf(model: ReadonlySet<string>): number {
    return model.size <= this.#limits.exactMax
      ? model.size
      : sketchEstimate(this.#registersOf(model), 0, this.#limits.p);
  }

  /** By the bits of the keys as text. */
  #registersOf(model: ReadonlySet<string>): Uint8Array {
    const { p } = this.#limits;
    const registers = new Uint8Array(1 << p);
    for (const [, low] of keysOfModel(model)) {
      const rest = (low >>> 0).toString(2).padStart(32, '0').slice(0, -p);
      const register = (low >>> 0) % registers.length;
      registers[register] = Math.max(registers[register]!, `${rest}1`.indexOf('1') + 1);
    }
    return registers;
  }
}

type Key = readonly [high: number, low: number];
const SETS = 6;
const keysOfModel = (model: ReadonlySet<string>): Key[] =>
  [...model].map(key => key.split(' ').map(Number) as [number, number]);
const pairsOf = (words: Int32Array): string[] =>
  Array.from({ length: words.length / 2 }, (_, n) => `${words[2 * n]} ${words[2 * n + 1]}`);

describe('sets in two pools, of keys of IPv4 and IPv6', () => {
  test.each([1, 4, 256])('exact to %i, are what Sets are', exactMax => {
    const random = seeded(exactMax);
    for (let round = 0; round < 60; round++) {
      const pairs = [0, 1].map(() => new Pair({ exactMax, p: 5 }));
      const lows = [1, 3, exactMax, 4 * exactMax][random(4)]!;
      // Few, so that keys meet that differ in one word alone; every other one has the highest bit.
      const key = (): Key => [random(2) === 0 ? IPV4_HIGH : -1 - random(2), Math.imul(random(lows), 0x8000_0001)];
      for (let step = 0; step < 60; step++) {
        const [mine, other] = random(2) === 0 ? pairs : pairs.toReversed();
        const [a, b] = [random(SETS), random(SETS)];
        const count = random(random(2) === 0 ? 4 : 80);
        const keys = Array.from({ length: count }, key);
        const steps = [
          () => mine!.add(a, ...key()),
          () => {
            for (const one of keys) mine!.add(a, ...one);
          },
          () =>
            mine!.addMany(
              keys.map(() => random(SETS)),
              keys,
            ),
          () =>
            mine!.addMany(
              keys.map(() => a),
              keys,
            ),
          () => mine!.addAll(a, other!, b),
          () => mine!.release(a),
          () => mine!.copy(a, other!, b),
        ];
        steps[random(steps.length)]!();
        for (let set = 0; set < SETS; set++) mine!.check(set);
        mine!.checkUnion(a, b);
        mine!.checkUnion(a, a);
      }
    }
  });
});

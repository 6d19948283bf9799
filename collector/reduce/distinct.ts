/**
 * Sets of keys that only ever grow and are only ever counted: exact while small, then a sketch. Many live in one pool: cell
 * tables hold hundreds of thousands of sets, most of one or two keys.
 *
 * An exact set is a block of 2^c slots of two words (high, low; high 0 is an empty slot) in one array, probed in a line from
 * the key's low word. A set that outgrows `exactMax` keys becomes a sketch of 2^p registers. What a set holds depends only on
 * which keys were added, so any order and any split of the keys merge to the same set.
 *
 * A set is named by two words that its owner keeps: `at`, where its block or its registers begin, and `size`, the count of its
 * keys and the class `c` of its block, or `SKETCH`.
 */
import { sketchAdd, sketchEstimate, sketchMerge } from './sketch.ts';

/** `size` of a set that became a sketch. */
export const SKETCH = -1;
const CLASS_BITS = 5;
const CLASS_MASK = (1 << CLASS_BITS) - 1;
export const sizeCount = (size: number): number => size >>> CLASS_BITS;
const sizeOf = (count: number, blockClass: number): number => (count << CLASS_BITS) | blockClass;

/** Blocks up to 8 slots are filled to the last, since a probe of them is a scan; larger ones to three quarters. */
const keysMax = (blockClass: number): number => (blockClass <= 3 ? 1 << blockClass : 3 << (blockClass - 2));

export interface DistinctLimits {
  /** Keys up to which a set is exact. */
  readonly exactMax: number;
  /** Registers of a sketch, as a power of two. */
  readonly p: number;
}

/** What a pool is made of, for another thread. */
export interface DistinctPoolData {
  limits: DistinctLimits;
  slots: Int32Array<ArrayBuffer>;
  used: number;
  registers: Uint8Array<ArrayBuffer>;
  sketches: number;
}

export class DistinctPool {
  readonly limits: DistinctLimits;
  #slots: Int32Array<ArrayBuffer>;
  /** Slots handed out so far; slot 0 is nobody's. */
  #used: number;
  /** Freed blocks by class. */
  readonly #free: number[][] = Array.from({ length: CLASS_MASK + 1 }, () => []);
  #registers: Uint8Array<ArrayBuffer>;
  #sketches: number;
  readonly #freeSketches: number[] = [];

  constructor(limits: DistinctLimits, data?: DistinctPoolData) {
    this.limits = limits;
    this.#slots = data?.slots ?? new Int32Array(64);
    this.#used = data?.used ?? 1;
    this.#registers = data?.registers ?? new Uint8Array(0);
    this.#sketches = data?.sketches ?? 0;
  }

  /** The arrays themselves: once they were transferred the pool is not to be used. Freed blocks are forgotten. */
  data(): DistinctPoolData {
    return {
      limits: this.limits,
      slots: this.#slots,
      used: this.#used,
      registers: this.#registers,
      sketches: this.#sketches,
    };
  }

  /** `words[w]` is the set's `at` and `words[w + 1]` its `size`, both 0 for a set without keys. Returns whether the key was new. */
  add(words: Int32Array, w: number, high: number, low: number): boolean {
    const size = words[w + 1]!;
    if (size === SKETCH) {
      sketchAdd(this.#registers, words[w]!, this.limits.p, low);
      return true;
    }
    if (size === 0) {
      const at = this.#allocate(0);
      this.#put(at, high, low);
      words[w] = at;
      words[w + 1] = sizeOf(1, 0);
      return true;
    }
    const slots = this.#slots;
    const at = words[w]!;
    const blockClass = size & CLASS_MASK;
    const mask = (1 << blockClass) - 1;
    let slot = low & mask;
    for (let probes = 0; probes <= mask; probes++) {
      const index = 2 * (at + slot);
      const found = slots[index]!;
      if (found === 0) break;
      if (found === high && slots[index + 1] === low) return false;
      slot = (slot + 1) & mask;
    }
    const count = sizeCount(size);
    if (count < keysMax(blockClass) && count < this.limits.exactMax) {
      this.#put(at + slot, high, low);
      words[w + 1] = sizeOf(count + 1, blockClass);
    } else this.#grow(words, w, high, low);
    return true;
  }

  /** `add` for many sets: keys `high[i]`, `low[i]` in the sets at `w[i]`. */
  addMany(words: Int32Array, w: Int32Array, high: Int32Array, low: Int32Array, count: number): void {
    const { p } = this.limits;
    for (let i = 0; i < count; i++) {
      const set = w[i]!;
      if (words[set + 1] === SKETCH) sketchAdd(this.#registers, words[set]!, p, low[i]!);
      else this.add(words, set, high[i]!, low[i]!);
    }
  }

  /** How many distinct keys the set has: exact or estimated. */
  count(at: number, size: number): number {
    return size === SKETCH ? sketchEstimate(this.#registers, at, this.limits.p) : sizeCount(size);
  }

  /** Distinct keys of two sets of this pool taken together. */
  countUnion(atA: number, sizeA: number, atB: number, sizeB: number): number {
    if (sizeA === 0) return this.count(atB, sizeB);
    if (sizeB === 0) return this.count(atA, sizeA);
    const union = new DistinctPool(this.limits);
    const words = new Int32Array(2);
    union.addAll(words, 0, this, atA, sizeA);
    union.addAll(words, 0, this, atB, sizeB);
    return union.count(words[0]!, words[1]!);
  }

  /** Adds every key of a set of another pool, which has the same limits. */
  addAll(words: Int32Array, w: number, other: DistinctPool, at: number, size: number): void {
    if (size === SKETCH) {
      if (words[w + 1] !== SKETCH) this.#becomeSketch(words, w);
      sketchMerge(this.#registers, words[w]!, other.#registers, at, this.limits.p);
      return;
    }
    const slots = other.#slots;
    const end = size === 0 ? at : at + (1 << (size & CLASS_MASK));
    for (let slot = at; slot < end; slot++) {
      const high = slots[2 * slot]!;
      if (high !== 0) this.add(words, w, high, slots[2 * slot + 1]!);
    }
  }

  /** The keys of an exact set, as pairs of words, in no particular order. */
  keys(at: number, size: number): Int32Array {
    const keys = new Int32Array(2 * sizeCount(size));
    let n = 0;
    for (let slot = at; slot < at + (1 << (size & CLASS_MASK)) && n < keys.length; slot++) {
      if (this.#slots[2 * slot] === 0) continue;
      keys[n++] = this.#slots[2 * slot]!;
      keys[n++] = this.#slots[2 * slot + 1]!;
    }
    return keys;
  }

  /** The registers of a sketch. */
  registers(at: number): Uint8Array {
    return this.#registers.subarray(at, at + (1 << this.limits.p));
  }

  /** Makes the set a sketch with these registers, taken by maximum. */
  addRegisters(words: Int32Array, w: number, registers: Uint8Array): void {
    if (words[w + 1] !== SKETCH) this.#becomeSketch(words, w);
    sketchMerge(this.#registers, words[w]!, registers, 0, this.limits.p);
  }

  /** Gives back what the set takes. */
  release(at: number, size: number): void {
    if (size === SKETCH) this.#freeSketches.push(at);
    else if (size !== 0) this.#free[size & CLASS_MASK]!.push(at);
  }

  #put(slot: number, high: number, low: number): void {
    this.#slots[2 * slot] = high;
    this.#slots[2 * slot + 1] = low;
  }

  /** The set is full: a block of twice the slots, or a sketch. */
  #grow(words: Int32Array, w: number, high: number, low: number): void {
    const at = words[w]!;
    const size = words[w + 1]!;
    if (sizeCount(size) >= this.limits.exactMax) {
      this.#becomeSketch(words, w);
      sketchAdd(this.#registers, words[w]!, this.limits.p, low);
      return;
    }
    const oldClass = size & CLASS_MASK;
    const newClass = oldClass + 1;
    const block = this.#allocate(newClass);
    const slots = this.#slots;
    for (let slot = at; slot < at + (1 << oldClass); slot++)
      if (slots[2 * slot] !== 0) this.#place(block, newClass, slots[2 * slot]!, slots[2 * slot + 1]!);
    this.#place(block, newClass, high, low);
    this.#free[oldClass]!.push(at);
    words[w] = block;
    words[w + 1] = sizeOf(sizeCount(size) + 1, newClass);
  }

  /** Puts a key that is not there into a block that has room. */
  #place(at: number, blockClass: number, high: number, low: number): void {
    const mask = (1 << blockClass) - 1;
    let slot = low & mask;
    while (this.#slots[2 * (at + slot)] !== 0) slot = (slot + 1) & mask;
    this.#put(at + slot, high, low);
  }

  #becomeSketch(words: Int32Array, w: number): void {
    const { p } = this.limits;
    const at = this.#allocateSketch();
    const keys = this.keys(words[w]!, words[w + 1]!);
    for (let i = 1; i < keys.length; i += 2) sketchAdd(this.#registers, at, p, keys[i]!);
    this.release(words[w]!, words[w + 1]!);
    words[w] = at;
    words[w + 1] = SKETCH;
  }

  /** Registers of a sketch, all 0. */
  #allocateSketch(): number {
    const registers = 1 << this.limits.p;
    const freed = this.#freeSketches.pop();
    if (freed !== undefined) {
      this.#registers.fill(0, freed, freed + registers);
      return freed;
    }
    const at = this.#sketches++ * registers;
    if (at + registers > this.#registers.length) {
      const grown = new Uint8Array(Math.max(registers, 2 * this.#registers.length));
      grown.set(this.#registers);
      this.#registers = grown;
    }
    return at;
  }

  /** A block of 2^c empty slots. */
  #allocate(blockClass: number): number {
    const slots = 1 << blockClass;
    const freed = this.#free[blockClass]!.pop();
    if (freed !== undefined) {
      this.#slots.fill(0, 2 * freed, 2 * (freed + slots));
      return freed;
    }
    const at = this.#used;
    this.#used += slots;
    if (2 * this.#used > this.#slots.length) {
      const grown = new Int32Array(Math.max(2 * this.#used, 2 * this.#slots.length));
      grown.set(this.#slots);
      this.#slots = grown;
    }
    return at;
  }
}

/**
 * Sets of keys that only ever grow and are only ever counted: exact while small, then a sketch. Many live in one pool: cell
 * tables hold hundreds of thousands of sets, most of one or two keys.
 *
 * An exact set is a block of 2^c slots of two words (high, low; high 0 is an empty slot) in one array, probed in a line from
 * the key's low word. A set that outgrows `exactMax` keys becomes a sketch of 2^p registers. What a set holds depends only on
 * which keys were added, so any order and any split of the keys merge to the same set.
 *
 * A set is named by two words that its owner keeps: `at`, where its block or its registers begin, and `size`, the count of its
 * keys and the class `c` of its block, or `SKETCH`. Most sets have one key of IPv4, whose high word is 1: `at` is its low word then, `size`
 * is `ALONE`, and there is no block.
 */
import * as bits from '../../common/bits.ts';
import { freeMemory, grownMemory } from '../../common/memory.ts';
import { check, type Reader, type Writer } from './bytes.ts';
import { comesBefore, sortKeys } from './keys.ts';
import { grownWords } from './lines.ts';
import * as sketches from './sketch.ts';
import { WordList } from './words.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { same } = bits;
const { rankMax, sketchAdd, sketchAddRanks, sketchEstimate, sketchMerge, sketchRank, sketchRegister } = sketches;

/** `size` of a set that became a sketch; also in a state, as an unsigned word. */
const SKETCH = -1;
export const isSketch = (size: number): boolean => size === SKETCH;
const CLASS_BITS = 5;
const CLASS_MASK = (1 << CLASS_BITS) - 1;
const sizeCount = (size: number): number => size >>> CLASS_BITS;
const sizeOf = (count: number, blockClass: number): number => (count << CLASS_BITS) | blockClass;

/** Of a class that no block has. */
const ALONE_CLASS = CLASS_MASK;
const ALONE = sizeOf(1, ALONE_CLASS);
const ALONE_HIGH = 1;
/** Class of the block that the second key makes: another soon follows. */
const SECOND_CLASS = 2;

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

/** For `addMany`, which leaves nothing in them. */
const sketchRegisters = new WordList();
const sketchRanks = new WordList();
const otherNumbers = new WordList();

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

  /** Gives its memory back: it is not to be used any more. */
  free(): void {
    freeMemory(this.#slots.buffer);
    freeMemory(this.#registers.buffer);
  }

  /** `words[w]` is the set's `at` and `words[w + 1]` its `size`, both 0 for a set without keys. Returns whether the key was new. */
  add(words: Int32Array, w: number, high: number, low: number): boolean {
    const size = words[w + 1]!;
    if (size === SKETCH) {
      sketchAdd(this.#registers, words[w]!, this.limits.p, low);
      return true;
    }
    if (size === 0) {
      this.#begin(words, w, high, low);
      return true;
    }
    if (size === ALONE) {
      if (words[w] === low && high === ALONE_HIGH) return false;
      this.#grow(words, w, high, low);
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

  /** The word that `add` would look at first, of a key with this low word: to have it in the cache. */
  peek(words: Int32Array, w: number, low: number): number {
    const at = words[w]!;
    const size = words[w + 1]!;
    if (size === 0 || size === ALONE) return 0;
    if (size === SKETCH) return this.#registers[at + sketchRegister(low, this.limits.p)]!;
    return this.#slots[2 * (at + (low & ((1 << (size & CLASS_MASK)) - 1)))]!;
  }

  /** `add` for many sets: keys `high[i]`, `low[i]` in the sets at `w[i] + from`. */
  addMany(words: Int32Array, w: Int32Array, from: number, high: Int32Array, low: Int32Array, count: number): void {
    const { p } = this.limits;
    const registerAt = sketchRegisters.roomFor(count);
    const ranks = sketchRanks.roomFor(count);
    const others = otherNumbers.roomFor(count);
    // Apart, so that each loop does one thing to all that it meets: what V8 need not ask again in each turn is only what no turn skips.
    let sketched = 0;
    for (let i = 0; i < count; i++) {
      const set = w[i]! + from;
      registerAt[sketched] = words[set]! + sketchRegister(low[i]!, p);
      ranks[sketched] = sketchRank(low[i]!, p);
      others[i - sketched] = i;
      sketched += same(words[set + 1]!, SKETCH);
    }
    sketchAddRanks(this.#registers, registerAt, ranks, sketched);
    for (const i of others.subarray(0, count - sketched)) this.add(words, w[i]! + from, high[i]!, low[i]!);
  }

  /** How many distinct keys the set has: exact or estimated. */
  count(at: number, size: number): number {
    return size === SKETCH ? sketchEstimate(this.#registers, at, this.limits.p) : sizeCount(size);
  }

  /** Distinct keys of two sets of this pool taken together. */
  countUnion(atA: number, sizeA: number, atB: number, sizeB: number): number {
    if (sizeA === 0) return this.count(atB, sizeB);
    if (sizeB === 0) return this.count(atA, sizeA);
    if (sizeA !== SKETCH && sizeB !== SKETCH) {
      const union = sizeCount(sizeA) + sizeCount(sizeB) - this.#common(atA, sizeA, atB, sizeB);
      if (union <= this.limits.exactMax) return union;
    }
    const registers = new Uint8Array(1 << this.limits.p);
    this.#addTo(registers, atA, sizeA);
    this.#addTo(registers, atB, sizeB);
    return sketchEstimate(registers, 0, this.limits.p);
  }

  /** Adds every key of a set of another pool, which has the same limits. */
  addAll(words: Int32Array, w: number, other: DistinctPool, at: number, size: number): void {
    if (size === SKETCH) {
      if (words[w + 1] !== SKETCH) this.#becomeSketch(words, w);
      sketchMerge(this.#registers, words[w]!, other.#registers, at, this.limits.p);
      return;
    }
    if (size === ALONE) {
      this.add(words, w, ALONE_HIGH, at);
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
    this.#copyKeys(at, size, keys, 0);
    return keys;
  }

  /** The registers of a sketch. */
  registers(at: number): Uint8Array {
    return this.#registers.subarray(at, at + (1 << this.limits.p));
  }

  /** Writes the set as a state has it (codec.ts). */
  write(out: Writer, at: number, size: number): void {
    if (size === SKETCH) {
      out.word(SKETCH);
      out.bytes(this.registers(at));
      return;
    }
    const count = sizeCount(size);
    const to = out.take(1 + 2 * count);
    out.words[to] = count;
    this.#copyKeys(at, size, out.words, to + 1);
    if (count > 1) sortKeys(out.words, to + 1, count); // most sets have one, by far
  }

  /** Reads what `write` wrote into a set without keys. Throws `BadState`. */
  read(input: Reader, words: Int32Array, w: number): void {
    const size = input.word();
    const { exactMax, p } = this.limits;
    if (size === SKETCH >>> 0) {
      const registers = input.bytes(1 << p);
      const highest = rankMax(p);
      for (let i = 0; i < registers.length; i++) check(registers[i]! <= highest, 'a register that is too high');
      words[w] = this.#allocateSketch();
      words[w + 1] = SKETCH;
      this.#registers.set(registers, words[w]);
      return;
    }
    check(size <= exactMax, 'a set too large to be exact');
    if (size === 0) return;
    const from = input.take(2 * size);
    const keys = input.words;
    if (size === 1) {
      check(keys[from] !== 0, 'an empty key');
      this.#begin(words, w, keys[from]!, keys[from + 1]!);
      return;
    }
    let blockClass = SECOND_CLASS;
    while (keysMax(blockClass) < size) blockClass++;
    const block = this.#allocate(blockClass);
    for (let i = from; i < from + 2 * size; i += 2) {
      check(keys[i] !== 0, 'an empty key');
      check(i === from || comesBefore(keys, i - 2, keys[i]!, keys[i + 1]!), 'keys out of order');
      this.#place(block, blockClass, keys[i]!, keys[i + 1]!);
    }
    words[w] = block;
    words[w + 1] = sizeOf(size, blockClass);
  }

  /** Gives back what the set takes. */
  release(at: number, size: number): void {
    if (size === SKETCH) this.#freeSketches.push(at);
    else if (size !== 0 && size !== ALONE) this.#free[size & CLASS_MASK]!.push(at);
  }

  #copyKeys(at: number, size: number, to: Int32Array, toAt: number): void {
    if (size === ALONE) {
      to[toAt] = ALONE_HIGH;
      to[toAt + 1] = at;
      return;
    }
    const slots = this.#slots;
    const end = toAt + 2 * sizeCount(size);
    for (let slot = 2 * at, n = toAt; n < end; slot += 2) {
      if (slots[slot] === 0) continue;
      to[n++] = slots[slot]!;
      to[n++] = slots[slot + 1]!;
    }
  }

  /** The first key of a set. */
  #begin(words: Int32Array, w: number, high: number, low: number): void {
    if (high === ALONE_HIGH) {
      words[w] = low;
      words[w + 1] = ALONE;
      return;
    }
    const at = this.#allocate(0);
    this.#put(at, high, low);
    words[w] = at;
    words[w + 1] = sizeOf(1, 0);
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
    const newClass = sizeCount(size) === 1 ? SECOND_CLASS : oldClass + 1;
    const block = this.#allocate(newClass);
    if (size === ALONE) this.#place(block, newClass, ALONE_HIGH, at);
    else {
      const slots = this.#slots;
      for (let slot = at; slot < at + (1 << oldClass); slot++)
        if (slots[2 * slot] !== 0) this.#place(block, newClass, slots[2 * slot]!, slots[2 * slot + 1]!);
      this.#free[oldClass]!.push(at);
    }
    this.#place(block, newClass, high, low);
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

  /** Adds every key of a set to a sketch of its own. */
  #addTo(registers: Uint8Array, at: number, size: number): void {
    const { p } = this.limits;
    if (size === SKETCH) {
      sketchMerge(registers, 0, this.#registers, at, p);
      return;
    }
    const keys = this.keys(at, size);
    for (let i = 1; i < keys.length; i += 2) sketchAdd(registers, 0, p, keys[i]!);
  }

  /** How many keys two exact sets share. */
  #common(atA: number, sizeA: number, atB: number, sizeB: number): number {
    const keys = this.keys(atB, sizeB);
    let common = 0;
    for (let i = 0; i < keys.length; i += 2) if (this.#has(atA, sizeA, keys[i]!, keys[i + 1]!)) common++;
    return common;
  }

  /** Whether an exact set has the key. */
  #has(at: number, size: number, high: number, low: number): boolean {
    if (size === ALONE) return high === ALONE_HIGH && low === at;
    const mask = (1 << (size & CLASS_MASK)) - 1;
    for (let probes = 0, slot = low & mask; probes <= mask; probes++, slot = (slot + 1) & mask) {
      const found = this.#slots[2 * (at + slot)]!;
      if (found === 0) return false;
      if (found === high && this.#slots[2 * (at + slot) + 1] === low) return true;
    }
    return false;
  }

  #becomeSketch(words: Int32Array, w: number): void {
    const { p } = this.limits;
    const at = this.#allocateSketch();
    this.#addTo(this.#registers.subarray(at, at + (1 << p)), words[w]!, words[w + 1]!);
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
    if (at + registers > this.#registers.length)
      this.#registers = new Uint8Array(grownMemory(this.#registers.buffer, at + registers));
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
    if (2 * this.#used > this.#slots.length) this.#slots = grownWords(this.#slots, 2 * this.#used);
    return at;
  }
}

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
import { freeMemory } from '../../common/memory.ts';
import { check, type Reader, type Writer } from './bytes.ts';
import { grownWords } from './lines.ts';
import { rankMax, sketchAdd, sketchEstimate, sketchMerge } from './sketch.ts';

/** `size` of a set that became a sketch; also in a state, as an unsigned word. */
export const SKETCH = -1;
const CLASS_BITS = 5;
const CLASS_MASK = (1 << CLASS_BITS) - 1;
const sizeCount = (size: number): number => size >>> CLASS_BITS;
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
    let registers = this.#registers;
    for (let i = 0; i < count; i++) {
      const set = w[i]!;
      if (words[set + 1] === SKETCH) sketchAdd(registers, words[set]!, p, low[i]!);
      else {
        this.add(words, set, high[i]!, low[i]!);
        registers = this.#registers; // which a new sketch may have moved
      }
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
    this.#copyKeys(at, keys, 0, sizeCount(size));
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
    this.#copyKeys(at, out.words, to + 1, count);
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
    let blockClass = 0;
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
    else if (size !== 0) this.#free[size & CLASS_MASK]!.push(at);
  }

  #copyKeys(at: number, to: Int32Array, toAt: number, count: number): void {
    const slots = this.#slots;
    const end = toAt + 2 * count;
    for (let slot = 2 * at, n = toAt; n < end; slot += 2) {
      if (slots[slot] === 0) continue;
      to[n++] = slots[slot]!;
      to[n++] = slots[slot + 1]!;
    }
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
    if (at + registers > this.#registers.length) {
      const bytes = Math.max(registers, 2 * this.#registers.length);
      this.#registers = new Uint8Array(this.#registers.buffer.transfer(bytes));
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
    if (2 * this.#used > this.#slots.length)
      this.#slots = grownWords(this.#slots, Math.max(2 * this.#used, 2 * this.#slots.length));
    return at;
  }
}

/** Whether the key at `at` comes before another: by its low word, then its high word, both unsigned. */
const comesBefore = (keys: Int32Array, at: number, high: number, low: number): boolean =>
  keys[at + 1] === low ? keys[at]! >>> 0 < high >>> 0 : keys[at + 1]! >>> 0 < low >>> 0;

/** Fewer keys than this are sorted quicker by putting each in its place than by a call. */
const fewKeys = 32;

/** Sorts `count` keys that begin at `from`. */
function sortKeys(words: Int32Array, from: number, count: number): void {
  if (count >= fewKeys) {
    // As 64-bit numbers the low word, which comes second, is the more significant.
    const keys = words.slice(from, from + 2 * count);
    new BigUint64Array(keys.buffer).sort();
    words.set(keys, from);
    return;
  }
  for (let i = from + 2; i < from + 2 * count; i += 2) {
    const high = words[i]!;
    const low = words[i + 1]!;
    let to = i;
    for (; to > from && !comesBefore(words, to - 2, high, low); to -= 2) {
      words[to] = words[to - 2]!;
      words[to + 1] = words[to - 1]!;
    }
    words[to] = high;
    words[to + 1] = low;
  }
}

/**
 * The sources of one UTC day, one row each: what confirms a tool, what a table of the busiest shows, and what spares the cell
 * tables a source they already have.
 *
 * Bounded: beyond `sourcesMax` rows the table keeps the sources whose key's low word is below 2^32 / 2^level, a uniform sample
 * whose level depends only on which sources there were, so that order and split do not matter (Wegman's adaptive sampling;
 * Flajolet 1990). What the table says of a source it keeps is exact; what it says of all is scaled, and labelled.
 *
 * A row, in words:
 *
 *   0-3    address, most significant word first; IPv4 as ::ffff:a.b.c.d
 *   4, 5   packets                            6, 7, 8, 9   first and last time, microseconds since 1970 (all doubles)
 *   10     hours seen in (bits 0-23), classes seen (bits 24-26)
 *   11     packets with the marks of Mirai, ZMap and Masscan, each up to 2, in two bits; bit 8: Nmap candidates were seen
 *   12     lowest folded sequence of the Nmap candidates
 *   13     of the candidates with that sequence, the lowest target << 16 | the highest target, as 16-bit hashes
 *   14, 15 set of targets sent to (distinct.ts)
 *   16, 17 Nmap candidates (a double)         18, 19   the source's key: high, low
 *   20     its place by the geography             21   not used: rows stay aligned for doubles
 */
import { type DistinctLimits, DistinctPool, type DistinctPoolData } from './distinct.ts';

export const SOURCE_WORDS = 22;
export const PACKETS = 4;
export const FIRST = 6;
export const LAST = 8;
export const SEEN = 10;
export const MARKS = 11;
export const NMAP_FOLD = 12;
export const NMAP_TARGETS = 13;
export const TARGETS = 14;
export const NMAP_PACKETS = 16;
export const KEY_HIGH = 18;
export const KEY_LOW = 19;
export const PLACE = 20;

export const CLASS_SEEN_SHIFT = 24;
/** Bit of `MARKS`: `NMAP_FOLD` and `NMAP_TARGETS` are set. */
export const NMAP_SEEN = 1 << 8;
/** Two packets confirm a tool. */
const CONFIRMED = 2;

/** Sources a day is exact to; 88 bytes each and their targets. */
export const sourcesMaxDefault = 1 << 20;
/** A source's targets: exact to 256, then within 3.3%. */
const TARGET_SETS: DistinctLimits = { exactMax: 256, p: 10 };

/** What a table is made of, for another thread. */
export interface SourceTableData {
  rows: Int32Array<ArrayBuffer>;
  count: number;
  level: number;
  targets: DistinctPoolData;
}

/** How many packets of a kind of mark (0 to 2) a row's word says. */
const markCount = (marks: number, tool: number): number => (marks >>> (2 * tool)) & 3;

/** Adds the mark counts of two words, each up to 2. */
export function addMarks(a: number, b: number): number {
  let sum = (a | b) & NMAP_SEEN;
  for (let tool = 0; tool < 3; tool++)
    sum |= Math.min(CONFIRMED, markCount(a, tool) + markCount(b, tool)) << (2 * tool);
  return sum;
}

export class SourceTable {
  count = 0;
  /** The table holds one in 2^level of the day's sources. */
  level = 0;
  readonly targets: DistinctPool;
  /** The rows, and the same memory as doubles. */
  rows: Int32Array<ArrayBuffer>;
  doubles: Float64Array;
  readonly #sourcesMax: number;
  /** Two words a place: the low word of a key, and the row's number plus one, 0 for an empty place. */
  #index = new Int32Array(64);

  constructor(sourcesMax: number, data?: SourceTableData) {
    this.#sourcesMax = sourcesMax;
    this.targets = new DistinctPool(TARGET_SETS, data?.targets);
    this.rows = data?.rows ?? new Int32Array(16 * SOURCE_WORDS);
    this.doubles = new Float64Array(this.rows.buffer);
    this.count = data?.count ?? 0;
    this.level = data?.level ?? 0;
  }

  /** The arrays themselves, for a thread that only reads rows: neither is to be written to any more. */
  data(): SourceTableData {
    return { rows: this.rows, count: this.count, level: this.level, targets: this.targets.data() };
  }

  /** Where the source's row begins in `rows`; -1 if there is none. */
  find(high: number, low: number): number {
    const index = this.#index;
    const mask = index.length - 2;
    for (let place = (low << 1) & mask; ; place = (place + 2) & mask) {
      const n = index[place + 1]!;
      if (n === 0) return -1;
      if (index[place] === low && this.rows[(n - 1) * SOURCE_WORDS + KEY_HIGH] === high) return (n - 1) * SOURCE_WORDS;
    }
  }

  /**
   * Makes a row for a source that has none, unless the sample leaves it out (-1). May thin the table, which moves every row:
   * then `level` has changed.
   */
  create(high: number, low: number, w0: number, w1: number, w2: number, w3: number): number {
    if (this.level > 0 && low >>> (32 - this.level) !== 0) return -1;
    if (this.count === this.#sourcesMax) {
      this.#thin(this.level + 1);
      return this.create(high, low, w0, w1, w2, w3);
    }
    const at = this.count++ * SOURCE_WORDS;
    if (at + SOURCE_WORDS > this.rows.length) this.#grow();
    const { rows } = this;
    rows[at] = w0;
    rows[at + 1] = w1;
    rows[at + 2] = w2;
    rows[at + 3] = w3;
    rows[at + KEY_HIGH] = high;
    rows[at + KEY_LOW] = low;
    if (4 * this.count > this.#index.length) this.#reindex(2 * this.#index.length);
    else this.#enter(low, this.count);
    return at;
  }

  /** Adds every source of another table. */
  merge(other: SourceTable): void {
    if (other.level > this.level) this.#thin(other.level);
    for (let n = 0; n < other.count; n++) this.#mergeRow(other, n * SOURCE_WORDS);
  }

  /** Whether two packets of the source have this mark (0 Mirai, 1 ZMap, 2 Masscan, 3 Nmap). */
  confirmed(at: number, tool: number): boolean {
    const marks = this.rows[at + MARKS]!;
    if (tool < 3) return markCount(marks, tool) >= CONFIRMED;
    const targets = this.rows[at + NMAP_TARGETS]!;
    return (marks & NMAP_SEEN) !== 0 && targets >>> 16 !== (targets & 0xffff);
  }

  /** Distinct targets the source sent to. */
  targetCount(at: number): number {
    return this.targets.count(this.rows[at + TARGETS]!, this.rows[at + TARGETS + 1]!);
  }

  /** Counts Nmap candidates of one folded sequence to targets between two hashes; only the lowest sequence is kept. */
  addNmap(at: number, fold: number, targets: number, packets: number): void {
    const { rows } = this;
    const known = (rows[at + MARKS]! & NMAP_SEEN) !== 0;
    this.doubles[(at + NMAP_PACKETS) >> 1]! += packets;
    if (known && fold > rows[at + NMAP_FOLD]!) return;
    rows[at + NMAP_TARGETS] =
      known && fold === rows[at + NMAP_FOLD] ? joinTargets(rows[at + NMAP_TARGETS]!, targets) : targets;
    rows[at + NMAP_FOLD] = fold;
    rows[at + MARKS]! |= NMAP_SEEN;
  }

  #mergeRow(other: SourceTable, from: number): void {
    const theirs = other.rows;
    const high = theirs[from + KEY_HIGH]!;
    const low = theirs[from + KEY_LOW]!;
    let at = this.find(high, low);
    if (at < 0) at = this.create(high, low, theirs[from]!, theirs[from + 1]!, theirs[from + 2]!, theirs[from + 3]!);
    if (at < 0) return;
    this.countPackets(
      at,
      other.doubles[(from + PACKETS) >> 1]!,
      other.doubles[(from + FIRST) >> 1]!,
      other.doubles[(from + LAST) >> 1]!,
    );
    const marks = theirs[from + MARKS]!;
    this.rows[at + SEEN]! |= theirs[from + SEEN]!;
    if (marks & NMAP_SEEN)
      this.addNmap(
        at,
        theirs[from + NMAP_FOLD]!,
        theirs[from + NMAP_TARGETS]!,
        other.doubles[(from + NMAP_PACKETS) >> 1]!,
      );
    this.rows[at + MARKS] = addMarks(this.rows[at + MARKS]!, marks);
    this.targets.addAll(this.rows, at + TARGETS, other.targets, theirs[from + TARGETS]!, theirs[from + TARGETS + 1]!);
  }

  /** Counts packets of the source, seen between two times in microseconds since 1970. */
  countPackets(at: number, packets: number, first: number, last: number): void {
    const { doubles } = this;
    const fresh = doubles[(at + PACKETS) >> 1] === 0;
    doubles[(at + PACKETS) >> 1]! += packets;
    if (fresh || first < doubles[(at + FIRST) >> 1]!) doubles[(at + FIRST) >> 1] = first;
    if (fresh || last > doubles[(at + LAST) >> 1]!) doubles[(at + LAST) >> 1] = last;
  }

  #grow(): void {
    const rows = new Int32Array(2 * this.rows.length);
    rows.set(this.rows);
    this.rows = rows;
    this.doubles = new Float64Array(rows.buffer);
  }

  /** Leaves out the sources that a higher level does not sample. */
  #thin(level: number): void {
    this.level = level;
    const { rows } = this;
    const all = this.count;
    this.count = 0;
    for (let n = 0; n < all; n++) {
      const at = n * SOURCE_WORDS;
      if (rows[at + KEY_LOW]! >>> (32 - level) === 0)
        rows.copyWithin(this.count++ * SOURCE_WORDS, at, at + SOURCE_WORDS);
      else this.targets.release(rows[at + TARGETS]!, rows[at + TARGETS + 1]!);
    }
    rows.fill(0, this.count * SOURCE_WORDS, all * SOURCE_WORDS);
    this.#reindex(this.#index.length);
  }

  #reindex(words: number): void {
    this.#index = new Int32Array(words);
    for (let n = 0; n < this.count; n++) this.#enter(this.rows[n * SOURCE_WORDS + KEY_LOW]!, n + 1);
  }

  #enter(low: number, number: number): void {
    const index = this.#index;
    const mask = index.length - 2;
    let place = (low << 1) & mask;
    while (index[place + 1] !== 0) place = (place + 2) & mask;
    index[place] = low;
    index[place + 1] = number;
  }
}

/** The lower of two lowest targets and the higher of two highest. */
export const joinTargets = (a: number, b: number): number =>
  ((a >>> 16 < b >>> 16 ? a : b) & 0xffff0000) | Math.max(a & 0xffff, b & 0xffff);

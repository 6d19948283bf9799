/**
 * The sources of one UTC day, one row each: what confirms a tool, what a table of the busiest shows, and in which hours and
 * classes each was seen, so that a set is not told of a source that it has.
 *
 * Bounded: beyond `sourcesMax` rows the table keeps the sources whose key's low word is below 2^32 / 2^level, a uniform sample
 * whose level depends only on which sources there were, so that order and split do not matter (Wegman's adaptive sampling;
 * Flajolet 1990). What the table says of a source it keeps is exact; what it says of all is scaled, and labelled.
 *
 * A row is 64 bytes, in words:
 *
 *   0, 1   packets                  2, 3, 4, 5   first and last time, microseconds since 1970 (all doubles)
 *   6      hours seen in (bits 0-23), classes seen (bits 24-26)
 *   7      the source's place by the geography
 *   8      packets with the marks of Mirai, ZMap and Masscan, each up to 2, in two bits; bit 8: Nmap candidates were seen;
 *          bits 16-31: the lowest folded sequence of those
 *   9      of the candidates with that sequence, the lowest target << 16 | the highest target, as 16-bit hashes
 *   10     Nmap candidates, up to 2^31 - 1
 *   11     of 6, what the source was entered in the sets of cells for
 *   12, 13 the source's key: high, low
 *   14, 15 set of targets sent to (distinct.ts)
 *
 * Addresses, needed for few rows and at the end, lie apart: four words, most significant first; IPv4 as ::ffff:a.b.c.d.
 */
import { freeMemory, letGo } from '../../common/memory.ts';
import { CLASSES } from '../../common/record/classify.ts';
import { type DistinctLimits, DistinctPool, type DistinctPoolData } from './distinct.ts';
import { createLines, doublesOver, grownLines, grownWords } from './lines.ts';

/** Where a row has what, in words; where the classes begin in `SEEN`. */
export const SOURCE = {
  WORDS: 16,
  PACKETS: 0,
  FIRST: 2,
  LAST: 4,
  SEEN: 6,
  PLACE: 7,
  MARKS: 8,
  NMAP_TARGETS: 9,
  NMAP_PACKETS: 10,
  ENTERED: 11,
  KEY_HIGH: 12,
  KEY_LOW: 13,
  TARGETS: 14,
  CLASS_SEEN_SHIFT: 24,
} as const;
const { WORDS, PACKETS, FIRST, LAST, SEEN, PLACE, MARKS, NMAP_TARGETS, NMAP_PACKETS, ENTERED } = SOURCE;
const { KEY_HIGH, KEY_LOW, TARGETS, CLASS_SEEN_SHIFT } = SOURCE;
const ADDRESS_WORDS = 4;
/** Bits that `SEEN` can have. */
export const SEEN_BITS = (1 << (CLASS_SEEN_SHIFT + CLASSES.length)) - 1;
/** Bit of `MARKS`: the Nmap fields are set. */
const NMAP_SEEN = 1 << 8;
const NMAP_FOLD_SHIFT = 16;
const nmapPacketsMax = 0x7fffffff;
/** Two packets confirm a tool. */
const CONFIRMED = 2;
const MARKED_TOOLS = 3;
const NMAP_TOOL = 3;
/** Bits of `MARKS` with the counts of the marked tools. */
const MARK_COUNTS = 0x3f;

/** Sources a day is exact to; 80 bytes each and their targets. */
export const sourcesMaxDefault = 1 << 20;
/** A source's targets: exact to 256, then within 3.3%. */
export const TARGET_SETS: DistinctLimits = { exactMax: 256, p: 10 };

/** What a table is made of, for another thread. */
export interface SourceTableData {
  rows: Int32Array<ArrayBuffer>;
  addresses: Int32Array<ArrayBuffer>;
  index: Int32Array<ArrayBuffer>;
  count: number;
  level: number;
  targets: DistinctPoolData;
}

/** How many packets of a kind of mark (0 to 2) a row's word says. */
const markCount = (marks: number, tool: number): number => (marks >>> (2 * tool)) & 3;

/** Whether packets can have left these words in a row: for the bytes of a state that is not our own. */
export function marksAreSound(marks: number, nmapTargets: number, nmapPackets: number): boolean {
  for (let tool = 0; tool < MARKED_TOOLS; tool++) if (markCount(marks, tool) > CONFIRMED) return false;
  if ((marks & 0xffff & ~(MARK_COUNTS | NMAP_SEEN)) !== 0) return false;
  if ((marks & NMAP_SEEN) === 0) return marks >>> NMAP_FOLD_SHIFT === 0 && nmapTargets === 0 && nmapPackets === 0;
  return nmapTargets >>> 16 <= (nmapTargets & 0xffff) && nmapPackets >= 1 && nmapPackets <= nmapPacketsMax;
}

/** The lower of two lowest targets and the higher of two highest. */
const joinTargets = (a: number, b: number): number =>
  ((a >>> 16 < b >>> 16 ? a : b) & 0xffff0000) | Math.max(a & 0xffff, b & 0xffff);

export class SourceTable {
  count = 0;
  /** The table holds one in 2^level of the day's sources. */
  level = 0;
  readonly targets: DistinctPool;
  /** The rows, and the same memory as doubles. */
  rows: Int32Array<ArrayBuffer>;
  doubles: Float64Array;
  #addresses: Int32Array<ArrayBuffer>;
  readonly #sourcesMax: number;
  /** Two words a place: the low word of a key, and the row's number plus one, negative for IPv6; 0 for an empty place. */
  #index: Int32Array<ArrayBuffer>;

  constructor(sourcesMax: number, data?: SourceTableData) {
    this.#sourcesMax = sourcesMax;
    this.targets = new DistinctPool(TARGET_SETS, data?.targets);
    this.rows = data?.rows ?? createLines(16 * WORDS);
    this.doubles = doublesOver(this.rows);
    this.#addresses = data?.addresses ?? new Int32Array(16 * ADDRESS_WORDS);
    this.count = data?.count ?? 0;
    this.level = data?.level ?? 0;
    this.#index = data?.index ?? new Int32Array(64);
  }

  /** The arrays themselves: once they were transferred the table is not to be used. */
  data(): SourceTableData {
    const { rows, count, level } = this;
    return { rows, addresses: this.#addresses, index: this.#index, count, level, targets: this.targets.data() };
  }

  /** Gives its memory back: it is not to be used any more. */
  free(): void {
    for (const { buffer } of [this.rows, this.#addresses, this.#index]) freeMemory(buffer);
    this.targets.free();
  }

  /** Whether one more source thins the table. */
  get full(): boolean {
    return this.count === this.#sourcesMax;
  }

  /**
   * Finds the row of each of these sources, -1 for one that has none, and loads what entering these targets will look at, so that
   * nothing waits for another's load (flows.ts): into `scratch`, which nobody reads.
   */
  findMany(
    high: Int32Array,
    low: Int32Array,
    targets: Int32Array,
    count: number,
    found: Int32Array,
    scratch: Int32Array,
  ): void {
    const index = this.#index;
    const mask = index.length - 2;
    const { rows } = this;
    for (let i = 0; i < count; i++) scratch[i] = index[(low[i]! << 1) & mask]!;
    for (let i = 0; i < count; i++) found[i] = this.find(high[i]!, low[i]!);
    for (let i = 0; i < count; i++) scratch[i] = rows[Math.max(0, found[i]!) + SEEN]!;
    for (let i = 0; i < count; i++) scratch[i] = this.targets.peek(rows, Math.max(0, found[i]!) + TARGETS, targets[i]!);
  }

  /** Where the source's row begins in `rows`; -1 if there is none. */
  find(high: number, low: number): number {
    const index = this.#index;
    const mask = index.length - 2;
    for (let place = (low << 1) & mask; ; place = (place + 2) & mask) {
      const number = index[place + 1]!;
      if (number === 0) return -1;
      if (index[place] !== low || number < 0 !== high < 0) continue;
      const row = (Math.abs(number) - 1) * WORDS;
      if (high > 0 || this.rows[row + KEY_HIGH] === high) return row;
    }
  }

  /** Makes a row for a source that has none, unless the sample leaves it out (-1). May thin the table: every row moves. */
  create(high: number, low: number, w0: number, w1: number, w2: number, w3: number): number {
    if (this.level > 0 && low >>> (32 - this.level) !== 0) return -1;
    if (this.count === this.#sourcesMax) {
      this.#thin(this.level + 1);
      return this.create(high, low, w0, w1, w2, w3);
    }
    const n = this.count++;
    const at = n * WORDS;
    if (at + WORDS > this.rows.length) this.#grow();
    this.#addresses[ADDRESS_WORDS * n] = w0;
    this.#addresses[ADDRESS_WORDS * n + 1] = w1;
    this.#addresses[ADDRESS_WORDS * n + 2] = w2;
    this.#addresses[ADDRESS_WORDS * n + 3] = w3;
    this.rows[at + KEY_HIGH] = high;
    this.rows[at + KEY_LOW] = low;
    if (4 * this.count > this.#index.length) this.#reindex(2 * this.#index.length);
    else this.#enter(high, low, n + 1);
    return at;
  }

  /** Adds every source of another table. */
  merge(other: SourceTable): void {
    if (other.level > this.level) this.#thin(other.level);
    for (let n = 0; n < other.count; n++) this.#mergeRow(other, n * WORDS);
  }

  packets = (row: number): number => this.doubles[(row + PACKETS) >> 1]!;
  first = (row: number): number => this.doubles[(row + FIRST) >> 1]!;
  last = (row: number): number => this.doubles[(row + LAST) >> 1]!;
  /** The four words of the address, as signed numbers. */
  address = (row: number): Int32Array =>
    this.#addresses.subarray((row / WORDS) * ADDRESS_WORDS, (row / WORDS + 1) * ADDRESS_WORDS);
  copyAddress(n: number, to: Int32Array, at: number): void {
    for (let word = 0; word < ADDRESS_WORDS; word++) to[at + word] = this.#addresses[ADDRESS_WORDS * n + word]!;
  }
  /** Distinct targets the source sent to. */
  targetCount = (row: number): number => this.targets.count(this.rows[row + TARGETS]!, this.rows[row + TARGETS + 1]!);
  nmapPackets = (row: number): number => this.rows[row + NMAP_PACKETS]!;

  /** Whether two packets of the source have the mark of a tool, by its number in `TOOLS`. */
  confirmed(row: number, tool: number): boolean {
    const marks = this.rows[row + MARKS]!;
    if (tool !== NMAP_TOOL) return markCount(marks, tool) >= CONFIRMED;
    const targets = this.rows[row + NMAP_TARGETS]!;
    return (marks & NMAP_SEEN) !== 0 && targets >>> 16 !== (targets & 0xffff);
  }

  /** Counts packets of the source, seen between two times in microseconds since 1970. */
  countPackets(row: number, packets: number, first: number, last: number): void {
    const { doubles } = this;
    const d = row >> 1;
    const before = doubles[d]!;
    doubles[d] = before + packets;
    if (last > doubles[d + (LAST >> 1)]!) doubles[d + (LAST >> 1)] = last;
    if (before === 0 || first < doubles[d + (FIRST >> 1)]!) doubles[d + (FIRST >> 1)] = first;
  }

  /** Counts packets that carry each of these marks. */
  addMarks(row: number, bits: number, packets: number): void {
    const counts = Math.min(CONFIRMED, packets);
    let marks = 0;
    for (let tool = 0; tool < MARKED_TOOLS; tool++) if ((bits >>> tool) & 1) marks |= counts << (2 * tool);
    this.#addMarkCounts(row, marks);
  }

  /** Counts Nmap candidates of one folded sequence to targets between two hashes; only the lowest sequence is kept. */
  addNmap(row: number, fold: number, targets: number, packets: number): void {
    const { rows } = this;
    const marks = rows[row + MARKS]!;
    const known = (marks & NMAP_SEEN) !== 0;
    const lowest = marks >>> NMAP_FOLD_SHIFT;
    rows[row + NMAP_PACKETS] = Math.min(nmapPacketsMax, rows[row + NMAP_PACKETS]! + packets);
    if (known && fold > lowest) return;
    rows[row + NMAP_TARGETS] = known && fold === lowest ? joinTargets(rows[row + NMAP_TARGETS]!, targets) : targets;
    rows[row + MARKS] = (marks & 0xffff) | NMAP_SEEN | (fold << NMAP_FOLD_SHIFT);
  }

  /** Adds counts up to 2, in two bits a tool. */
  #addMarkCounts(row: number, counts: number): void {
    const marks = this.rows[row + MARKS]!;
    let sum = marks & ~MARK_COUNTS;
    for (let tool = 0; tool < MARKED_TOOLS; tool++)
      sum |= Math.min(CONFIRMED, markCount(marks, tool) + markCount(counts, tool)) << (2 * tool);
    this.rows[row + MARKS] = sum;
  }

  #mergeRow(other: SourceTable, from: number): void {
    const theirs = other.rows;
    const high = theirs[from + KEY_HIGH]!;
    const low = theirs[from + KEY_LOW]!;
    let row = this.find(high, low);
    if (row < 0) {
      const [w0, w1, w2, w3] = other.address(from);
      row = this.create(high, low, w0!, w1!, w2!, w3!);
    }
    if (row < 0) return;
    const marks = theirs[from + MARKS]!;
    this.countPackets(row, other.packets(from), other.first(from), other.last(from));
    this.#addMarkCounts(row, marks);
    if (marks & NMAP_SEEN)
      this.addNmap(row, marks >>> NMAP_FOLD_SHIFT, theirs[from + NMAP_TARGETS]!, other.nmapPackets(from));
    this.rows[row + SEEN]! |= theirs[from + SEEN]!;
    this.rows[row + ENTERED]! |= theirs[from + ENTERED]!;
    this.rows[row + PLACE] = theirs[from + PLACE]!;
    this.targets.addAll(this.rows, row + TARGETS, other.targets, theirs[from + TARGETS]!, theirs[from + TARGETS + 1]!);
  }

  /** Leaves out the sources that a higher level does not sample; every row moves. */
  #thin(level: number): void {
    this.level = level;
    const { rows } = this;
    const all = this.count;
    this.count = 0;
    for (let n = 0; n < all; n++) {
      const at = n * WORDS;
      if (rows[at + KEY_LOW]! >>> (32 - level) === 0) {
        this.#addresses.copyWithin(ADDRESS_WORDS * this.count, ADDRESS_WORDS * n, ADDRESS_WORDS * (n + 1));
        rows.copyWithin(this.count++ * WORDS, at, at + WORDS);
      } else this.targets.release(rows[at + TARGETS]!, rows[at + TARGETS + 1]!);
    }
    rows.fill(0, this.count * WORDS, all * WORDS);
    this.#reindex(this.#index.length);
  }

  #grow(): void {
    this.rows = grownLines(this.rows, this.count * WORDS);
    this.doubles = doublesOver(this.rows);
    this.#addresses = grownWords(this.#addresses, ADDRESS_WORDS * Math.floor(this.rows.length / WORDS));
  }

  #reindex(words: number): void {
    letGo(this.#index.buffer);
    this.#index = new Int32Array(words);
    for (let n = 0; n < this.count; n++) {
      const at = n * WORDS;
      this.#enter(this.rows[at + KEY_HIGH]!, this.rows[at + KEY_LOW]!, n + 1);
    }
  }

  #enter(high: number, low: number, number: number): void {
    const index = this.#index;
    const mask = index.length - 2;
    let place = (low << 1) & mask;
    while (index[place + 1] !== 0) place = (place + 2) & mask;
    index[place] = low;
    index[place + 1] = high < 0 ? -number : number;
  }
}

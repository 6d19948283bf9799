/**
 * A table of cells, each named by two words: packets counted, the distinct sources behind them, and which sensors contributed.
 *
 * Rows lie one after another in one array, so that touching a cell is touching one cache line; an open-addressed index finds
 * them, and is brought up to date when one is looked for: many tables are filled in order, read in order and done with. A row, in
 * words:
 *
 *   0, 1   the cell's name       2, 3   packets, a double: exact to 2^53
 *   4, 5   its set of sources (distinct.ts): at, size
 *   6 ...  sensors that contributed, a bit each: as many words as the highest sensor index needs
 */
import * as bits from '../../common/bits.ts';
import { freeMemory, letGo } from '../../common/memory.ts';
import { check, packetsMax, type Reader, type Writer } from './bytes.ts';
import { type DistinctLimits, DistinctPool, type DistinctPoolData } from './distinct.ts';
import * as hashing from './hash.ts';
import { createLines, doublesOver, grownLines } from './lines.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { mixPair } = hashing;
const { same } = bits;

const PACKETS = 2;
const SET_AT = 4;
const SET_SIZE = 5;
const SENSORS = 6;

/** What a table is made of, for another thread. */
export interface CellTableData {
  rows: Int32Array<ArrayBuffer>;
  index: Int32Array<ArrayBuffer>;
  indexed: number;
  size: number;
  sensorWords: number;
  pool: DistinctPoolData;
}

export class CellTable {
  /** Rows in use. */
  size = 0;
  pool: DistinctPool;
  /** The rows, and the same memory as doubles. */
  rows: Int32Array<ArrayBuffer>;
  doubles: Float64Array;
  #sensorWords = 2;
  /** No cell has a bit of a sensor in a later word. */
  #lastWord = 0;
  /** Words a row. */
  stride = SENSORS + 2;
  /** Row number plus one, 0 for an empty place; a power of two long. */
  #index: Int32Array<ArrayBuffer>;
  /** Rows that the index knows: the first so many. */
  #indexed = 0;

  constructor(limits: DistinctLimits, data?: CellTableData) {
    this.pool = new DistinctPool(limits, data?.pool);
    this.rows = data?.rows ?? createLines(16 * this.stride);
    this.doubles = doublesOver(this.rows);
    this.#index = data?.index ?? new Int32Array(32);
    if (data !== undefined) {
      this.size = data.size;
      this.#indexed = data.indexed;
      this.#sensorWords = data.sensorWords;
      this.#lastWord = data.sensorWords - 1;
      this.stride = SENSORS + data.sensorWords;
    }
  }

  /** The arrays themselves: once they were transferred the table is not to be used. */
  data(): CellTableData {
    return {
      rows: this.rows,
      index: this.#index,
      indexed: this.#indexed,
      size: this.size,
      sensorWords: this.#sensorWords,
      pool: this.pool.data(),
    };
  }

  /** Gives its memory back: it is not to be used any more. */
  free(): void {
    freeMemory(this.rows.buffer);
    freeMemory(this.#index.buffer);
    this.pool.free();
  }

  /** Counts packets of one sensor in the cell; returns its row. */
  count(a: number, b: number, packets: number, sensor: number): number {
    this.makeRoom(sensor);
    const row = this.row(a, b);
    this.countAt(row, packets, sensor);
    return row;
  }

  /** Makes room for the bits of sensors up to this one: every row moves if there was none. */
  makeRoom(sensor: number): void {
    const word = sensor >>> 5;
    if (word > this.#lastWord) this.#lastWord = word;
    if (word >= this.#sensorWords) this.#widen(word + 1);
  }

  /** Counts packets of a sensor, for which there is room, in the cell at this row. */
  countAt(row: number, packets: number, sensor: number): void {
    this.doubles[(row + PACKETS) >> 1]! += packets;
    this.rows[row + SENSORS + (sensor >>> 5)]! |= 1 << (sensor & 31);
  }

  /** Counts packets whose sensors are told apart from them. */
  addPackets(row: number, packets: number): void {
    this.doubles[(row + PACKETS) >> 1]! += packets;
  }

  /** Where the cell's row begins in `rows`, made if there was none. */
  row(a: number, b: number): number {
    if (this.#indexed < this.size) this.#indexRows();
    const { rows, stride } = this;
    const index = this.#index;
    const mask = index.length - 1;
    let place = mixPair(a, b) & mask;
    for (;;) {
      const n = index[place]! - 1;
      if (n < 0) break;
      if (rows[n * stride] === (a | 0) && rows[n * stride + 1] === (b | 0)) return n * stride;
      place = (place + 1) & mask;
    }
    const row = this.append(a, b);
    index[place] = this.size;
    this.#indexed = this.size;
    if (2 * this.size > index.length) this.#reindex(2 * index.length);
    return row;
  }

  /** Where the row of a cell begins that the table is known not to have. */
  append(a: number, b: number): number {
    const at = this.size++ * this.stride;
    if (at + this.stride > this.rows.length) this.#resize(at + this.stride);
    this.rows[at] = a;
    this.rows[at + 1] = b;
    return at;
  }

  /**
   * Counts a packet of one sensor in each of these cells. All first loads of index and rows come before anything is done with them
   * (flows.ts); `found` is for that. What is not where it was looked for first is looked up after.
   */
  countMany(a: Int32Array, b: Int32Array, count: number, sensor: number, found: Int32Array, others: Int32Array): void {
    if (count === 0) return;
    this.makeRoom(sensor);
    if (this.size === 0) this.count(a[0]!, b[0]!, 0, sensor); // so that row 0, which is looked at in vain too, is a cell's
    if (this.#indexed < this.size) this.#indexRows();
    const { rows, doubles, stride } = this;
    const index = this.#index;
    const mask = index.length - 1;
    for (let i = 0; i < count; i++) found[i] = index[mixPair(a[i]!, b[i]!) & mask]!;
    for (let i = 0; i < count; i++) found[i] = (found[i]! - 1 + same(found[i]!, 0)) * stride;
    for (let i = 0; i < count; i++) others[i] = rows[found[i]!]!;
    const word = SENSORS + (sensor >>> 5);
    const bit = 1 << (sensor & 31);
    let otherCount = 0;
    for (let i = 0; i < count; i++) {
      const row = found[i]!;
      others[otherCount] = i;
      if (rows[row] === a[i] && rows[row + 1] === b[i]) {
        doubles[(row + PACKETS) >> 1]!++;
        rows[row + word]! |= bit;
      } else otherCount++;
    }
    for (let n = 0; n < otherCount; n++) this.count(a[others[n]!]!, b[others[n]!]!, 1, sensor);
  }

  /** Counts a packet at each of these rows, given by number; leaves in their place where each begins in `rows`. */
  countRows(numbers: Int32Array, count: number): void {
    const { doubles, stride } = this;
    for (let i = 0; i < count; i++) {
      const row = numbers[i]! * stride;
      numbers[i] = row;
      doubles[(row + PACKETS) >> 1]!++;
    }
  }

  /** Counts a source in the cell at this row. */
  addSource(row: number, high: number, low: number): void {
    this.pool.add(this.rows, row + SET_AT, high, low);
  }

  /** Counts a source at each of these rows. */
  addSources(rows: Int32Array, high: Int32Array, low: Int32Array, count: number): void {
    this.pool.addMany(this.rows, rows, SET_AT, high, low, count);
  }

  /** Adds every cell of another table of the same limits. */
  merge(other: CellTable): void {
    for (let n = 0; n < other.size; n++) this.mergeCell(other, n, other.nameA(n), other.nameB(n));
  }

  /** Adds one cell of another table of the same limits, by the number of its row, to the cell of this name. */
  mergeCell(other: CellTable, n: number, a: number, b: number): void {
    if (this.#sensorWords < other.#sensorWords) this.#widen(other.#sensorWords);
    if (this.#lastWord < other.#lastWord) this.#lastWord = other.#lastWord;
    const from = n * other.stride;
    const row = this.row(a, b);
    this.doubles[(row + PACKETS) >> 1]! += other.doubles[(from + PACKETS) >> 1]!;
    for (let word = 0; word < other.#sensorWords; word++)
      this.rows[row + SENSORS + word]! |= other.rows[from + SENSORS + word]!;
    const { [from + SET_AT]: at, [from + SET_SIZE]: size } = other.rows;
    this.pool.addAll(this.rows, row + SET_AT, other.pool, at!, size!);
  }

  /** The number of the cell's row, -1 if there is none. */
  lookup(a: number, b: number): number {
    if (this.#indexed < this.size) this.#indexRows();
    const rows = this.rows;
    const mask = this.#index.length - 1;
    for (let place = mixPair(a, b) & mask; ; place = (place + 1) & mask) {
      const n = this.#index[place]! - 1;
      if (n < 0 || (rows[n * this.stride] === (a | 0) && rows[n * this.stride + 1] === (b | 0))) return n;
    }
  }

  nameA = (n: number): number => this.rows[n * this.stride]!;
  nameB = (n: number): number => this.rows[n * this.stride + 1]!;
  packets = (n: number): number => this.doubles[(n * this.stride + PACKETS) >> 1]!;
  setAt = (n: number): number => this.rows[n * this.stride + SET_AT]!;
  setSize = (n: number): number => this.rows[n * this.stride + SET_SIZE]!;
  sources = (n: number): number => this.pool.count(this.setAt(n), this.setSize(n));

  /** Which of 32 sensors contributed, a bit each, the lowest index first. */
  sensorBits = (n: number, word: number): number => this.rows[n * this.stride + SENSORS + word]!;

  /** Words that hold a bit of any cell's sensors: those after them are 0 in all. */
  sensorWordsUsed(): number {
    for (let word = this.#lastWord; word >= 0; word--)
      for (let n = 0; n < this.size; n++) if (this.sensorBits(n, word) !== 0) return word + 1;
    return 0;
  }

  /** Writes a cell, by the number of its row, as a state has it (codec.ts), with so many words of sensors. */
  write(out: Writer, n: number, sensorWords: number): void {
    const { rows } = this;
    const row = n * this.stride;
    const to = out.take(SET_AT + sensorWords);
    const { words } = out;
    for (let word = 0; word < SET_AT; word++) words[to + word] = rows[row + word]!;
    for (let word = 0; word < sensorWords; word++) words[to + SET_AT + word] = this.sensorBits(n, word);
    this.pool.write(out, rows[row + SET_AT]!, rows[row + SET_SIZE]!);
  }

  /** Reads what `write` wrote of a cell that the table does not have yet. Throws `BadState`. */
  read(input: Reader, sensorWords: number): void {
    if (sensorWords > this.#sensorWords) this.#widen(sensorWords);
    if (sensorWords - 1 > this.#lastWord) this.#lastWord = sensorWords - 1;
    const from = input.take(SET_AT + sensorWords);
    const { words } = input;
    const packets = input.double(from + PACKETS);
    check(Number.isInteger(packets) && packets >= 1 && packets <= packetsMax, 'a count that is none');
    const row = this.row(words[from]!, words[from + 1]!);
    this.doubles[(row + PACKETS) >> 1] = packets;
    let sensors = 0;
    for (let word = 0; word < sensorWords; word++) {
      sensors |= words[from + SET_AT + word]!;
      this.rows[row + SENSORS + word] = words[from + SET_AT + word]!;
    }
    check(sensors !== 0, 'a cell of no sensor');
    this.pool.read(input, this.rows, row + SET_AT);
  }

  /** Makes room for so many words at least. */
  #resize(words: number): void {
    this.rows = grownLines(this.rows, words);
    this.doubles = doublesOver(this.rows);
  }

  #reindex(places: number): void {
    letGo(this.#index.buffer);
    this.#index = new Int32Array(places);
    this.#indexed = 0;
    this.#indexRows();
  }

  /** Makes the rows known to the index that were appended since. */
  #indexRows(): void {
    let places = this.#index.length;
    while (2 * this.size > places) places *= 2;
    if (places > this.#index.length) {
      this.#reindex(places);
      return;
    }
    const index = this.#index;
    const mask = index.length - 1;
    for (let n = this.#indexed; n < this.size; n++) {
      let place = mixPair(this.nameA(n), this.nameB(n)) & mask;
      while (index[place] !== 0) place = (place + 1) & mask;
      index[place] = n + 1;
    }
    this.#indexed = this.size;
  }

  /** Makes room for the bits of more sensors; an even number of words keeps the doubles aligned. */
  #widen(words: number): void {
    const even = 2 ** Math.ceil(Math.log2(words));
    const stride = SENSORS + even;
    const rows = createLines(Math.max(16, 2 ** Math.ceil(Math.log2(this.size + 1))) * stride);
    for (let n = 0; n < this.size; n++)
      rows.set(this.rows.subarray(n * this.stride, (n + 1) * this.stride), n * stride);
    letGo(this.rows.buffer);
    this.rows = rows;
    this.doubles = doublesOver(rows);
    this.#sensorWords = even;
    this.stride = stride;
  }
}

/**
 * Rows of a table by small numbers of the caller's, so that each cell is looked up once; in a table that was empty, not even that:
 * what has no row by its number has none. No row may be moved by `makeRoom` meanwhile, and none of these cells be made by others.
 */
export class Rows {
  readonly table: CellTable;
  readonly #rows: Int32Array;
  readonly #wasEmpty: boolean;
  /** Numbers that stand for a cell: the first so many. */
  readonly #known: Int32Array;
  #knownCount = 0;

  constructor(table: CellTable, numbers: number) {
    this.table = table;
    this.#rows = new Int32Array(numbers).fill(-1);
    this.#known = new Int32Array(numbers);
    this.#wasEmpty = table.size === 0;
  }

  /** The row of the cell that this number stands for, made if there was none. */
  of(number: number, a: number, b: number): number {
    const known = this.#rows[number]!;
    return known >= 0 ? known : this.#find(number, a, b);
  }

  #find(number: number, a: number, b: number): number {
    const row = this.#wasEmpty ? this.table.append(a, b) : this.table.row(a, b);
    this.#rows[number] = row;
    this.#known[this.#knownCount++] = number;
    return row;
  }

  /** The numbers are to stand for other cells. */
  forget(): void {
    for (let n = 0; n < this.#knownCount; n++) this.#rows[this.#known[n]!] = -1;
    this.#knownCount = 0;
  }
}

const laterMax = 1024;

/** Sources to be entered in cells, many at a time. No row may be moved by `makeRoom` meanwhile; new ones may be made. */
export class LaterSources {
  readonly #table: CellTable;
  #count = 0;
  readonly #rows = new Int32Array(laterMax);
  readonly #high = new Int32Array(laterMax);
  readonly #low = new Int32Array(laterMax);

  constructor(table: CellTable) {
    this.#table = table;
  }

  /** A source, by its key, for the cell at this row. */
  add(row: number, high: number, low: number): void {
    if (this.#count === laterMax) this.flush();
    const n = this.#count++;
    this.#rows[n] = row;
    this.#high[n] = high;
    this.#low[n] = low;
  }

  flush(): void {
    this.#table.addSources(this.#rows, this.#high, this.#low, this.#count);
    this.#count = 0;
  }
}

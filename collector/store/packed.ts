/**
 * Rows of a closed day as bytes. A row of SQL took 23 bytes, of which most said again what the row before it had said, and a day
 * of 100 sensors has 1.2 million; packed they take 4 to 5, and are read ten times as fast.
 *
 * Rows lie in the order of their names (reduce/rows.ts), in parts of some hundred bytes. A part is known by the `a` of its first
 * row, and all rows of one `a` are in one part, so that one port or country is found without reading all. A row, in numbers of 7
 * bits a byte, the lowest first, the high bit set where more follows:
 *
 *   a           less the `a` of the row before; 0 in a part's first row
 *   b           only of tables whose names have two words; less the `b` before it where `a` is the same
 *   packets
 *   sources     not of tables that count packets alone
 *   scanning    only of tables with sides: 0 if as many as sources, else one more than it is
 */
import assert from 'node:assert/strict';
import { BadState } from '../reduce/bytes.ts';
import type { Row, RowTable } from '../reduce/rows.ts';

/** Small enough that four lie in a page of the file: a larger one has pages of its own. */
const partBytesMin = 800;

/** Tables of a day, and what port-asns.ts keeps. */
type PackedTable = RowTable | 'portAsns';

const twoWords: ReadonlySet<PackedTable> = new Set([
  'portCountries',
  'networks',
  'portHours',
  'countryHours',
  'portKinds',
  'portAsns',
  'countryKinds',
  'countryAsns',
]);
const packetsAlone: ReadonlySet<PackedTable> = new Set(['portKinds', 'portAsns']);
const withSides: ReadonlySet<PackedTable> = new Set([
  'total',
  'ports',
  'countries',
  'portCountries',
  'asns',
  'networks',
  'countryAsns',
]);

export interface Part {
  /** `a` of its first row. */
  readonly part: number;
  readonly bytes: Uint8Array;
}

/** Parts of a whole table, ascending. The rows may come in any order. */
export function packRows(table: PackedTable, rows: readonly Row[]): Part[] {
  const [hasB, hasSides, hasSources] = [twoWords.has(table), withSides.has(table), !packetsAlone.has(table)];
  const sorted = rows.toSorted((x, y) => x.a - y.a || x.b - y.b);
  const parts: Part[] = [];
  const writer = new NumberWriter();
  let first = 0;
  let before: Row | undefined;
  for (const row of sorted) {
    if (before !== undefined && row.a !== before.a && writer.length >= partBytesMin) {
      parts.push({ part: first, bytes: writer.take() });
      before = undefined;
    }
    if (before === undefined) first = row.a;
    const { a, b, packets, sources, scanningSources } = row;
    writer.put(a - (before?.a ?? a));
    if (hasB) writer.put(before?.a === a ? b - before.b : b);
    writer.put(packets);
    if (hasSources) writer.put(sources);
    if (hasSides) writer.put(scanningSources === sources ? 0 : scanningSources + 1);
    before = row;
  }
  if (before !== undefined) parts.push({ part: first, bytes: writer.take() });
  return parts;
}

/** Appends the rows of a part, ascending by name: all, or those of one `a`. Throws `BadState`. */
export function unpackRows(table: PackedTable, { part, bytes }: Part, into: Row[], only?: number): void {
  const [hasB, hasSides, hasSources] = [twoWords.has(table), withSides.has(table), !packetsAlone.has(table)];
  const reader = new NumberReader(bytes);
  let a = part;
  let b = 0;
  while (!reader.isDone) {
    const step = reader.next();
    a += step;
    if (hasB) b = step === 0 ? b + reader.next() : reader.next();
    const packets = reader.next();
    const sources = hasSources ? reader.next() : 0;
    const scanning = hasSides ? reader.next() : 1;
    if (only === undefined || a === only)
      into.push({ a, b, packets, sources, scanningSources: scanning === 0 ? sources : scanning - 1 });
    else if (a > only) return;
  }
}

/** Rows are sorted when there are so many times as many as are wanted. */
const sortedAt = 4;

/** Names and packets of so many rows with most packets, ties by name; of a table whose names have one word. Throws `BadState`. */
export function topRows(table: RowTable, parts: readonly Part[], most: number): Pick<Row, 'a' | 'packets'>[] {
  assert(!twoWords.has(table) && !packetsAlone.has(table));
  const skipped = withSides.has(table) ? 2 : 1; // sources, scanning
  let top: Pick<Row, 'a' | 'packets'>[] = [];
  let least = -1;
  const sort = () => {
    top = mostPacketsFirst(top).slice(0, most); // whose names ascend
    least = top[most - 1]?.packets ?? -1;
  };
  for (const { part, bytes } of parts) {
    const reader = new NumberReader(bytes);
    for (let a = part; !reader.isDone; ) {
      a += reader.next();
      const packets = reader.next();
      for (let n = 0; n < skipped; n++) reader.next();
      if (packets <= least) continue; // of those that tie the first ones are there
      top.push({ a, packets });
      if (top.length >= sortedAt * most) sort();
    }
  }
  sort();
  return top;
}

/**
 * Most packets first; of rows that tie the order stays. Numbers sort faster than objects: packets and place in one double, which
 * holds both of any day that one may meet.
 */
export function mostPacketsFirst<T extends { readonly packets: number }>(rows: readonly T[]): T[] {
  const places = 2 ** Math.ceil(Math.log2(rows.length + 1));
  let most = 0;
  for (const { packets } of rows) if (packets > most) most = packets;
  if (most * places >= Number.MAX_SAFE_INTEGER) return rows.toSorted((x, y) => y.packets - x.packets);
  const order = new Float64Array(rows.length);
  for (let n = 0; n < rows.length; n++) order[n] = (most - rows[n]!.packets) * places + n;
  order.sort();
  const sorted: T[] = [];
  for (const key of order) sorted.push(rows[key % places]!);
  return sorted;
}

const MORE = 0x80;

/** Whole numbers up to 2^53 as bytes. */
export class NumberWriter {
  #bytes = new Uint8Array(1 << 12);
  length = 0;

  put(value: number): void {
    if (this.length + 8 > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    let rest = value;
    for (; rest >= MORE; rest = Math.floor(rest / MORE)) this.#bytes[this.length++] = (rest % MORE) | MORE;
    this.#bytes[this.length++] = rest;
  }

  /** What was written, and begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

export class NumberReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Throws `BadState` where no number ends. */
  next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++];
    if (byte === undefined) throw new BadState('packed rows end too early');
    if (byte < MORE) return byte;
    let value = byte - MORE;
    for (let scale = MORE; ; scale *= MORE) {
      byte = bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw new BadState('packed rows hold no number');
      if (byte < MORE) return value + byte * scale;
      value += (byte - MORE) * scale;
    }
  }
}

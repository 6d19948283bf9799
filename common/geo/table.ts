/**
 * Address -> place, a distinct pair of country and ASN.
 *
 * The columns lie one after another, widest first, in one SharedArrayBuffer: worker threads share it, and the bytes in
 * memory are the bytes of the cache file. Ranges are boundaries: range i runs from starts[i] to starts[i + 1] - 1,
 * starts[0] is 0, unknown and reserved space are ranges of place 0. So a lookup is a search for the last start that is
 * not above the address, and always finds one.
 *
 *   starts4, places4   IPv4: first address, place
 *   blocks4            131,072 entries: the place of each /17 plus one, 0 for one that is in several ranges; nine of ten are in one
 *   jump4              65,537 entries: the range that holds the first address of each /16, and the last range
 *   starts6, places6   IPv6: four words a start, most significant first; place
 *   jump6              8,193 entries: the same for each /16 of 2000::/3, the global unicast space; all else is unknown
 *   placeAsn           place -> ASN, 0 unknown
 *   placeCountry       place -> index into countries
 */
import assert from 'node:assert';
import { endianness } from 'node:os';

assert.equal(endianness(), 'LE'); // columns are read from and written to files as they lie in memory

export interface Database {
  readonly name: string;
  /** YYYY-MM-DD, UTC */
  readonly built: string;
}

export interface Origin {
  readonly geo: Database;
  /** Only where an ASN database was given. */
  readonly asn?: Database;
  /** Over the inputs: which geography a result was folded with. */
  readonly sha256: string;
  /** Country index -> ISO 3166-1 alpha-2; index 0 is '??'; at most 255 more. */
  readonly countries: readonly string[];
}

export interface Counts {
  readonly ranges4: number;
  readonly ranges6: number;
  readonly places: number;
}

export const FIRST_BLOCK6 = 0x2000; // the first /16 of 2000::/3
export const BLOCK_BITS4 = 15; // of an address within its /17
const JUMPS4 = 0x10000;
const BLOCKS6 = 0x2000;

const COLUMNS = [
  ['starts4', Uint32Array, (counts: Counts) => counts.ranges4],
  ['places4', Uint32Array, (counts: Counts) => counts.ranges4],
  ['blocks4', Uint32Array, () => 2 ** (32 - BLOCK_BITS4)],
  ['jump4', Uint32Array, () => JUMPS4 + 1],
  ['starts6', Uint32Array, (counts: Counts) => 4 * counts.ranges6],
  ['places6', Uint32Array, (counts: Counts) => counts.ranges6],
  ['jump6', Uint32Array, () => BLOCKS6 + 1],
  ['placeAsn', Uint32Array, (counts: Counts) => counts.places],
  ['placeCountry', Uint8Array, (counts: Counts) => counts.places],
] as const;

type View<C> = C extends Uint8ArrayConstructor ? Uint8Array : Uint32Array;

export type Columns = { readonly [C in (typeof COLUMNS)[number] as C[0]]: View<C[1]> };

/** Structured-cloneable: typed arrays over one SharedArrayBuffer, strings and numbers. */
export interface GeoTable extends Origin, Columns {}

export const columnBytes = (counts: Counts): number =>
  COLUMNS.reduce((sum, [, Column, length]) => sum + Column.BYTES_PER_ELEMENT * length(counts), 0);

export function columnsOver(buffer: SharedArrayBuffer, counts: Counts): Columns {
  const columns: Record<string, Uint32Array | Uint8Array> = {};
  let offset = 0;
  for (const [name, Column, length] of COLUMNS) {
    const View: new (buffer: SharedArrayBuffer, at: number, length: number) => Uint32Array | Uint8Array = Column;
    columns[name] = new View(buffer, offset, length(counts));
    offset += columns[name].byteLength;
  }
  return columns as unknown as Columns;
}

/** `address` is a u32 in host order. */
export function lookup4(table: GeoTable, address: number): number {
  const placePlusOne = table.blocks4[address >>> BLOCK_BITS4];
  return placePlusOne === 0 ? search4(table, address) : placePlusOne - 1;
}

/**
 * Looks up `count` addresses of a column from `from` on into `places`; `searched` has room for as many numbers. Addresses that must be
 * searched for come last: which they are nobody can guess.
 */
export function lookupMany4(
  table: GeoTable,
  addresses: Uint32Array,
  from: number,
  count: number,
  places: Int32Array,
  searched: Int32Array,
): void {
  const blocks = table.blocks4;
  let searches = 0;
  for (let i = 0; i < count; i++) {
    const place = blocks[addresses[from + i]! >>> BLOCK_BITS4]! - 1;
    places[i] = place;
    searched[searches] = i;
    searches += place >>> 31;
  }
  for (let n = 0; n < searches; n++) {
    const i = searched[n]!;
    places[i] = search4(table, addresses[from + i]!);
  }
}

function search4(table: GeoTable, address: number): number {
  const starts = table.starts4;
  const jump = table.jump4;
  const block = address >>> 16;
  let low = jump[block];
  let high = jump[block + 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle] > address) high = middle - 1;
    else low = middle;
  }
  return table.places4[low];
}

/** The address as four u32 words, most significant first. */
export function lookup6(table: GeoTable, w0: number, w1: number, w2: number, w3: number): number {
  if (w0 >>> 29 !== 1) return 0;
  const starts = table.starts6;
  const jump = table.jump6;
  const block = (w0 >>> 16) - FIRST_BLOCK6;
  let low = jump[block];
  let high = jump[block + 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (isAbove(starts, 4 * middle, w0, w1, w2, w3)) high = middle - 1;
    else low = middle;
  }
  return table.places6[low];
}

function isAbove(starts: Uint32Array, at: number, w0: number, w1: number, w2: number, w3: number): boolean {
  if (starts[at] !== w0) return starts[at] > w0;
  if (starts[at + 1] !== w1) return starts[at + 1] > w1;
  if (starts[at + 2] !== w2) return starts[at + 2] > w2;
  return starts[at + 3] > w3;
}

/** Country -> number of IPv4 addresses. Addresses of no known country are in no entry. */
export function allocatedIpv4(table: GeoTable): Map<string, number> {
  const { starts4, places4, placeCountry, countries } = table;
  const addresses = new Float64Array(countries.length);
  for (let i = 0; i < starts4.length; i++) {
    const end = i + 1 < starts4.length ? starts4[i + 1] : 2 ** 32;
    addresses[placeCountry[places4[i]]] += end - starts4[i];
  }
  const known = countries.map((country, index): [string, number] => [country, addresses[index]]).slice(1);
  return new Map(known.filter(([, count]) => count > 0));
}

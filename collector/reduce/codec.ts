/**
 * A day's state as bytes: what was counted, to be kept or to be merged elsewhere. Canonical: a day has one encoding, the same in
 * whatever order and parts its records were counted, and nothing but such an encoding is decoded. Little-endian throughout.
 *
 *   magic       8 bytes   "ENAGADAY"
 *   version     u16       4; every change of what follows, of a cell's name or of a source's fields is a new version
 *   tables      u16       how many
 *   day         u32       days since 1970, to the year 9999
 *
 *   then each table of `TABLE_NAMES`, in that order:
 *   exactMax    u32       limits of its sets (distinct.ts), as a check
 *   p           u16
 *   words       u16       of sensors in each cell: no more than the highest sensor of the table needs
 *   cells       u32       how many; then each, ascending by name:
 *     name      2 x u32   the first word is the more significant
 *     packets   f64       a whole number from 1 to 2^53
 *     sensors   u32 each  a bit each, the lowest first; at least one is set
 *     set       see below
 *
 *   then the sources:
 *   exactMax    u32       limits of their sets of targets
 *   p           u16
 *   level       u16       the sample has one in 2^level sources
 *   sources     u32       how many; then each, ascending by low word, then high word of its key:
 *     key       2 x u32   high, low; of the low word, the uppermost `level` bits are 0
 *     address   4 x u32   most significant word first; IPv4 as ::ffff:a.b.c.d
 *     packets   f64       a whole number from 1 to 2^53
 *     times     2 x f64   of the first and the last packet, microseconds since 1970, within the day
 *     fields    5 x u32   hours and classes seen, place, marks, Nmap's targets, Nmap's packets (sources.ts)
 *     set       see below
 *
 *   crc         u32       CRC-32 of all bytes before it
 *
 * A set is its size, u32, and that many keys of 2 x u32 (high, low), ascending by low word, then high word; high is never 0. Or
 * its size is 2^32 - 1 and it is a sketch: 2^p registers, a byte each.
 *
 * Countries and places are numbers of a geography, keys are of a hash key, and neither is told here: whoever keeps a state
 * keeps with it which ones they were. Names of cells and places are not checked against them.
 */

import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { DAY_MICROS } from '../../common/time.ts';
import { BadState, check, packetsMax, Reader, Writer } from './bytes.ts';
import { CellTable } from './cells.ts';
import { Day, TABLE_NAMES } from './day.ts';
import type { DistinctLimits, DistinctPool } from './distinct.ts';
import { IPV4_HIGH } from './hash.ts';
import { orderByWords } from './order.ts';
import { marksAreSound, SEEN_BITS, SOURCE, type SourceTable } from './sources.ts';

const { WORDS, SEEN, MARKS, NMAP_TARGETS, NMAP_PACKETS, ENTERED, KEY_HIGH, KEY_LOW, TARGETS } = SOURCE;

const MAGIC = new Int32Array(new TextEncoder().encode('ENAGADAY').buffer);
/** Whoever keeps a state notes with which version it was written: another is not read. */
export const STATE_VERSION = 4;
/** Single tables (`encodeTable`) are written the same since this version of a state. */
export const TABLES_SINCE = 2;
const HEADER_BYTES = 16;
const CRC_BYTES = 4;
/** The last day of the year 9999. */
const dayMax = 2_932_896;
/** 65,536 sensors: far more than there are, and no table of few cells becomes large by its width. */
const sensorWordsMax = 2048;
/**
 * Sources that share the low word of their keys. Of 2^20 sources four do so in one state of a million; more are made up, and
 * no sample is thin enough to part them.
 */
const alikeMax = 8;
const levelMax = 32;
/** Of a source: its key, its address, and then the words that its row begins with: packets, times and fields. */
const KEY_WORDS = 2;
const ADDRESS_WORDS = 4;
const PLAIN_WORDS = NMAP_PACKETS + 1;

export { BadState };

/** The day must be settled: as `Reducer.days` and `decodeDay` give it. */
export function encodeDay(day: Day): Uint8Array {
  const out = new Writer();
  for (const word of MAGIC) out.word(word);
  writePair(out, STATE_VERSION, TABLE_NAMES.length);
  out.word(day.day);
  for (const name of TABLE_NAMES) writeTable(out, day.tables[name]);
  writeSources(out, day.sources);
  out.word(crc32(out.written()));
  return out.written();
}

/** `sourcesMax` is the bound of the day to be; a state of more sources is thinned to it. Throws `BadState`. */
export function decodeDay(bytes: Uint8Array, sourcesMax: number): Day {
  assert(sourcesMax >= alikeMax);
  if (bytes.length < HEADER_BYTES + CRC_BYTES) throw new BadState('shorter than its header');
  const input = new Reader(bytes.subarray(0, -CRC_BYTES));
  check(
    MAGIC.every(word => input.word() === word >>> 0),
    'no state of a day',
  );
  const [version, tables] = readPair(input);
  check(version === STATE_VERSION, `version ${version}, where only ${STATE_VERSION} is read`);
  checkCrc(bytes);
  check(tables === TABLE_NAMES.length, 'another number of tables');
  const number = input.word();
  check(number <= dayMax, 'a day beyond the year 9999');
  const day = new Day(number, sourcesMax);
  for (const name of TABLE_NAMES) readTable(input, day.tables[name]);
  readSources(input, day);
  check(input.rest === 0, 'bytes after the last source');
  return day;
}

/** One table alone, in the same form: as it stands in a day, and a checksum. */
export function encodeTable(table: CellTable): Uint8Array {
  const out = new Writer();
  writeTable(out, table);
  out.word(crc32(out.written()));
  return out.written();
}

/** Throws `BadState`. */
export function decodeTable(bytes: Uint8Array, limits: DistinctLimits): CellTable {
  if (bytes.length < CRC_BYTES) throw new BadState('shorter than its checksum');
  const input = new Reader(bytes.subarray(0, -CRC_BYTES));
  checkCrc(bytes);
  const table = new CellTable(limits);
  readTable(input, table);
  check(input.rest === 0, 'bytes after the last cell');
  return table;
}

function checkCrc(bytes: Uint8Array): void {
  const crc = new Reader(bytes.subarray(-CRC_BYTES)).word();
  check(crc === crc32(bytes.subarray(0, -CRC_BYTES)), 'the checksum disagrees');
}

/** Two numbers of 16 bits. */
const writePair = (out: Writer, first: number, second: number): void => out.word(first | (second << 16));

function readPair(input: Reader): [number, number] {
  const word = input.word();
  return [word & 0xffff, word >>> 16];
}

/** Whether one pair of unsigned words comes before another. */
const ascends = (a0: number, a1: number, b0: number, b1: number): boolean => a0 < b0 || (a0 === b0 && a1 < b1);

/** One word of each of `count` rows. */
function columnOf(rows: Int32Array, word: number, stride: number, count: number): Int32Array<ArrayBuffer> {
  const column = new Int32Array(count);
  for (let n = 0; n < count; n++) column[n] = rows[n * stride + word]!;
  return column;
}

function writeTable(out: Writer, table: CellTable): void {
  const { rows, stride, size } = table;
  const words = table.sensorWordsUsed();
  assert(words <= sensorWordsMax);
  writeLimits(out, table.pool, words);
  out.word(size);
  for (const n of orderByWords(columnOf(rows, 0, stride, size), columnOf(rows, 1, stride, size)))
    table.write(out, n, words);
}

function readTable(input: Reader, table: CellTable): void {
  const words = readLimits(input, table.pool);
  check(words <= sensorWordsMax, 'too many sensors');
  const cells = input.word();
  let [beforeA, beforeB] = [-1, -1];
  for (let n = 0; n < cells; n++) {
    const at = input.peek(2);
    const [a, b] = [input.words[at]! >>> 0, input.words[at + 1]! >>> 0];
    check(ascends(beforeA, beforeB, a, b), 'cells out of order');
    [beforeA, beforeB] = [a, b];
    table.read(input, words);
  }
  check(table.sensorWordsUsed() === words, 'more words of sensors than its cells need');
}

function writeSources(out: Writer, sources: SourceTable): void {
  const { rows, count } = sources;
  writeLimits(out, sources.targets, sources.level);
  out.word(count);
  const column = (word: number) => columnOf(rows, word, WORDS, count);
  for (const n of orderByWords(column(KEY_LOW), column(KEY_HIGH))) {
    const row = n * WORDS;
    assert(rows[row + SEEN] === rows[row + ENTERED], 'the day is not settled');
    const to = out.take(KEY_WORDS + ADDRESS_WORDS + PLAIN_WORDS);
    const plain = to + KEY_WORDS + ADDRESS_WORDS;
    const { words } = out;
    words[to] = rows[row + KEY_HIGH]!;
    words[to + 1] = rows[row + KEY_LOW]!;
    sources.copyAddress(n, words, to + KEY_WORDS);
    for (let word = 0; word < PLAIN_WORDS; word++) words[plain + word] = rows[row + word]!;
    sources.targets.write(out, rows[row + TARGETS]!, rows[row + TARGETS + 1]!);
  }
}

function readSources(input: Reader, { day, sources }: Day): void {
  const level = readLimits(input, sources.targets);
  check(level <= levelMax, 'a sample of too few');
  sources.level = level;
  const count = input.word();
  let [beforeLow, beforeHigh] = [-1, -1];
  let alike = 0;
  for (let n = 0; n < count; n++) {
    const at = input.take(KEY_WORDS + ADDRESS_WORDS + PLAIN_WORDS);
    const [high, low] = [input.words[at]! >>> 0, input.words[at + 1]! >>> 0];
    check(ascends(beforeLow, beforeHigh, low, high), 'sources out of order');
    check(high === IPV4_HIGH || high >>> 31 === 1, 'a source whose key is none');
    alike = low === beforeLow ? alike + 1 : 1;
    check(alike <= alikeMax, 'sources chosen to be alike');
    check(level === 0 || low >>> (32 - level) === 0, 'a source outside the sample');
    [beforeLow, beforeHigh] = [low, high];
    readSource(input, at, day, sources);
  }
}

/** The source whose words begin at `at`, and its targets, which are next. */
function readSource(input: Reader, at: number, day: number, sources: SourceTable): void {
  const { words } = input;
  const address = at + KEY_WORDS;
  const plain = address + ADDRESS_WORDS;
  const packets = input.double(plain);
  check(Number.isInteger(packets) && packets >= 1 && packets <= packetsMax, 'a count that is none');
  const [first, last] = [input.double(plain + 2), input.double(plain + 4)];
  const start = day * DAY_MICROS;
  const within = Number.isInteger(first) && Number.isInteger(last) && start <= first && last < start + DAY_MICROS;
  check(within && first <= last, 'a time outside the day');
  const seen = words[plain + SEEN]!;
  check((seen & ~SEEN_BITS) === 0, 'hours or classes that are none');
  const unsigned = (word: number) => words[plain + word]! >>> 0;
  check(marksAreSound(unsigned(MARKS), unsigned(NMAP_TARGETS), unsigned(NMAP_PACKETS)), 'marks that no packets leave');
  const [w0, w1, w2, w3] = words.subarray(address, plain);
  const row = sources.create(words[at]!, words[at + 1]!, w0!, w1!, w2!, w3!);
  if (row < 0) {
    // Thinned out: its targets go to a set that is given back at once.
    const set = new Int32Array(2);
    sources.targets.read(input, set, 0);
    sources.targets.release(set[0]!, set[1]!);
    return;
  }
  for (let word = 0; word < PLAIN_WORDS; word++) sources.rows[row + word] = words[plain + word]!;
  sources.rows[row + ENTERED] = seen;
  sources.targets.read(input, sources.rows, row + TARGETS);
}

/** The limits of a table's sets, and a number of 16 bits of its own. */
function writeLimits(out: Writer, { limits }: DistinctPool, own: number): void {
  out.word(limits.exactMax);
  writePair(out, limits.p, own);
}

/** Returns the table's own number. */
function readLimits(input: Reader, { limits }: DistinctPool): number {
  const exactMax = input.word();
  const [p, own] = readPair(input);
  check(exactMax === limits.exactMax && p === limits.p, 'sets of other limits');
  return own;
}

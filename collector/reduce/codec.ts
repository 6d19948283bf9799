/**
 * A day's state as bytes: what was counted, to be kept or to be merged elsewhere. Canonical: a day has one encoding, the same in
 * whatever order and parts its records were counted, and nothing but such an encoding is decoded. Little-endian throughout.
 *
 *   magic       8 bytes   "ENAGADAY"
 *   version     u16       2; every change of what follows, of a cell's name or of a source's fields is a new version
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
import { BadState, Reader, Writer } from './bytes.ts';
import { CellTable } from './cells.ts';
import { Day, TABLE_NAMES } from './day.ts';
import { type DistinctLimits, type DistinctPool, SKETCH, sizeCount } from './distinct.ts';
import { IPV4_HIGH } from './hash.ts';
import { rankMax } from './sketch.ts';
import {
  ENTERED,
  KEY_HIGH,
  KEY_LOW,
  MARKS,
  marksAreSound,
  NMAP_PACKETS,
  NMAP_TARGETS,
  PLACE,
  SEEN,
  SEEN_BITS,
  SOURCE_WORDS,
  type SourceTable,
  TARGETS,
} from './sources.ts';

const MAGIC = new TextEncoder().encode('ENAGADAY');
/** Whoever keeps a state notes with which version it was written: another is not read. */
export const STATE_VERSION = 2;
const HEADER_BYTES = 16;
const CRC_BYTES = 4;
const SKETCH_SIZE = 0xffffffff;
/** The last day of the year 9999. */
const dayMax = 2_932_896;
/** 65,536 sensors: far more than there are, and no table of few cells becomes large by its width. */
const sensorWordsMax = 2048;
/**
 * Sources that share the low word of their keys. Of 2^20 sources four do so in one state of a million; more are made up, and
 * no sample is thin enough to part them.
 */
const alikeMax = 8;
const packetsMax = 2 ** 53;
const levelMax = 32;
/** Words of a source's row that are written as they are. */
const SOURCE_FIELDS = [SEEN, PLACE, MARKS, NMAP_TARGETS, NMAP_PACKETS] as const;

export { BadState };

/** The day must be settled: as `Reducer.days` and `decodeDay` give it. */
export function encodeDay(day: Day): Uint8Array {
  const out = new Writer();
  out.bytes(MAGIC);
  out.u16(STATE_VERSION);
  out.u16(TABLE_NAMES.length);
  out.u32(day.day);
  for (const name of TABLE_NAMES) writeTable(out, day.tables[name]);
  writeSources(out, day.sources);
  out.u32(crc32(out.written()));
  return out.written();
}

/** `sourcesMax` is the bound of the day to be; a state of more sources is thinned to it. Throws `BadState`. */
export function decodeDay(bytes: Uint8Array, sourcesMax: number): Day {
  assert(sourcesMax >= alikeMax);
  if (bytes.length < HEADER_BYTES + CRC_BYTES) throw new BadState('shorter than its header');
  const body = bytes.subarray(0, -CRC_BYTES);
  const input = new Reader(body);
  check(
    MAGIC.every(byte => input.u8() === byte),
    'no state of a day',
  );
  const version = input.u16();
  check(version === STATE_VERSION, `version ${version}, where only ${STATE_VERSION} is read`);
  check(new Reader(bytes.subarray(-CRC_BYTES)).u32() === crc32(body), 'the checksum disagrees');
  check(input.u16() === TABLE_NAMES.length, 'another number of tables');
  const number = input.u32();
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
  out.u32(crc32(out.written()));
  return out.written();
}

/** Throws `BadState`. */
export function decodeTable(bytes: Uint8Array, limits: DistinctLimits): CellTable {
  if (bytes.length < CRC_BYTES) throw new BadState('shorter than its checksum');
  const body = bytes.subarray(0, -CRC_BYTES);
  check(new Reader(bytes.subarray(-CRC_BYTES)).u32() === crc32(body), 'the checksum disagrees');
  const table = new CellTable(limits);
  const input = new Reader(body);
  readTable(input, table);
  check(input.rest === 0, 'bytes after the last cell');
  return table;
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BadState(what);
}

/** Whether one pair of words comes before another. */
const ascends = (a0: number, a1: number, b0: number, b1: number): boolean => a0 < b0 || (a0 === b0 && a1 < b1);

/** Numbers below `count`, ordered by two words each, the first the more significant. */
function ordered(count: number, first: (n: number) => number, second: (n: number) => number): number[] {
  const order = Array.from({ length: count }, (_, n) => n);
  return order.sort((x, y) => (first(x) >>> 0) - (first(y) >>> 0) || (second(x) >>> 0) - (second(y) >>> 0));
}

function writeTable(out: Writer, table: CellTable): void {
  const words = table.sensorWordsUsed();
  assert(words <= sensorWordsMax);
  writeLimits(out, table.pool);
  out.u16(words);
  out.u32(table.size);
  for (const n of ordered(table.size, table.nameA, table.nameB)) {
    out.u32(table.nameA(n));
    out.u32(table.nameB(n));
    out.f64(table.packets(n));
    for (let word = 0; word < words; word++) out.u32(table.sensorBits(n, word));
    writeSet(out, table.pool, table.setAt(n), table.setSize(n));
  }
}

function readTable(input: Reader, table: CellTable): void {
  checkLimits(input, table.pool);
  const words = input.u16();
  check(words <= sensorWordsMax, 'too many sensors');
  const cells = input.u32();
  let [beforeA, beforeB] = [-1, -1];
  let used = 0;
  for (let n = 0; n < cells; n++) {
    const [a, b] = [input.u32(), input.u32()];
    check(ascends(beforeA, beforeB, a, b), 'cells out of order');
    [beforeA, beforeB] = [a, b];
    let packets = readPackets(input);
    let row = -1;
    for (let word = 0; word < words; word++) {
      const bits = input.u32();
      if (bits !== 0) used = Math.max(used, word + 1);
      for (let bit = 0; bit < 32; bit++) {
        if (((bits >>> bit) & 1) === 0) continue;
        row = table.count(a, b, packets, 32 * word + bit);
        packets = 0;
      }
    }
    check(row >= 0, 'a cell of no sensor');
    readSet(
      input,
      table.pool,
      (high, low) => table.addSource(row, high, low),
      registers => table.addRegisters(row, registers),
    );
  }
  check(used === words, 'more words of sensors than its cells need');
}

function writeSources(out: Writer, sources: SourceTable): void {
  writeLimits(out, sources.targets);
  out.u16(sources.level);
  out.u32(sources.count);
  const word = (n: number, field: number) => sources.rows[n * SOURCE_WORDS + field]!;
  const order = ordered(
    sources.count,
    n => word(n, KEY_LOW),
    n => word(n, KEY_HIGH),
  );
  for (const n of order) {
    assert.equal(word(n, SEEN), word(n, ENTERED), 'the day is not settled');
    const row = n * SOURCE_WORDS;
    out.u32(word(n, KEY_HIGH));
    out.u32(word(n, KEY_LOW));
    for (const part of sources.address(row)) out.u32(part);
    out.f64(sources.packets(row));
    out.f64(sources.first(row));
    out.f64(sources.last(row));
    for (const field of SOURCE_FIELDS) out.u32(word(n, field));
    writeSet(out, sources.targets, word(n, TARGETS), word(n, TARGETS + 1));
  }
}

function readSources(input: Reader, { day, sources }: Day): void {
  checkLimits(input, sources.targets);
  const level = input.u16();
  check(level <= levelMax, 'a sample of too few');
  sources.level = level;
  const count = input.u32();
  let [beforeLow, beforeHigh] = [-1, -1];
  let alike = 0;
  for (let n = 0; n < count; n++) {
    const [high, low] = [input.u32(), input.u32()];
    check(ascends(beforeLow, beforeHigh, low, high), 'sources out of order');
    check(high === IPV4_HIGH || high >>> 31 === 1, 'a source whose key is none');
    alike = low === beforeLow ? alike + 1 : 1;
    check(alike <= alikeMax, 'sources chosen to be alike');
    check(level === 0 || low >>> (32 - level) === 0, 'a source outside the sample');
    [beforeLow, beforeHigh] = [low, high];
    readSource(input, day, sources, high | 0, low | 0);
  }
}

/** The rest of a source, after its key. */
function readSource(input: Reader, day: number, sources: SourceTable, high: number, low: number): void {
  const [w0, w1, w2, w3] = [input.u32(), input.u32(), input.u32(), input.u32()];
  const packets = readPackets(input);
  const [first, last] = [input.f64(), input.f64()];
  const start = day * DAY_MICROS;
  const within = Number.isInteger(first) && Number.isInteger(last) && start <= first && last < start + DAY_MICROS;
  check(within && first <= last, 'a time outside the day');
  const [seen, place, marks, nmapTargets, nmapPackets] = SOURCE_FIELDS.map(() => input.u32());
  check((seen! & ~SEEN_BITS) === 0, 'hours or classes that are none');
  check(marksAreSound(marks!, nmapTargets!, nmapPackets!), 'marks that no packets leave');
  const row = sources.create(high, low, w0, w1, w2, w3);
  if (row >= 0) {
    sources.countPackets(row, packets, first, last);
    for (const [n, field] of SOURCE_FIELDS.entries())
      sources.rows[row + field] = [seen, place, marks, nmapTargets, nmapPackets][n]!;
    sources.rows[row + ENTERED] = seen!;
  }
  // A source thinned out has no row: its targets go to a set that is given back at once.
  const words = row < 0 ? new Int32Array(2) : sources.rows;
  const at = row < 0 ? 0 : row + TARGETS;
  readSet(
    input,
    sources.targets,
    (keyHigh, keyLow) => sources.targets.add(words, at, keyHigh, keyLow),
    registers => sources.targets.addRegisters(words, at, registers),
  );
  if (row < 0) sources.targets.release(words[0]!, words[1]!);
}

function readPackets(input: Reader): number {
  const packets = input.f64();
  check(Number.isInteger(packets) && packets >= 1 && packets <= packetsMax, 'a count that is none');
  return packets;
}

function writeLimits(out: Writer, { limits }: DistinctPool): void {
  out.u32(limits.exactMax);
  out.u16(limits.p);
}

function checkLimits(input: Reader, { limits }: DistinctPool): void {
  check(input.u32() === limits.exactMax && input.u16() === limits.p, 'sets of other limits');
}

function writeSet(out: Writer, pool: DistinctPool, at: number, size: number): void {
  if (size === SKETCH) {
    out.u32(SKETCH_SIZE);
    out.bytes(pool.registers(at));
    return;
  }
  out.u32(sizeCount(size));
  const keys = pool.keys(at, size);
  if (keys.length === 2) {
    // most sets, by far
    out.u32(keys[0]!);
    out.u32(keys[1]!);
    return;
  }
  // As 64-bit numbers the low word, which comes second, is the more significant.
  new BigUint64Array(keys.buffer).sort();
  out.bytes(new Uint8Array(keys.buffer));
}

function readSet(
  input: Reader,
  { limits }: DistinctPool,
  add: (high: number, low: number) => void,
  addRegisters: (registers: Uint8Array) => void,
): void {
  const size = input.u32();
  if (size === SKETCH_SIZE) {
    const registers = input.bytes(1 << limits.p);
    check(
      registers.every(rank => rank <= rankMax(limits.p)),
      'a register that is too high',
    );
    addRegisters(registers);
    return;
  }
  check(size <= limits.exactMax, 'a set too large to be exact');
  let [beforeLow, beforeHigh] = [-1, -1];
  for (let n = 0; n < size; n++) {
    const [high, low] = [input.u32(), input.u32()];
    check(high !== 0, 'an empty key');
    check(ascends(beforeLow, beforeHigh, low, high), 'keys out of order');
    [beforeLow, beforeHigh] = [low, high];
    add(high | 0, low | 0);
  }
}

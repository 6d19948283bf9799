/**
 * Packets of a day that differ in nothing its tables ask about, counted together: a flow is a source, a target (protocol and
 * port, or ICMP type and code), a class, the marks of tools, and a sensor. Darknet traffic repeats itself, and this table is the
 * only large one that a packet touches; flows are settled into the day's tables (settle.ts) when this one is full or the day is
 * asked for.
 *
 * An entry is 32 bytes, in words:
 *
 *   0  the source: an IPv4 address, or the low word of an IPv6 source's key      1  `flowKey`
 *   2  hours of the day seen in (bits 0-23), slot of the sensor (24-31)          3  packets, 0 for an empty place
 *   4  first time, in microseconds of the first hour      5  last time, of the last hour
 *   6  the source's place by the geography                7  the high word of the source's key
 */
import type { GeoTable } from '../../common/geo/table.ts';
import * as geography from '../../common/geo/table.ts';
import * as mixing from '../../common/record/mix.ts';
import type { Records } from '../../common/record/record.ts';
import { COLUMNS } from './columns.ts';
import * as days from './day.ts';
import { createLines, createSharedLines } from './lines.ts';
import { orderByKey } from './order.ts';
import type { Stretch } from './stretch.ts';

// Constants of this module and not imports, for its loops: common/DESIGN.md, "Loops over packets".
const { lookup4, lookup6 } = geography;
const { mix } = mixing;
const { HOURS_PER_DAY, TARGET_BITS, TARGET_MASK } = days;
const { high, id, key, place, scratch } = COLUMNS;

/** Target, class and marks of a flow in one word: `marks << 26 | class << 24 | target`. */
export const keyTarget = (key: number): number => key & TARGET_MASK;
export const keyClass = (key: number): number => (key >>> TARGET_BITS) & 3;
export const keyMarks = (key: number): number => key >>> (TARGET_BITS + 2);
export const flowKey = (target: number, packetClass: number, marks: number): number =>
  target | (packetClass << TARGET_BITS) | (marks << (TARGET_BITS + 2));

/** Where an entry has what, in words; how its third word is parted. */
export const FLOW = {
  WORDS: 8,
  KEY: 1,
  HOURS: 2,
  PACKETS: 3,
  FIRST: 4,
  LAST: 5,
  PLACE: 6,
  HIGH: 7,
  HOURS_MASK: 0xffffff,
  SLOT_SHIFT: 24,
} as const;
const { WORDS, KEY, HOURS, PACKETS, FIRST, LAST, PLACE, HIGH, HOURS_MASK, SLOT_SHIFT } = FLOW;
const slotsMax = 256;

const placesMin = 1 << 12;
/** Of 4 KB, the system's. */
const pageWords = 1 << 10;
/** Growing is copying to random places, 3% of a replay in steps of 2: of a million flows, steps of 8 copy a seventh, of 2 all. */
const growth = 8;
/** 64 MB, half of them in use. */
const placesMax = 1 << 21;

export class FlowTable {
  entries: Int32Array;
  count = 0;
  /** The sensor of each slot. */
  readonly sensors: number[] = [];
  readonly #seed: number;
  readonly #createLines: (words: number) => Int32Array;

  /** Any seed gives the same counts. Shared, its memory is another thread's to read. */
  constructor(seed: number, shared: boolean) {
    this.#seed = seed;
    this.#createLines = shared ? createSharedLines : createLines;
    this.entries = this.#createLines(placesMin * WORDS);
  }

  /** Whether so many records may not fit, or the sensor has no slot: the table must be settled first. */
  lacksRoom(records: number, sensor: number): boolean {
    return (
      2 * (this.count + records) > placesMax || (this.sensors.length === slotsMax && !this.sensors.includes(sensor))
    );
  }

  /**
   * Counts a stretch of records of one sensor, for which there is room, and leaves in it each source's place. All first loads of
   * entries come before anything is done with them: a load that misses the cache costs 150 ns alone, but 12 ns among ten of which
   * none waits for another.
   */
  countAll(records: Records, stretch: Stretch, sensor: number, geo: GeoTable): void {
    while (2 * WORDS * (this.count + stretch.count) > this.entries.length) this.#grow();
    const { entries } = this;
    const { count } = stretch;
    const slot = this.#slot(sensor);
    const mask = entries.length - WORDS;
    const seed = this.#seed;
    for (let i = 0; i < count; i++) place[i] = hash(id[i]!, key[i]!, seed) & mask;
    for (let i = 0; i < count; i++) scratch[i] = entries[place[i]!]!;
    const fresh = countEach(records, stretch, slot, entries);
    this.count += fresh;
    // Apart from the loop there, which a call would make wait and lose its registers.
    findPlaces(records, stretch, fresh, geo, entries);
    for (let i = 0; i < count; i++) place[i] = entries[place[i]! + PLACE]!;
  }

  /** Where the entries in use begin, ordered by target, so that the flows of one port come together. */
  ordered(): Int32Array {
    const { entries } = this;
    const places = placesInUse(entries, this.count);
    const targets = new Int32Array(this.count);
    for (let n = 0; n < places.length; n++) targets[n] = keyTarget(entries[places[n]! + KEY]!);
    return orderByKey(targets, places, TARGET_BITS);
  }

  /** Leaves room for as many flows as there were, which is what may come. */
  clear(): void {
    let places = placesMin;
    while (places < 2 * this.count) places *= 2;
    if (this.entries.length === places * WORDS) this.entries.fill(0);
    else this.entries = this.#createLines(places * WORDS);
    this.count = 0;
    this.sensors.length = 0;
  }

  #slot(sensor: number): number {
    const slot = this.sensors.indexOf(sensor);
    return slot < 0 ? this.sensors.push(sensor) - 1 : slot;
  }

  #grow(): void {
    const before = this.entries;
    const entries = this.#createLines(Math.min(growth * before.length, placesMax * WORDS));
    // A large table is soon in all its pages, and a page that is read before it is written costs the system twice.
    for (let word = 0; word < entries.length; word += pageWords) entries[word] = 0;
    const mask = entries.length - WORDS;
    for (let from = 0; from < before.length; from += WORDS) {
      if (before[from + PACKETS] === 0) continue;
      let at = hash(before[from]!, before[from + KEY]!, this.#seed) & mask;
      while (entries[at + PACKETS] !== 0) at = (at + WORDS) & mask;
      for (let word = 0; word < WORDS; word++) entries[at + word] = before[from + word]!;
    }
    this.entries = entries;
  }
}

/** Where the entries of so many flows begin, in no particular order. */
export function placesInUse(entries: Int32Array, count: number): Int32Array<ArrayBuffer> {
  const places = new Int32Array(count);
  let n = 0;
  for (let at = 0; n < count; at += WORDS) if (entries[at + PACKETS] !== 0) places[n++] = at;
  return places;
}

/**
 * Counts the records of the stretch, where `place` says to look first; leaves there where each one's entry is. Returns how many entries
 * are new: `scratch` says of which records.
 */
// Long: the loop every record goes through, kept in one piece so that what it has of an entry stays in registers.
function countEach({ time, hour }: Records, { from, count }: Stretch, slot: number, entries: Int32Array): number {
  const mask = entries.length - WORDS;
  const hourOfDay = hour % HOURS_PER_DAY;
  const hourBit = 1 << hourOfDay;
  let fresh = 0;
  for (let i = 0; i < count; i++) {
    const source = id[i]!;
    const flowKey = key[i]!;
    const micros = time[from + i]!;
    let at = place[i]!;
    while (
      (entries[at] !== source ||
        entries[at + KEY] !== flowKey ||
        entries[at + HIGH] !== high[i] ||
        entries[at + HOURS]! >>> SLOT_SHIFT !== slot) &&
      entries[at + PACKETS] !== 0
    )
      at = (at + WORDS) & mask;
    place[i] = at;
    if (entries[at + PACKETS]!++ === 0) {
      scratch[fresh++] = i;
      entries[at] = source;
      entries[at + KEY] = flowKey;
      entries[at + HOURS] = hourBit | (slot << SLOT_SHIFT);
      entries[at + FIRST] = micros;
      entries[at + LAST] = micros;
      entries[at + HIGH] = high[i]!;
      continue;
    }
    const hours = entries[at + HOURS]! & HOURS_MASK;
    const later = micros >= entries[at + LAST]! >>> 0;
    if (hours >>> hourOfDay === 1 && later) {
      entries[at + LAST] = micros; // nearly always: packets come in the order of their times
      continue;
    }
    const inHour = (hours & hourBit) !== 0;
    if (hours >>> hourOfDay <= 1 && (!inHour || later)) entries[at + LAST] = micros;
    if ((hours & (hourBit - 1)) === 0 && (!inHour || micros < entries[at + FIRST]! >>> 0)) entries[at + FIRST] = micros;
    if (!inHour) entries[at + HOURS]! |= hourBit;
  }
  return fresh;
}

/** Sets the places of new flows: `scratch` says of which records, and `place` where their entries are. */
function findPlaces(
  { family, src }: Records,
  { from }: Stretch,
  fresh: number,
  geo: GeoTable,
  entries: Int32Array,
): void {
  for (let n = 0; n < fresh; n++) {
    const i = scratch[n]!;
    entries[place[i]! + PLACE] = family === 4 ? lookup4(geo, src[from + i]!) : place6(geo, src, from + i);
  }
}

/** The place of the IPv6 source of record `r`. */
export const place6 = (geo: GeoTable, src: Uint32Array, r: number): number =>
  lookup6(geo, src[4 * r]!, src[4 * r + 1]!, src[4 * r + 2]!, src[4 * r + 3]!);

/**
 * Where a flow's entry belongs; the mask leaves out the low bits, which are within an entry. The seed is a secret: who knew where
 * flows lie could send such as pile up in one place, where each is asked about all that came before it.
 */
const hash = (id: number, key: number, seed: number): number => mix(mix(id ^ seed) ^ key);

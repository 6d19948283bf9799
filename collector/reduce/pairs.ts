/**
 * Which source sent how many packets to which target, by which sensor and in which hours of the day: counted here first, and
 * settled into the cell tables (settle.ts) when the table is full or the day is asked for. So a packet touches one entry, and
 * a cell is touched once for all the packets of a pair.
 *
 * An entry, in words: the source's row, the target and side (name of its cells) with the sensor's slot above, hours of the day,
 * packets (0: empty place).
 */
export const PAIR_WORDS = 4;
export const PAIR_NAME = 1;
export const PAIR_HOURS = 2;
export const PAIR_PACKETS = 3;

/** A name is 25 bits; above it the slot of a sensor. */
export const NAME_BITS = 25;
export const NAME_MASK = (1 << NAME_BITS) - 1;
const slotsMax = 1 << (32 - NAME_BITS);

const placesMin = 1 << 10;
/** 64 MB at the most. */
const placesMax = 1 << 22;

export class PairTable {
  entries = new Int32Array(placesMin * PAIR_WORDS);
  count = 0;
  /** The sensor of each slot. */
  readonly sensors: number[] = [];

  /** Whether a stretch of so many records may not fit, or the sensor has no slot: the table must be settled first. */
  lacksRoom(records: number, sensor: number): boolean {
    return (
      2 * (this.count + records) > placesMax || (this.sensors.length === slotsMax && !this.sensors.includes(sensor))
    );
  }

  /** The bits of a sensor's slot in an entry's second word. */
  slot(sensor: number): number {
    let slot = this.sensors.indexOf(sensor);
    if (slot < 0) slot = this.sensors.push(sensor) - 1;
    return slot << NAME_BITS;
  }

  /**
   * Counts a packet of each source at its target, in an hour of the day; records without a row (-1) are passed over. Loads
   * first, comparisons after, as in `SourceTable.findAll`; `found` is memory to do so.
   */
  countAll(
    source: Int32Array,
    name: Int32Array,
    slot: number,
    count: number,
    hourSeen: number,
    found: Int32Array,
  ): void {
    while (2 * (this.count + count) * PAIR_WORDS > this.entries.length) this.#grow();
    const { entries } = this;
    const mask = entries.length - PAIR_WORDS;
    for (let i = 0; i < count; i++) found[i] = entries[hash(source[i]!, name[i]! | slot) & mask]!;
    for (let i = 0; i < count; i++) {
      const row = source[i]!;
      const named = name[i]! | slot;
      if (row < 0) continue;
      let at = hash(row, named) & mask;
      while (entries[at + PAIR_PACKETS] !== 0 && (entries[at] !== row || entries[at + PAIR_NAME] !== named))
        at = (at + PAIR_WORDS) & mask;
      if (entries[at + PAIR_PACKETS]!++ === 0) {
        entries[at] = row;
        entries[at + PAIR_NAME] = named;
        this.count++;
      }
      entries[at + PAIR_HOURS]! |= hourSeen;
    }
  }

  /** Where the entries in use begin, ordered by name, so that the pairs of one target come together. */
  ordered(): Int32Array {
    const { entries } = this;
    let names = new Int32Array(this.count);
    let places = new Int32Array(this.count);
    let n = 0;
    for (let at = 0; at < entries.length; at += PAIR_WORDS) {
      if (entries[at + PAIR_PACKETS] === 0) continue;
      names[n] = entries[at + PAIR_NAME]! & NAME_MASK;
      places[n++] = at;
    }
    for (let shift = 0; shift < NAME_BITS; shift += DIGIT_BITS) [names, places] = sortByDigit(names, places, shift);
    return places;
  }

  clear(): void {
    this.entries = new Int32Array(placesMin * PAIR_WORDS);
    this.count = 0;
    this.sensors.length = 0;
  }

  #grow(): void {
    const before = this.entries;
    const entries = new Int32Array(2 * before.length);
    const mask = entries.length - PAIR_WORDS;
    for (let from = 0; from < before.length; from += PAIR_WORDS) {
      if (before[from + PAIR_PACKETS] === 0) continue;
      let at = hash(before[from]!, before[from + PAIR_NAME]!) & mask;
      while (entries[at + PAIR_PACKETS] !== 0) at = (at + PAIR_WORDS) & mask;
      for (let word = 0; word < PAIR_WORDS; word++) entries[at + word] = before[from + word]!;
    }
    this.entries = entries;
  }
}

/** The low two bits are left out by the mask. */
const hash = (source: number, name: number): number => {
  const h = Math.imul(source ^ Math.imul(name, 0x9e3779b1), 0x85ebca6b);
  return h ^ (h >>> 15);
};

/** Few enough buckets that each one's end stays in the cache. */
const DIGIT_BITS = 9;

/** One stable pass of a radix sort of places by their names, by the digit above `shift`. */
function sortByDigit(names: Int32Array<ArrayBuffer>, places: Int32Array<ArrayBuffer>, shift: number) {
  const mask = (1 << DIGIT_BITS) - 1;
  const starts = new Int32Array(mask + 2);
  for (let i = 0; i < names.length; i++) starts[((names[i]! >>> shift) & mask) + 1]!++;
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  const sortedNames = new Int32Array(names.length);
  const sortedPlaces = new Int32Array(names.length);
  for (let i = 0; i < names.length; i++) {
    const to = starts[(names[i]! >>> shift) & mask]!++;
    sortedNames[to] = names[i]!;
    sortedPlaces[to] = places[i]!;
  }
  return [sortedNames, sortedPlaces] as const;
}

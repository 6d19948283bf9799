/**
 * Which source sent to which target today: what spares the cell tables a source they already have, and leads from a packet to
 * its cell of port and country without asking for it again. Only a memory aid: it may be emptied at any time, and is when it
 * grows too large; then what it knew is told to the tables once more, which do not mind.
 *
 * An entry, in words: the source's row, the target and side (name of its cells), hours of the day seen in, and the number of the
 * cell of port and country plus one (0: empty place).
 */
export const PAIR_WORDS = 4;
export const PAIR_HOURS = 2;
export const PAIR_CELL = 3;

const placesMin = 1 << 10;
/** 64 MB at the most. */
const placesMax = 1 << 22;

export class PairTable {
  entries = new Int32Array(placesMin * PAIR_WORDS);
  #count = 0;

  /** Where the pair's entry begins, or where it is to be made. */
  find(source: number, name: number): number {
    const { entries } = this;
    const mask = entries.length - PAIR_WORDS;
    let at = hash(source, name) & mask;
    while (entries[at + PAIR_CELL] !== 0 && (entries[at] !== source || entries[at + 1] !== name))
      at = (at + PAIR_WORDS) & mask;
    return at;
  }

  /** Makes the entry at the place `find` gave; the place is not to be used after this. */
  enter(at: number, source: number, name: number, hours: number, cell: number): void {
    this.entries[at] = source;
    this.entries[at + 1] = name;
    this.entries[at + PAIR_HOURS] = hours;
    this.entries[at + PAIR_CELL] = cell + 1;
    if (++this.#count * 3 < (this.entries.length / PAIR_WORDS) * 2) return;
    if (this.entries.length / PAIR_WORDS === placesMax) this.clear();
    else this.#grow();
  }

  clear(): void {
    this.entries = new Int32Array(placesMin * PAIR_WORDS);
    this.#count = 0;
  }

  #grow(): void {
    const before = this.entries;
    this.entries = new Int32Array(2 * before.length);
    for (let from = 0; from < before.length; from += PAIR_WORDS) {
      if (before[from + PAIR_CELL] === 0) continue;
      const at = this.find(before[from]!, before[from + 1]!);
      for (let word = 0; word < PAIR_WORDS; word++) this.entries[at + word] = before[from + word]!;
    }
  }
}

/** The low two bits are left out by the mask. */
const hash = (source: number, name: number): number => {
  const h = Math.imul(source ^ Math.imul(name, 0x9e3779b1), 0x85ebca6b);
  return h ^ (h >>> 15);
};

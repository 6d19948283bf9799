/**
 * The place of an IPv4 address by its /24, remembered: a lookup costs 60 to 150 ns, being a binary search whose branches no
 * processor can foretell, and asking here 5 to 10. Addresses of one /24 are nearly always of one range. The table spans every
 * /24 (64 MB), of which the system gives memory only to the pages touched.
 */
import { type GeoTable, lookup4, lookup6, range4 } from '../../common/geo/table.ts';

const BLOCKS = 1 << 24;
/** What is known of a /24: nothing, that it has several ranges, or its place plus `KNOWN`. */
const SEVERAL = 1;
const KNOWN = 2;

export class Places {
  readonly #geo: GeoTable;
  readonly #blocks = new Uint32Array(BLOCKS);

  constructor(geo: GeoTable) {
    this.#geo = geo;
  }

  find4(address: number): number {
    const known = this.#blocks[address >>> 8]!;
    return known >= KNOWN ? known - KNOWN : this.#lookup(address >>> 0);
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    return lookup6(this.#geo, w0, w1, w2, w3);
  }

  #lookup(address: number): number {
    const geo = this.#geo;
    const block = address >>> 8;
    if (this.#blocks[block] === 0) {
      const range = range4(geo, (address & ~0xff) >>> 0);
      const single = range === range4(geo, (address | 0xff) >>> 0);
      this.#blocks[block] = single ? geo.places4[range]! + KNOWN : SEVERAL;
    }
    return lookup4(geo, address);
  }
}

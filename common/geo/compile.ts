/**
 * Ranges of countries, and of ASNs where there are any -> the table's columns.
 */
import { allUnknown, merge, type Ranges } from './ranges.ts';
import { BLOCK_BITS4, type Columns, columnBytes, columnsOver, FIRST_BLOCK6 } from './table.ts';

export interface AddressRanges {
  readonly ipv4: Ranges<number>;
  readonly ipv6: Ranges<bigint>;
}

/** `country` holds country indexes, `asn` AS numbers. */
export function compile(
  country: AddressRanges,
  asn: AddressRanges = { ipv4: allUnknown(0), ipv6: allUnknown(0n) },
): Columns {
  const places = new Map([[0, 0]]); // country * 2^32 + ASN -> place; nothing known is place 0
  const place = (countryIndex: number, asNumber: number) => {
    const key = countryIndex * 2 ** 32 + asNumber;
    const known = places.get(key) ?? places.size;
    places.set(key, known);
    return known;
  };
  const ipv4 = merge(country.ipv4, asn.ipv4, place);
  const ipv6 = merge(country.ipv6, asn.ipv6, place);
  const counts = { ranges4: ipv4.starts.length, ranges6: ipv6.starts.length, places: places.size };
  const columns = columnsOver(new SharedArrayBuffer(columnBytes(counts)), counts);
  columns.starts4.set(ipv4.starts);
  columns.places4.set(ipv4.values);
  fillBlocks(columns.blocks4, ipv4);
  fillJump(columns.jump4, ipv4.starts, block => block * 2 ** 16);
  fillWords(columns.starts6, ipv6.starts);
  columns.places6.set(ipv6.values);
  fillJump(columns.jump6, ipv6.starts, block => BigInt(FIRST_BLOCK6 + block) << 112n);
  columns.placeAsn.set(Array.from(places.keys(), key => key % 2 ** 32));
  columns.placeCountry.set(Array.from(places.keys(), key => Math.floor(key / 2 ** 32)));
  return columns;
}

/** Gives the place of each /17 that is in one range. */
function fillBlocks(blocks: Uint32Array, { starts, values }: Ranges<number>): void {
  const addresses = 2 ** BLOCK_BITS4;
  for (let range = 0; range < starts.length; range++) {
    const end = starts[range + 1] ?? 2 ** 32;
    blocks.fill(values[range] + 1, Math.ceil(starts[range] / addresses), Math.floor(end / addresses));
  }
}

function fillJump<A>(jump: Uint32Array, starts: readonly A[], firstAddress: (block: number) => A): void {
  let range = 0;
  for (let block = 0; block < jump.length; block++) {
    const address = firstAddress(block);
    while (range + 1 < starts.length && starts[range + 1] <= address) range++;
    jump[block] = range;
  }
}

function fillWords(words: Uint32Array, addresses: readonly bigint[]): void {
  const bytes = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < addresses.length; i++) {
    bytes.setBigUint64(0, addresses[i] >> 64n);
    bytes.setBigUint64(8, addresses[i]); // the lower 64 bits
    for (let word = 0; word < 4; word++) words[4 * i + word] = bytes.getUint32(4 * word);
  }
}

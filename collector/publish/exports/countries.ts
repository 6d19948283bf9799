/** In which countries sources may be that are wanted: the archive gives records of these, and need not read the others. */
import type { GeoTable } from '../../../common/geo/table.ts';
import { type Prefix, prefixMask } from '../../../common/record/address.ts';
import { type Networks, type Selection, UNKNOWN_COUNTRY } from './row.ts';

export const countriesOf = ({ country, networks }: Selection, geo: GeoTable): string[] =>
  networks === undefined ? [country] : countriesOfNetworks(networks, geo);

/** All that have addresses of the networks by this geography. */
export function countriesOfNetworks({ asns, prefixes, without }: Networks, geo: GeoTable): string[] {
  const found = new Set<number>();
  const wanted = new Set(asns);
  for (const [place, asn] of geo.placeAsn.entries()) if (wanted.has(asn)) found.add(geo.placeCountry[place]!);
  for (const prefix of prefixes) for (const place of placesWithin(prefix, geo)) found.add(geo.placeCountry[place]!);
  const codes = new Set([...found].map(number => geo.countries[number]!));
  // Of most IPv6 addresses that are nobody's the table says nothing (lookup6).
  if (prefixes.some(({ family }) => family === 6)) codes.add(UNKNOWN_COUNTRY);
  return [...codes].filter(code => !without.includes(code)).sort();
}

/** Places of the ranges that a prefix and they share addresses of. */
function* placesWithin({ family, words, length }: Prefix, geo: GeoTable): Generator<number> {
  const [starts, places] = family === 4 ? [geo.starts4, geo.places4] : [geo.starts6, geo.places6];
  const width = words.length;
  const last = Uint32Array.from(words, (word, n) => word | ~prefixMask(length, n));
  for (let range = lastNotAbove(starts, width, words); range < places.length; range++) {
    if (compare(starts, width, range, last) > 0) return;
    yield places[range]!;
  }
}

/** The range that has the address; the first begins at 0. */
function lastNotAbove(starts: Uint32Array, width: number, address: ArrayLike<number>): number {
  let low = 0;
  let high = starts.length / width - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (compare(starts, width, middle, address) > 0) high = middle - 1;
    else low = middle;
  }
  return low;
}

/** Above 0 if the range begins beyond the address. */
function compare(starts: Uint32Array, width: number, range: number, address: ArrayLike<number>): number {
  for (let n = 0; n < width; n++) {
    const difference = starts[width * range + n]! - address[n]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

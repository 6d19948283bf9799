/** The observed networks: which destinations become records. Disjoint sorted ranges, searched by halves. */
import { type Prefix, prefixMask } from '../record/address.ts';

export interface Observed {
  /** First and last IPv4 address of each range. */
  readonly first4: Uint32Array;
  readonly last4: Uint32Array;
  readonly prefixes6: readonly Prefix[];
}

/** Undefined networks observe everything. */
export function observe(prefixes: readonly Prefix[]): Observed | undefined {
  if (prefixes.length === 0) return undefined;
  const ranges: [number, number][] = [];
  const v4 = prefixes.filter(prefix => prefix.family === 4).sort((a, b) => a.words[0]! - b.words[0]!);
  for (const { words, length } of v4) {
    const first = words[0]!;
    const last = (first | ~prefixMask(length, 0)) >>> 0;
    const previous = ranges.at(-1);
    if (previous !== undefined && first <= previous[1]) previous[1] = Math.max(previous[1], last);
    else ranges.push([first, last]);
  }
  return {
    first4: Uint32Array.from(ranges, range => range[0]),
    last4: Uint32Array.from(ranges, range => range[1]),
    prefixes6: prefixes.filter(prefix => prefix.family === 6),
  };
}

export function observes4({ first4, last4 }: Observed, address: number): boolean {
  let low = 0;
  let high = first4.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (last4[middle]! < address) low = middle + 1;
    else high = middle;
  }
  return low < first4.length && first4[low]! <= address;
}

export function observes6({ prefixes6 }: Observed, w0: number, w1: number, w2: number, w3: number): boolean {
  for (const { words, length } of prefixes6) {
    const differs =
      ((w0 ^ words[0]!) & prefixMask(length, 0)) |
      ((w1 ^ words[1]!) & prefixMask(length, 1)) |
      ((w2 ^ words[2]!) & prefixMask(length, 2)) |
      ((w3 ^ words[3]!) & prefixMask(length, 3));
    if (differs === 0) return true;
  }
  return false;
}

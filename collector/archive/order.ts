/**
 * The order of a part's rows: by country and hour (their `top`), then by the time within, then as they came. First all rows go to
 * where those of their top lie, with their time beside their number; then each of these, which fit into the cache, is sorted by
 * radix. A third of the time that a radix sort over all rows takes, whose every pass reads and writes all over the memory.
 */
import { freeMemory } from '../../common/memory.ts';

/** Bits of a time that are sorted by at once: more where there are more rows than a count of each value. */
const FEW = { bits: 8, passes: 4 };
const MANY = { bits: 11, passes: 3 };
const manyFrom = 2048;

/** `tops` are below `topsMax`. Returns the numbers of the rows in their order. */
export function orderOf(tops: Uint16Array, times: Uint32Array, topsMax: number): Uint32Array<ArrayBuffer> {
  const count = tops.length;
  const ends = new Uint32Array(topsMax);
  const pairs = new Uint32Array(2 * count);
  partition(tops, times, ends, pairs);
  const largest = ends.reduce((most, end, top) => Math.max(most, end - (top === 0 ? 0 : ends[top - 1]!)), 0);
  const spare = new Uint32Array(2 * largest);
  const next = new Uint32Array(2 ** MANY.bits);
  const order = new Uint32Array(count);
  for (let top = 0, from = 0; top < topsMax; from = ends[top++]!) {
    const rows = ends[top]! - from;
    if (rows === 0) continue;
    sortRows(pairs.subarray(2 * from, 2 * (from + rows)), spare, next, order.subarray(from, from + rows));
  }
  for (const { buffer } of [pairs, spare]) freeMemory(buffer);
  return order;
}

/** Time and number of each row, those of a top together; `ends` becomes where those of each top end. */
function partition(tops: Uint16Array, times: Uint32Array, ends: Uint32Array, pairs: Uint32Array): void {
  const count = tops.length;
  for (let i = 0; i < count; i++) ends[tops[i]!]!++;
  startsOf(ends, ends.length);
  for (let i = 0; i < count; i++) {
    const to = 2 * ends[tops[i]!]!++;
    pairs[to] = times[i]!;
    pairs[to + 1] = i;
  }
}

/** Counts become sums of those before them. */
function startsOf(counts: Uint32Array, values: number): void {
  for (let value = 0, sum = 0; value < values; value++) {
    sum += counts[value]!;
    counts[value] = sum - counts[value]!;
  }
}

/** Writes the numbers of the pairs by their times. */
function sortRows(pairs: Uint32Array, spare: Uint32Array, next: Uint32Array, order: Uint32Array): void {
  const { bits, passes } = order.length < manyFrom ? FEW : MANY;
  let [from, to] = [pairs, spare];
  for (let pass = 0; pass < passes; pass++) {
    sortPass(from, to, order.length, bits * pass, 2 ** bits, next);
    [from, to] = [to, from];
  }
  for (let i = 0; i < order.length; i++) order[i] = from[2 * i + 1]!;
}

function sortPass(
  from: Uint32Array,
  to: Uint32Array,
  rows: number,
  shift: number,
  values: number,
  next: Uint32Array,
): void {
  next.fill(0, 0, values);
  for (let i = 0; i < rows; i++) next[(from[2 * i]! >>> shift) & (values - 1)]!++;
  startsOf(next, values);
  for (let i = 0; i < rows; i++) {
    const at = 2 * next[(from[2 * i]! >>> shift) & (values - 1)]!++;
    to[at] = from[2 * i]!;
    to[at + 1] = from[2 * i + 1]!;
  }
}

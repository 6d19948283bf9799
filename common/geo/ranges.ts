/**
 * Ranges while a table is being built.
 *
 * A list of boundaries rather than of pairs: range i runs from starts[i] to starts[i + 1] - 1, the last one to the end
 * of the address space, and starts[0] is 0. Ranges are then sorted and disjoint by construction, and unknown space is a
 * range with value 0. An address is a number for IPv4 and a bigint for IPv6.
 */
export interface Ranges<A extends number | bigint> {
  readonly starts: A[];
  readonly values: number[];
}

/** Value 0 from address `zero` on: what is known about nothing. */
export const allUnknown = <A extends number | bigint>(zero: A): Ranges<A> => ({ starts: [zero], values: [0] });

/** From `start` on the value is `value`. Starts never go down; at the same start the last word counts; equals join. */
export function append<A extends number | bigint>({ starts, values }: Ranges<A>, start: A, value: number): void {
  if (starts[starts.length - 1] === start) {
    starts.pop();
    values.pop();
  }
  if (values[values.length - 1] === value) return;
  starts.push(start);
  values.push(value);
}

/** One list with a boundary wherever `a` or `b` has one and the combined value changes. */
export function merge<A extends number | bigint>(
  a: Ranges<A>,
  b: Ranges<A>,
  combine: (a: number, b: number) => number,
): Ranges<A> {
  const merged: Ranges<A> = { starts: [], values: [] };
  let i = 0;
  let j = 0;
  for (;;) {
    let start = a.starts[i];
    if (b.starts[j] > start) start = b.starts[j];
    append(merged, start, combine(a.values[i], b.values[j]));
    const nextA = a.starts.at(i + 1);
    const nextB = b.starts.at(j + 1);
    if (nextA === undefined && nextB === undefined) return merged;
    // Both at once where they share a boundary: a pair that no address has must not be combined.
    if (nextA !== undefined && (nextB === undefined || nextA <= nextB)) i++;
    if (nextB !== undefined && (nextA === undefined || nextB <= nextA)) j++;
  }
}

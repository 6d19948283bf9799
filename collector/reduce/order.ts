/** Numbers put in order by their keys: a radix sort, for a comparison a pair would be a call a pair. */

/** Eight bits a digit: few enough buckets that each one's end stays in the cache. */
const DIGIT_BITS = 8;
const DIGIT_MASK = (1 << DIGIT_BITS) - 1;

type Words = Int32Array<ArrayBuffer>;

/** The values in the order of their keys, of which the lowest `bits` count, unsigned. Stable. The arrays given are used up. */
export function orderByKey(keys: Words, values: Words, bits: number): Words {
  let [sortedKeys, sortedValues] = [keys, values];
  let [spareKeys, spareValues] = [new Int32Array(keys.length), new Int32Array(keys.length)];
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    const starts = startsOf(sortedKeys, shift);
    if (starts === undefined) continue;
    place(sortedKeys, sortedValues, spareKeys, spareValues, shift, starts);
    [sortedKeys, spareKeys] = [spareKeys, sortedKeys];
    [sortedValues, spareValues] = [spareValues, sortedValues];
  }
  return sortedValues;
}

/** Numbers below the columns' length, in the order of two unsigned words each, the first the more significant. */
export function orderByWords(first: Words, second: Words): Words {
  const bySecond = orderByKey(
    second,
    Int32Array.from(second, (_, n) => n),
    32,
  );
  return orderByKey(
    bySecond.map(n => first[n]!),
    bySecond,
    32,
  );
}

/** Where the keys of each digit begin; undefined if all have the same, and nothing is to be moved. */
function startsOf(keys: Words, shift: number): Words | undefined {
  const starts = new Int32Array(DIGIT_MASK + 2);
  for (let i = 0; i < keys.length; i++) starts[((keys[i]! >>> shift) & DIGIT_MASK) + 1]!++;
  if (starts.includes(keys.length)) return undefined;
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  return starts;
}

function place(keys: Words, values: Words, toKeys: Words, toValues: Words, shift: number, starts: Words): void {
  for (let i = 0; i < keys.length; i++) {
    const to = starts[(keys[i]! >>> shift) & DIGIT_MASK]!++;
    toKeys[to] = keys[i]!;
    toValues[to] = values[i]!;
  }
}

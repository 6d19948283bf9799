/** The order in which a state has the keys of a set: each a high word and a low one, side by side. */

/** Whether the key at `at` comes before another: by its low word, then its high word, both unsigned. */
export const comesBefore = (keys: Int32Array, at: number, high: number, low: number): boolean =>
  keys[at + 1] === low ? keys[at]! >>> 0 < high >>> 0 : keys[at + 1]! >>> 0 < low >>> 0;

/** Fewer keys than this are sorted quicker by putting each in its place than by a call. */
const fewKeys = 32;

/** Sorts `count` keys that begin at `from`. */
export function sortKeys(words: Int32Array, from: number, count: number): void {
  if (count >= fewKeys) {
    // As 64-bit numbers the low word, which comes second, is the more significant.
    const keys = words.slice(from, from + 2 * count);
    new BigUint64Array(keys.buffer).sort();
    words.set(keys, from);
    return;
  }
  for (let i = from + 2; i < from + 2 * count; i += 2) {
    const high = words[i]!;
    const low = words[i + 1]!;
    let to = i;
    for (; to > from && !comesBefore(words, to - 2, high, low); to -= 2) {
      words[to] = words[to - 2]!;
      words[to + 1] = words[to - 1]!;
    }
    words[to] = high;
    words[to + 1] = low;
  }
}

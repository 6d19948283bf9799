/** 1 for 0, and 0 for all else: told without a branch that a processor could only guess. */
export const isZero = (word: number): number => Math.clz32(word) >>> 5;

/** Words one after another, in an array that grows: a loop may fill it behind `count` and say how many there are after. */
export class WordList {
  count = 0;
  #words = new Int32Array(1 << 10);

  /** Makes room for so many more; the array is to be used until the next call. */
  roomFor(more: number): Int32Array {
    const needed = this.count + more;
    if (needed > this.#words.length) {
      const words = new Int32Array(Math.max(needed, 4 * this.#words.length));
      words.set(this.#words.subarray(0, this.count));
      this.#words = words;
    }
    return this.#words;
  }

  push(word: number): void {
    this.roomFor(1)[this.count++] = word;
  }

  inUse(): Int32Array {
    return this.#words.subarray(0, this.count);
  }
}

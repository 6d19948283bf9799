const wordsMin = 1 << 4;
/** A megabyte. */
const wordsKept = 1 << 18;

/** Words one after another, in an array that grows: a loop may fill it behind `count` and say how many there are after. */
export class WordList {
  count = 0;
  #words = new Int32Array(0);

  /** Makes room for so many more; the array is to be used until the next call. */
  roomFor(more: number): Int32Array {
    const needed = this.count + more;
    if (needed > this.#words.length) {
      const words = new Int32Array(Math.max(needed, wordsMin, 4 * this.#words.length));
      words.set(this.#words.subarray(0, this.count));
      this.#words = words;
    }
    return this.#words;
  }

  push(word: number): void {
    this.roomFor(1)[this.count++] = word;
  }

  /** Begins anew, and lets go of room that is seldom needed. */
  clear(): void {
    this.count = 0;
    if (this.#words.length > wordsKept) this.#words = new Int32Array(0);
  }

  inUse(): Int32Array {
    return this.#words.subarray(0, this.count);
  }
}

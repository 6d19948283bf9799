/**
 * 32-bit words, one after another, for the encodings of states (codec.ts), whose fields are whole words. They are little-endian,
 * as all of memory is here (common/record/record.ts asserts it), so rows of tables are copied as they lie.
 */

import { grownWords } from './lines.ts';

/** The bytes are not the encoding of a state. */
export class BadState extends Error {
  override readonly name = 'BadState';
}

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BadState(what);
}

/** Packets of one cell or source. */
export const packetsMax = 2 ** 53;
const WORD_BYTES = 4;

export class Writer {
  /** What is written, and room for more. */
  words: Int32Array<ArrayBuffer> = new Int32Array(1 << 14);
  #at = 0;

  /** Makes room for so many words, which the caller writes; returns where they begin. To be called before `words` is read. */
  take(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.words.length) {
      this.words = grownWords(this.words, this.#at);
    }
    return at;
  }

  word(value: number): void {
    const at = this.take(1);
    this.words[at] = value;
  }

  /** A multiple of four bytes. */
  bytes(bytes: Uint8Array): void {
    const at = this.take(bytes.length / WORD_BYTES);
    new Uint8Array(this.words.buffer).set(bytes, WORD_BYTES * at);
  }

  written(): Uint8Array {
    return new Uint8Array(this.words.buffer, 0, WORD_BYTES * this.#at);
  }
}

export class Reader {
  readonly words: Int32Array;
  #at = 0;
  readonly #double = new Float64Array(1);
  readonly #doubleWords = new Int32Array(this.#double.buffer);

  /** Throws `BadState` if the bytes are no whole words. */
  constructor(bytes: Uint8Array) {
    check(bytes.length % WORD_BYTES === 0, 'it ends within a number');
    const aligned = bytes.byteOffset % WORD_BYTES === 0 ? bytes : bytes.slice();
    this.words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / WORD_BYTES);
  }

  /** Words not read yet. */
  get rest(): number {
    return this.words.length - this.#at;
  }

  /** Where the next so many words begin. Throws `BadState` if there are fewer. */
  peek(count: number): number {
    if (count > this.rest) throw new BadState('it ends too early');
    return this.#at;
  }

  /** The same, and goes past them. */
  take(count: number): number {
    const at = this.peek(count);
    this.#at += count;
    return at;
  }

  /** Unsigned. */
  word = (): number => this.words[this.take(1)]! >>> 0;

  double(at: number): number {
    this.#doubleWords[0] = this.words[at]!;
    this.#doubleWords[1] = this.words[at + 1]!;
    return this.#double[0]!;
  }

  bytes(count: number): Uint8Array {
    const at = this.take(count / WORD_BYTES);
    return new Uint8Array(this.words.buffer, this.words.byteOffset + WORD_BYTES * at, count);
  }
}

/**
 * Memory for tables whose entries are half a cache line or a whole one. A large block from the system's allocator begins 16
 * bytes into a page, so that without this every other entry of 32 bytes, and every one of 64, would lie across two lines: two
 * loads that miss where one would do.
 */
import { grownMemory } from '../../common/memory.ts';

const LINE_BYTES = 64;
const ALLOCATOR_BYTES = 16;

const bytesOf = (words: number): number => 4 * words + LINE_BYTES;
/** Words, an even number, that so many bytes hold. */
const lengthOf = (bytes: number): number => 2 * Math.floor((bytes - LINE_BYTES) / 8);

/** So many words, all 0, of which the first begins a cache line. */
export const createLines = (words: number): Int32Array<ArrayBuffer> =>
  new Int32Array(new ArrayBuffer(bytesOf(words)), LINE_BYTES - ALLOCATOR_BYTES, words);

/** The same in memory that another thread can look at. */
export const createSharedLines = (words: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(bytesOf(words)), LINE_BYTES - ALLOCATOR_BYTES, words);

/** The same words and more, which are 0, at least so many: nothing else may look at the memory they had. */
export function grownLines({ buffer, byteOffset }: Int32Array<ArrayBuffer>, words: number): Int32Array<ArrayBuffer> {
  const grown = grownMemory(buffer, bytesOf(words));
  return new Int32Array(grown, byteOffset, lengthOf(grown.byteLength));
}

/** The same of words that begin where their memory does, which is on no line. */
export const grownWords = ({ buffer }: Int32Array<ArrayBuffer>, words: number): Int32Array<ArrayBuffer> =>
  new Int32Array(grownMemory(buffer, 4 * words));

/** The same memory as doubles. */
export const doublesOver = ({ buffer, byteOffset, length }: Int32Array<ArrayBuffer>): Float64Array =>
  new Float64Array(buffer, byteOffset, length >> 1);

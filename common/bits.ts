/** Questions about words, answered without a branch that a processor could only guess. */

/** 1 if two words are the same, else 0. */
export const same = (a: number, b: number): number => Math.clz32(a ^ b) >>> 5;

/** Which bit of a word that is not 0 is the highest, and which the lowest; from 0. */
export const highestBit = (word: number): number => 31 - Math.clz32(word);
export const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

/** 1 for 0, and 0 for all else: told without a branch that a processor could only guess. */
export const isZero = (word: number): number => Math.clz32(word) >>> 5;

/** Which bit of a word that is not 0 is the highest, and which the lowest; from 0. */
export const highestBit = (word: number): number => 31 - Math.clz32(word);
export const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
